//! Faults C1, C2 and C5: what the canonical reading refuses, and that what it accepts has one meaning.

use proptest::prelude::*;
use zhamen::engine::canonical::{
    Canonical, CanonicalLimits, Head, Language, Segments, Version, canonical_path, canonical_query,
    forwardable, read,
};
use zhamen::engine::reason::Cause;
use zhamen::engine::terms::Method;

const HOST: (&str, &str) = ("host", "zhamen.demo");

fn head(target: &str) -> Head<'_> {
    Head { method: "GET", target, authority: None, version: Version::Http11, tls_name: None, secure: true }
}

fn ask(head: &Head, fields: &[(&str, &str)]) -> Result<Canonical, Cause> {
    ask_within(head, fields, &CanonicalLimits::default())
}

fn ask_within(head: &Head, fields: &[(&str, &str)], limits: &CanonicalLimits) -> Result<Canonical, Cause> {
    read(head, fields.iter().map(|(name, value)| (*name, value.as_bytes())), limits)
}

#[test]
fn h1_07_and_08_hosts() {
    use Cause::{BadHost, HostMismatch};
    let long = format!("{}.a", "a".repeat(64));
    for (target, hosts, expect) in [
        ("/", &["zhamen.demo"][..], Ok("zhamen.demo")),
        ("/", &["ZHAMEN.demo:8443"], Ok("zhamen.demo")),
        ("/", &[], Err(BadHost)),
        ("/", &["a", "a"], Err(BadHost)),
        ("/", &[""], Err(BadHost)),
        ("/", &["a@b"], Err(BadHost)),
        ("/", &["a:0"], Err(BadHost)),
        ("/", &["a, b"], Err(BadHost)),
        ("/", &["a."], Err(BadHost)),
        ("/", &["0x7f.1"], Err(BadHost)),
        ("/", &[long.as_str()], Err(BadHost)),
        ("https://a/", &["a"], Ok("a")),
        ("https://A:443/", &["a"], Ok("a")),
        ("HTTPS://a", &["a"], Ok("a")),
        ("https://b/", &["a"], Err(HostMismatch)),
        ("https://a:444/", &["a"], Err(HostMismatch)),
        ("http://a/", &["a"], Err(HostMismatch)),
        ("https://u@a/", &["a"], Err(BadHost)),
        ("https:///x", &["a"], Err(BadHost)),
        ("https://a/", &[], Err(BadHost)),
    ] {
        let fields: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let seen = ask(&head(target), &fields).map(|request| request.host);
        assert_eq!(seen, expect.map(str::to_owned), "{target} {hosts:?}");
    }
    assert_eq!(ask(&head("/"), &[("host", "张.demo")]).unwrap_err(), Cause::BadHeader, "not even ASCII");
}

#[test]
fn h2_06_08_09_and_14() {
    let limits = CanonicalLimits { host_names: vec!["a".into()], ..CanonicalLimits::default() };
    for (target, authority, fields, tls_name, expect) in [
        ("/", Some("a"), &[][..], Some("a"), Ok(())),
        ("/", Some("a"), &[("host", "a")], Some("A"), Ok(())),
        ("/", Some("a"), &[("te", "trailers")], None, Ok(())),
        ("/", None, &[("host", "a")], None, Ok(())),
        ("/", Some("a"), &[("host", "b")], None, Err(Cause::HostMismatch)),
        ("/", Some("a"), &[("host", "a:1")], None, Err(Cause::HostMismatch)),
        ("/", None, &[], None, Err(Cause::BadHost)),
        ("/", Some(""), &[], None, Err(Cause::BadHost)),
        ("/", Some("a"), &[], Some("b"), Err(Cause::MisdirectedHost)),
        ("/", Some("c"), &[], None, Err(Cause::MisdirectedHost)),
        ("", Some("a"), &[], None, Err(Cause::BadTarget)),
        ("x", Some("a"), &[], None, Err(Cause::BadTarget)),
        ("*", Some("a"), &[], None, Err(Cause::BadTarget)),
        ("https://a/", Some("a"), &[], None, Err(Cause::BadTarget)),
        ("/", Some("a"), &[("connection", "close")], None, Err(Cause::BadHeader)),
        ("/", Some("a"), &[("keep-alive", "1")], None, Err(Cause::BadHeader)),
        ("/", Some("a"), &[("proxy-connection", "x")], None, Err(Cause::BadHeader)),
        ("/", Some("a"), &[("transfer-encoding", "chunked")], None, Err(Cause::BadHeader)),
        ("/", Some("a"), &[("upgrade", "h2c")], None, Err(Cause::BadHeader)),
        ("/", Some("a"), &[("te", "gzip")], None, Err(Cause::BadHeader)),
        ("/", Some("a"), &[("Accept", "*/*")], None, Err(Cause::BadHeader)),
    ] {
        let head = Head { authority, version: Version::Http2, tls_name, ..head(target) };
        assert_eq!(ask_within(&head, fields, &limits).map(drop), expect, "{target} {authority:?} {fields:?}");
    }
}

