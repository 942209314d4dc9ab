//! What each peer is told: the same listener, the same upstream, two workers, no more than its part.

use std::path::Path;

/// Where everything is, shared by all peers.
pub struct Site<'a> {
    pub dir: &'a Path,
    pub upstream_port: u16,
    pub port: u16,
    /// mTLS on the listener instead of plain TCP.
    pub tls: bool,
    /// Public keys of the token issuer, as a JWKS document.
    pub jwks: &'a str,
}

/// The upstream of everybody: nginx that answers two fixed JSON bodies from memory.
pub fn upstream(site: &Site<'_>, small: &str, large: &str) -> String {
    std::fs::write(site.dir.join("small.json"), small).expect("the bench folder is writable");
    std::fs::write(site.dir.join("large.json"), large).expect("the bench folder is writable");
    let dir = site.dir.display();
    let locations: String = ["small", "large"]
        .iter()
        .map(|name| {
            format!("location /{name}/ {{ rewrite ^ /{name}.json break; root {dir}; default_type application/json; }}\n")
        })
        .collect();
    nginx(site, site.upstream_port, "upstream", "", &locations)
}

/// nginx as a bare reverse proxy.
pub fn nginx_proxy(site: &Site<'_>) -> String {
    let dir = site.dir.display();
    let tls = if site.tls {
        format!(
            "ssl_certificate {dir}/server.pem; ssl_certificate_key {dir}/server.key; ssl_client_certificate {dir}/ca.pem; \
             ssl_verify_client on; ssl_protocols TLSv1.2 TLSv1.3;"
        )
    } else {
        String::new()
    };
    let location = "location / { proxy_pass http://upstream_pool; proxy_http_version 1.1; proxy_set_header Connection \"\"; }\n";
    nginx(site, site.port, "proxy", &tls, location)
}

fn nginx(site: &Site<'_>, port: u16, name: &str, tls: &str, locations: &str) -> String {
    let (dir, upstream) = (site.dir.display(), site.upstream_port);
    let listen = if tls.is_empty() { format!("127.0.0.1:{port}") } else { format!("127.0.0.1:{port} ssl") };
    format!(
        "daemon off; worker_processes 2; pid {dir}/{name}.pid; error_log {dir}/{name}.err warn;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 100000000; sendfile on; tcp_nodelay on; open_file_cache max=8;\n\
         client_body_temp_path {dir}/{name}-body; proxy_temp_path {dir}/{name}-proxy; fastcgi_temp_path {dir}/{name}-f;\n\
         uwsgi_temp_path {dir}/{name}-u; scgi_temp_path {dir}/{name}-s;\n\
         upstream upstream_pool {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
         server {{ listen {listen} backlog=4096; server_name localhost; {tls}\n{locations} }} }}\n"
    )
}

/// HAProxy as a bare reverse proxy.
pub fn haproxy(site: &Site<'_>) -> String {
    let (dir, port, upstream) = (site.dir.display(), site.port, site.upstream_port);
    let tls = if site.tls {
        format!(" ssl crt {dir}/server-both.pem ca-file {dir}/ca.pem verify required")
    } else {
        String::new()
    };
    format!(
        "global\n  nbthread 2\n  maxconn 8192\n\
         defaults\n  mode http\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\n  http-reuse always\n\
         frontend f\n  bind 127.0.0.1:{port}{tls}\n  default_backend b\n\
         backend b\n  server u 127.0.0.1:{upstream} pool-max-conn 512\n"
    )
}

