"""Asks with Python's requests, as a portal's developer would.

Reads {"ca": file, "asks": [{"url", "cert": [file, key] or null, "headers"}]} from standard input and
prints one {"status", "headers", "body", "error"} for each ask. One session for each certificate, so
that connections are kept and used again.
"""

import json
import sys

import requests

work = json.load(sys.stdin)
sessions = {}
replies = []
for ask in work["asks"]:
    cert = tuple(ask["cert"]) if ask["cert"] else None
    if cert not in sessions:
        session = requests.Session()
        session.trust_env = False
        session.verify = work["ca"]
        session.cert = cert
        sessions[cert] = session
    try:
        reply = sessions[cert].get(ask["url"], headers=ask["headers"], timeout=20)
        reply.encoding = "utf-8"
        headers = {name.lower(): value for name, value in reply.headers.items()}
        replies.append({"status": reply.status_code, "headers": headers, "body": reply.text, "error": ""})
    except requests.RequestException as error:
        replies.append({"status": 0, "headers": {}, "body": "", "error": type(error).__name__})
print(json.dumps(replies))