#[test]
fn h1_09_methods() {
    for method in Method::ALL {
        let request = ask(&Head { method: method.code(), ..head("/a") }, &[HOST]).unwrap();
        assert_eq!(request.method, *method);
    }
    for method in ["get", "Get", "CONNECT", "TRACE", "PRI", "FOO", "", "GET "] {
        assert_eq!(
            ask(&Head { method, ..head("/a") }, &[HOST]).unwrap_err(),
            Cause::MethodUnknown,
            "{method}"
        );
    }
}

/// Targets that are read, and their canonical form.
const READ: &[(&str, &str)] = &[
    ("/", "/"),
    ("/secret", "/secret"),
    ("/%73ecret", "/secret"),
    ("/SECRET", "/SECRET"),
    ("/secret.", "/secret."),
    ("/secret%20", "/secret%20"),
    ("/...", "/..."),
    ("/.well-known", "/.well-known"),
    ("/%ef%bc%8f", "/%EF%BC%8F"),
    ("/e%cc%81", "/e%CC%81"),
    ("/a%2bb+c:d@e,f=g", "/a+b+c:d@e,f=g"),
    ("/secret?", "/secret"),
    ("/secret?x", "/secret?x="),
    ("/public?a=/../secret", "/public?a=/../secret"),
];

/// Targets that some server reads as another path.
const REFUSED: &[&str] = &[
    "/public?/../secret=1",
    "/public/../secret",
    "/public/%2e%2e/secret",
    "/public/.%2e/secret",
    "/public/%2E./secret",
    "/public/..;/secret",
    "/public/..%3b/secret",
    "/./secret",
    "/secret/.",
    "/..",
    "/a%2fb",
    "/a%2Fb",
    "/a%5cb",
    "/a\\b",
    "/a%252fb",
    "/a%25",
    "/a%c0%af",
    "/a%e0%80%af",
    "/a%ed%a0%80",
    "/a%ff",
    "/a%u002f",
    "/a%",
    "/a%2",
    "/a%zz",
    "//secret",
    "/a//b",
    "/secret/",
    "/secret;x=1",
    "/secret%00",
    "/secret%0a",
    "/secret%7f",
    "/secret%c2%85",
    "/secret%3fx",
    "/public%23/secret",
    "/public#/secret",
    "/a b",
    "/a\"b",
    "/a{b}",
    "/é",
    "/[a]",
    "secret",
    "",
    "*",
    "zhamen.demo:443",
    "ftp://zhamen.demo/",
];

#[test]
fn pa_01_to_05_paths() {
    for (target, canonical) in READ {
        assert_eq!(ask(&head(target), &[HOST]).unwrap().target(), *canonical, "{target}");
    }
    for target in REFUSED {
        let seen = ask(&head(target), &[HOST]);
        assert!(matches!(seen, Err(Cause::BadTarget | Cause::ParameterInvalid)), "{target} gave {seen:?}");
    }
}