/// Envoy: bare, or with its part of the job (JWT, RBAC, local rate limit, access log).
pub fn envoy(site: &Site<'_>, job: bool) -> String {
    let filters = if job { envoy_job(site) } else { String::new() };
    let access_log = if job {
        format!(
            "\n          access_log:\n          - name: file\n            typed_config:\n              \
             \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog\n              path: {}/envoy-access.log",
            site.dir.display()
        )
    } else {
        String::new()
    };
    let (port, upstream, tls) = (site.port, site.upstream_port, envoy_tls(site));
    format!(
        r#"static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: s
          codec_type: HTTP1{access_log}
          route_config:
            virtual_hosts:
            - name: v
              domains: ["*"]
              routes: [{{ match: {{ prefix: "/" }}, route: {{ cluster: u }} }}]
          http_filters:{filters}
          - name: router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}{tls}
  clusters:
  - name: u
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: u
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream} }} }} }} }}] }}]
    circuit_breakers: {{ thresholds: [{{ max_connections: 4096, max_pending_requests: 8192, max_requests: 8192 }}] }}
"#
    )
}

fn envoy_tls(site: &Site<'_>) -> String {
    if !site.tls {
        return String::new();
    }
    let dir = site.dir.display();
    format!(
        r#"
      transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          require_client_certificate: true
          common_tls_context:
            tls_certificates: [{{ certificate_chain: {{ filename: {dir}/server.pem }}, private_key: {{ filename: {dir}/server.key }} }}]
            validation_context: {{ trusted_ca: {{ filename: {dir}/ca.pem }} }}"#
    )
}

fn envoy_job(site: &Site<'_>) -> String {
    let jwks = site.jwks.replace('"', "\\\"").replace('\n', "");
    format!(
        r#"
          - name: jwt
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                p:
                  issuer: https://idp.zhamen.demo
                  audiences: [zhamen]
                  payload_in_metadata: claims
                  local_jwks: {{ inline_string: "{jwks}" }}
              rules: [{{ match: {{ prefix: "/" }}, requires: {{ provider_name: p }} }}]
          - name: rbac
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules:
                action: ALLOW
                policies:
                  department:
                    permissions: [{{ url_path: {{ path: {{ prefix: "/" }} }} }}]
                    principals:
                    - metadata:
                        filter: envoy.filters.http.jwt_authn
                        path: [{{ key: claims }}, {{ key: department }}]
                        value: {{ string_match: {{ exact: 11330100MB0000019K }} }}
          - name: limit
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
              stat_prefix: l
              token_bucket: {{ max_tokens: 100000000, tokens_per_fill: 100000000, fill_interval: 1s }}
              filter_enabled: {{ default_value: {{ numerator: 100, denominator: HUNDRED }} }}
              filter_enforced: {{ default_value: {{ numerator: 100, denominator: HUNDRED }} }}"#
    )
}

/// The shipped catalogue of the civil affairs department, in front of the bench's upstream: a dataset
/// of which three fields in eight are masked for the department's own officers, and one that is open.
pub fn catalogue(shipped: &str, upstream_port: u16) -> String {
    let routes = |dataset: &str, path: &str, answer: &str| {
        ["small", "large"].map(|body| {
            format!(
                "  - method: GET\n    path: /{body}/{path}/{{id}}\n    dataset: {dataset}\n    interface: QUERY\n    \
                 upstream: civil-affairs\n    upstream_path: /{body}/{path}/{{id}}\n    \
                 subject: {{path: id, kind: resident-id}}\n    records_max: 10000\n{answer}"
            )
        })
    };
    let opaque = "    answer: opaque\n";
    let routes =
        [routes("marriage", "people", "").concat(), routes("bench-open", "open", opaque).concat()].concat();
    let open = "  bench-open:\n    code: 306009/1\n    title: {zh: 公开信息, en: Open data}\n    level: L1\n    \
                sharing: UNCONDITIONAL\n    personal: false\n    fields:\n      $.data: technical\n";
    shipped
        .replace("http://127.0.0.1:9701", &format!("http://127.0.0.1:{upstream_port}"))
        .replace("    health: {path: /healthz, interval: 5s, unhealthy_after: 3, healthy_after: 2}\n", "")
        .replace(
            "      $.data[*].spouseName: name\n",
            "      $.data[*].spouseName: name\n      $.data[*].witnessId: id-number\n",
        )
        .replace("\nroutes:\n", &format!("{open}\nroutes:\n{routes}"))
}
