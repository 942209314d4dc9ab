"""Receives OTLP/HTTP logs, JSON or protobuf, with the published protocol's own classes.

A batch is acknowledged when its records are in the file, one JSON object a line. What the protocol does
not know is refused with 400, a wrong token with 401.

usage: otlp_receiver.py PORT FILE [--tls CERT KEY CLIENT_CA] [--token TOKEN]
"""

import gzip
import http.server
import json
import os
import ssl
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

PORT, FILE, *OPTIONS = sys.argv[1:]
TOKEN = OPTIONS[OPTIONS.index("--token") + 1] if "--token" in OPTIONS else None


def value(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


def records(request):
    for resource in request.resource_logs:
        about = {one.key: value(one.value) for one in resource.resource.attributes}
        for scope in resource.scope_logs:
            for record in scope.log_records:
                yield {
                    "service": about["service.name"],
                    "scope": scope.scope.name,
                    "time": record.time_unix_nano,
                    "severity": record.severity_number,
                    "severity_text": record.severity_text,
                    "event": record.event_name,
                    "body": record.body.string_value,
                    "attributes": {one.key: value(one.value) for one in record.attributes},
                }


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if TOKEN and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, b"", "text/plain")
        kind = self.headers["Content-Type"]
        request, response = ExportLogsServiceRequest(), ExportLogsServiceResponse()
        try:
            if self.path != "/v1/logs":
                raise ValueError(self.path)
            if kind == "application/json":
                json_format.Parse(body, request)
            else:
                request.ParseFromString(body)
        except Exception as error:
            print(error, file=sys.stderr, flush=True)
            return self.answer(400, str(error).encode(), "text/plain")
        lines = "".join(json.dumps(one) + "\n" for one in records(request))
        with open(FILE, "a") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if kind == "application/json":
            return self.answer(200, json_format.MessageToJson(response).encode(), kind)
        return self.answer(200, response.SerializeToString(), kind)

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(PORT)), Receiver)
if "--tls" in OPTIONS:
    certificate, key, authority = OPTIONS[OPTIONS.index("--tls") + 1 :][:3]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