#[test]
fn pa_06_queries() {
    let many: Vec<String> = (0..10_000).map(|n| format!("k{n}")).collect();
    let many = many.join("&");
    for (query, expect) in [
        ("id=1&name=x", Ok(&[("id", "1"), ("name", "x")][..])),
        ("i%64=1", Ok(&[("id", "1")])),
        ("q=a+b%2B%20c", Ok(&[("q", "a b+ c")])),
        ("q=a=b", Ok(&[("q", "a=b")])),
        ("q=%E5%BC%A0", Ok(&[("q", "张")])),
        ("q=%25", Ok(&[("q", "%")])),
        ("id=1&id=2", Err(Cause::ParameterTwice)),
        ("id=1&i%64=1", Err(Cause::ParameterTwice)),
        ("id=1&ID=2", Err(Cause::ParameterTwice)),
        ("id[]=1", Err(Cause::ParameterInvalid)),
        ("id%5B%5D=1", Err(Cause::ParameterInvalid)),
        ("id=1;role=admin", Err(Cause::ParameterInvalid)),
        ("id=1&", Err(Cause::ParameterInvalid)),
        ("&id=1", Err(Cause::ParameterInvalid)),
        ("=1", Err(Cause::ParameterInvalid)),
        ("id=%", Err(Cause::ParameterInvalid)),
        ("id=%4", Err(Cause::ParameterInvalid)),
        ("id=%zz", Err(Cause::ParameterInvalid)),
        ("id=%00", Err(Cause::ParameterInvalid)),
        ("id=%0d%0a", Err(Cause::ParameterInvalid)),
        ("id=%c0%af", Err(Cause::ParameterInvalid)),
        ("id=[1]", Err(Cause::ParameterInvalid)),
        ("access_token=x", Err(Cause::CredentialAmbiguous)),
        ("Access%5FToken=x", Err(Cause::CredentialAmbiguous)),
        (&many, Err(Cause::TargetSize)),
    ] {
        let limits = CanonicalLimits { target_bytes_max: 100_000, ..CanonicalLimits::default() };
        let seen = ask_within(&head(&format!("/a?{query}")), &[HOST], &limits).map(|request| request.query);
        let expect = expect.map(|pairs| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect());
        assert_eq!(seen, expect, "{}", &query[..query.len().min(40)]);
    }
}

#[test]
fn h1_12_and_13_limits() {
    let value = "v".repeat(8 * 1024 + 1);
    assert_eq!(ask(&head("/"), &[HOST, ("x-a", &value)]).unwrap_err(), Cause::HeaderSize);
    let hundred_and_one =
        [HOST].into_iter().chain(std::iter::repeat_n(("x-a", "v"), 100)).collect::<Vec<_>>();
    assert_eq!(ask(&head("/"), &hundred_and_one).unwrap_err(), Cause::HeaderSize);
    assert!(ask(&head("/"), &hundred_and_one[..100]).is_ok());
    let crumbs = vec![("cookie", &value[..7000]); 5];
    assert_eq!(ask(&head("/"), &crumbs).unwrap_err(), Cause::HeaderSize, "H2-05");
    let target = format!("/{}", "a".repeat(8 * 1024));
    assert_eq!(ask(&head(&target), &[HOST]).unwrap_err(), Cause::TargetSize);
    assert!(ask(&head(&target[..8 * 1024]), &[HOST]).is_ok());
}

#[test]
fn framing_fields() {
    for (fields, version, expect) in [
        (&[("content-length", "3")][..], Version::Http11, Ok(true)),
        (&[("content-length", "0")], Version::Http11, Ok(false)),
        (&[], Version::Http11, Ok(false)),
        (&[("transfer-encoding", "Chunked")], Version::Http11, Ok(true)),
        (&[("transfer-encoding", "chunked")], Version::Http10, Err(Cause::AmbiguousFraming)),
        (
            &[("transfer-encoding", "chunked"), ("content-length", "3")],
            Version::Http11,
            Err(Cause::AmbiguousFraming),
        ),
        (&[("transfer-encoding", "chunked, chunked")], Version::Http11, Err(Cause::AmbiguousFraming)),
        (&[("transfer-encoding", "gzip, chunked")], Version::Http11, Err(Cause::AmbiguousFraming)),
        (&[("transfer-encoding", "xchunked")], Version::Http11, Err(Cause::AmbiguousFraming)),
        (&[("transfer-encoding", "")], Version::Http11, Err(Cause::AmbiguousFraming)),
        (&[("content-length", "3"), ("content-length", "3")], Version::Http11, Err(Cause::BadLength)),
        (&[("content-length", "3, 3")], Version::Http11, Err(Cause::BadLength)),
        (&[("content-length", "+3")], Version::Http11, Err(Cause::BadLength)),
        (&[("content-length", "0x3")], Version::Http11, Err(Cause::BadLength)),
        (&[("content-length", "")], Version::Http11, Err(Cause::BadLength)),
        (&[("content-length", "18446744073709551616")], Version::Http11, Err(Cause::BadLength)),
        (&[("content-length", "3"), ("content-encoding", "gzip")], Version::Http11, Err(Cause::BodyFormat)),
        (&[("content-type", "application/json; charset=gbk")], Version::Http11, Err(Cause::BodyFormat)),
        (&[("content-type", "nonsense")], Version::Http11, Err(Cause::BodyFormat)),
    ] {
        let head = Head { method: "POST", version, ..head("/") };
        let fields: Vec<_> = [HOST].iter().chain(fields).copied().collect();
        assert_eq!(ask(&head, &fields).map(|request| request.has_body), expect, "{fields:?}");
    }
    let get = ask(&head("/"), &[HOST, ("content-length", "3")]);
    assert_eq!(get.unwrap_err(), Cause::BodyUnexpected, "a GET with a body");
}

#[test]
fn hop_fields_and_expectations() {
    for (fields, expect) in [
        (&[("expect", "100-Continue")][..], Ok(())),
        (&[("expect", "x")], Err(Cause::Expect)),
        (&[("upgrade", "h2c")], Err(Cause::UpgradeRefused)),
        (&[("upgrade", "websocket")], Err(Cause::UpgradeRefused)),
        (&[("http2-settings", "AAMAAABk")], Err(Cause::UpgradeRefused)),
        (&[("connection", "Upgrade")], Err(Cause::UpgradeRefused)),
        (&[("connection", "keep-alive, close")], Ok(())),
        (&[("connection", "x-identity")], Ok(())),
        (&[("connection", "authorization")], Err(Cause::BadHeader)),
        (&[("connection", "close, Purpose")], Err(Cause::BadHeader)),
        (&[("connection", "content-type")], Err(Cause::BadHeader)),
        (&[("connection", "accept-language")], Err(Cause::BadHeader)),
        (&[("connection", "host")], Err(Cause::BadHeader)),
        (&[("te", "trailers")], Ok(())),
        (&[("trailer", "x-checksum")], Ok(())),
        (&[("trailer", "Host")], Err(Cause::TrailerForbidden)),
        (&[("trailer", "x-a, content-length")], Err(Cause::TrailerForbidden)),
        (&[("x_http_method_override", "DELETE")], Err(Cause::IdentityHeader)),
        (&[("trailer", "x-http-method-override")], Err(Cause::TrailerForbidden)),
        (&[("x user", "a")], Err(Cause::BadHeader)),
        (&[("", "a")], Err(Cause::BadHeader)),
        (&[("x-a", "a\u{0}b")], Err(Cause::BadHeader)),
        (&[("x-a", "a\rb")], Err(Cause::BadHeader)),
        (&[("x-a", "a\nb")], Err(Cause::BadHeader)),
        (&[("x-a", "\u{7f}")], Err(Cause::BadHeader)),
        (&[("x-a", "é")], Err(Cause::BadHeader)),
        (&[("traceparent", "x")], Ok(())),
        (&[("traceparent", "x"), ("traceparent", "x")], Err(Cause::BadHeader)),
    ] {
        let fields: Vec<_> = [HOST].iter().chain(fields).copied().collect();
        assert_eq!(
            ask(&head("/"), &fields).map(|request| request.method),
            expect.map(|()| Method::Get),
            "{fields:?}"
        );
    }
}

#[test]
fn h1_10_overrides() {
    let names = "x-http-method-override x-http-method x-method-override x-original-method x-original-url \
                 x-original-uri x-rewrite-url x-override-url";
    for name in names.split_whitespace() {
        assert_eq!(ask(&head("/"), &[HOST, (name, "GET")]).map(drop), Err(Cause::OverrideHeader), "{name}");
    }
}

#[test]
fn id_07_one_credential() {
    let bearer = ("authorization", "Bearer a.b.c");
    for (fields, expect) in [
        (&[bearer][..], Ok(Some("a.b.c"))),
        (&[("authorization", "bearer a.b.c")], Ok(Some("a.b.c"))),
        (&[("cookie", "access_token=x")], Ok(None)),
        (&[bearer, ("cookie", "theme=dark")], Ok(Some("a.b.c"))),
        (&[bearer, bearer], Err(Cause::CredentialAmbiguous)),
        (&[bearer, ("x-api-key", "zk_a_b")], Err(Cause::CredentialAmbiguous)),
        (&[("x-api-key", "zk_a_b"), ("x-api-key", "zk_a_b")], Err(Cause::CredentialAmbiguous)),
        (&[bearer, ("proxy-authorization", "Basic x")], Err(Cause::CredentialAmbiguous)),
        (&[bearer, ("cookie", "a=1; access_token=x")], Err(Cause::CredentialAmbiguous)),
        (&[bearer, ("cookie", "s=eyJh.eyJp.c2ln")], Err(Cause::CredentialAmbiguous)),
        (&[("authorization", "Basic YTpi")], Err(Cause::TokenFormat)),
        (&[("authorization", "Bearer")], Err(Cause::TokenFormat)),
        (&[("authorization", "Bearer  a")], Err(Cause::TokenFormat)),
        (&[("authorization", "Bearer a, Bearer b")], Err(Cause::TokenFormat)),
        (&[("authorization", "Bearer a b")], Err(Cause::TokenFormat)),
    ] {
        let fields: Vec<_> = [HOST].iter().chain(fields).copied().collect();
        let seen = ask(&head("/"), &fields).map(|request| request.presented.bearer);
        assert_eq!(seen, expect.map(|token| token.map(str::to_owned)), "{fields:?}");
    }
}

#[test]
fn id_13_identity_fields() {
    for (fields, expect) in [
        (&[("x-user", "root"), ("x-client-cert", "y"), ("forwarded", "for=1")][..], Ok(())),
        (&[("zhamen-principal", "root")], Ok(())),
        (&[("x_harmless", "1")], Ok(())),
        (&[("x_user", "root")], Err(Cause::IdentityHeader)),
        (&[("x_client_cert", "y")], Err(Cause::IdentityHeader)),
        (&[("zhamen_principal", "y")], Err(Cause::IdentityHeader)),
        (&[("x-road_userid", "y")], Err(Cause::IdentityHeader)),
        (&[("matter_id", "y")], Err(Cause::IdentityHeader)),
        (&[("x_forwarded_for", "y")], Err(Cause::IdentityHeader)),
        (&[("content_length", "5")], Err(Cause::IdentityHeader)),
        (&[("purpose", "a"), ("purpose", "a")], Err(Cause::IdentityHeader)),
        (&[("purpose", "a,b")], Err(Cause::IdentityHeader)),
        (&[("purpose", "")], Err(Cause::IdentityHeader)),
        (&[("x-road-client", "CN/GOV/11330100MB0000019K/window")], Ok(())),
        (&[("x-road-client", "CN/GOV")], Err(Cause::IdentityHeader)),
        (&[("x-road-client", "CN//x")], Err(Cause::IdentityHeader)),
        (&[("x-road-client", "a/b/c/d/e")], Err(Cause::IdentityHeader)),
    ] {
        let fields: Vec<_> = [HOST].iter().chain(fields).copied().collect();
        assert_eq!(ask(&head("/"), &fields).map(drop), expect, "{fields:?}");
    }
    for name in [
        "x-user",
        "x-identity",
        "x-client-cert",
        "forwarded",
        "x-forwarded-for",
        "zhamen-principal",
        "range",
        "cookie",
        "accept-encoding",
        "authorization",
        "x-api-key",
        "connection",
        "te",
        "transfer-encoding",
        "if-none-match",
        "purpose",
        "x-road-userid",
        "host",
    ] {
        assert!(!forwardable(name), "{name}");
    }
}

#[test]
fn what_a_good_request_says() {
    let request = ask(
        &Head { method: "POST", tls_name: Some("zhamen.demo"), ..head("/v1/marriages/verify?size=10") },
        &[
            ("host", "zhamen.demo:8443"),
            ("content-length", "12"),
            ("content-type", "Application/JSON; charset=UTF-8"),
            ("accept", "application/json"),
            ("accept-language", "en;q=0.9, zh;q=0.3"),
            ("expect", "100-continue"),
            ("purpose", "social-assistance"),
            ("matter-id", "2026-001"),
            ("legal-basis", "STATUTORY_DUTY"),
            ("x-road-client", "CN/GOV/11330100MB0000019K"),
            ("x-road-id", "0f8fad5b-d9cb-469f-a165-70867728950e"),
            ("x-request-id", "<script>"),
        ],
    )
    .unwrap();
    assert_eq!(request.host, "zhamen.demo");
    assert_eq!(request.parameter("size"), Some("10"));
    assert_eq!(request.path.segments().len(), 3);
    assert_eq!(request.accept_language, Language::En);
    assert!(request.media.accepts("application/json") && request.expects_continue && request.has_body);
    assert_eq!(request.content_length, Some(12));
    assert_eq!(request.content_type.as_deref(), Some("application/json"));
    assert_eq!(request.presented.purpose.as_deref(), Some("social-assistance"));
    assert_eq!(request.presented.matter_id.as_deref(), Some("2026-001"));
    assert_eq!(request.presented.legal_basis.as_deref(), Some("STATUTORY_DUTY"));
    assert_eq!(
        request.presented.x_road.client.as_ref().map(|client| client.member.as_str()),
        Some("11330100MB0000019K")
    );
    assert!(request.presented.x_road.id.is_some());
    assert_eq!(request.presented.request_id, None, "not UUID-like");
    let shown = format!("{request:?}");
    assert!(!shown.contains("2026-001") && !shown.contains("marriages"), "{shown}");
}

/// Another reader of the same bytes: RFC 3986 with the WHATWG form decoding, written separately.
fn other_reader(target: &str) -> (Vec<String>, Vec<(String, String)>) {
    let plain = |text: &str| {
        let bytes = text.as_bytes();
        let mut out = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == b'%' {
                out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
                at += 3;
            } else {
                out.push(bytes[at]);
                at += 1;
            }
        }
        String::from_utf8(out).unwrap()
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let segments = path[1..].split('/').filter(|s| !s.is_empty()).map(plain).collect();
    let pairs = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').map(|(k, v)| (plain(k), plain(v))).unwrap())
        .collect();
    (segments, pairs)
}

proptest! {
    /// D1 and PA-10: the canonical form reads back as itself, and another reader sees the same.
    #[test]
    fn canonical_form_is_a_fixed_point(target in "/([a-zA-Z0-9%/._~;:@&=+$,?# \\\\-]|%[2-7][0-9a-fA-F]|%e5%bc%a0|[!'*()]){0,40}") {
        if let Ok(request) = ask(&head(&target), &[HOST]) {
            let canonical = request.target();
            let again = ask(&head(&canonical), &[HOST]).unwrap();
            prop_assert_eq!(&again.target(), &canonical);
            prop_assert_eq!(&again.query, &request.query);
            prop_assert_eq!(again.path.segments(), request.path.segments());
            let (segments, pairs) = other_reader(&canonical);
            prop_assert_eq!(segments.iter().map(|s| s.as_str()).collect::<Vec<_>>(), request.path.segments().iter().map(|s| &**s).collect::<Vec<_>>());
            prop_assert_eq!(pairs, request.query);
        }
    }

    /// Any text that may be a segment survives encoding and reading.
    #[test]
    fn encoded_segments_read_back(segments in proptest::collection::vec("[^/\\\\%?#;\\p{Cc}]{1,8}", 0..5)) {
        prop_assume!(segments.iter().all(|s| s != "." && s != ".."));
        let path = canonical_path(segments.iter().map(String::as_str));
        let read = Segments::read(&path).unwrap();
        prop_assert_eq!(read.segments().iter().map(|s| s.to_string()).collect::<Vec<_>>(), segments);
    }

    /// Any value survives as a query value.
    #[test]
    fn encoded_queries_read_back(value in "[^\\p{Cc}]{0,20}") {
        let query = canonical_query(&[("q".to_owned(), value.clone())]);
        let request = ask(&head(&format!("/a?{query}")), &[HOST]).unwrap();
        prop_assert_eq!(request.parameter("q"), Some(value.as_str()));
    }

    /// No input panics.
    #[test]
    fn nothing_panics(method in ".{0,8}", target in ".{0,40}", name in ".{0,12}", value in ".{0,30}") {
        let head = Head { method: &method, ..head(&target) };
        let _ = ask(&head, &[HOST, (&name, &value)]);
    }
}
