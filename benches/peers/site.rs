//! One folder with everything the peers need: certificates, a token, bodies, configurations.

use crate::Peer;
use crate::configs::{self, Site};
use crate::process::Process;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;
use zhamen::demo::certs;
use zhamen::demo::tokens::{Claims, TokenIssuer};

const UPSTREAM_PORT: u16 = 19_700;
const PORT: u16 = 19_443;
const ADMIN_PORT: u16 = 19_600;
/// The provider's own officers read this dataset with direct identifiers masked.
const DEPARTMENT: &str = "11330100MB0000019K";
const APPLICATION: &str = "civil-affairs-window";
const SUBJECT: &str = "330106196502142015";

/// The bench folder, complete.
pub struct Bench {
    dir: PathBuf,
    root: PathBuf,
    jwks: String,
    token: String,
}

impl Bench {
    /// Makes certificates, token, bodies and folders under `target/peers`.
    pub fn set_up() -> Result<Bench, String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let dir = root.join("target/peers");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        certs::complete(&dir, &[], SystemTime::now()).map_err(|error| error.to_string())?;
        let both = [read(&dir, "server.pem")?, read(&dir, "server.key")?].concat();
        write(&dir, "server-both.pem", &both)?;
        let issuer = TokenIssuer::from_pem(&read(&dir, "issuer.key")?).map_err(|error| error.to_string())?;
        let now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())?;
        let token = issuer.mint(&claims(), now.as_secs() as i64).map_err(|error| error.to_string())?;
        let bench = Bench { jwks: read(&dir, "jwks.json")?, token, dir, root };
        bench.policies()?;
        Ok(bench)
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], PORT))
    }

    pub fn admin(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], ADMIN_PORT))
    }

    pub fn upstream(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], UPSTREAM_PORT))
    }

    /// nginx with two fixed bodies, of about 1 KiB and 64 KiB.
    pub fn start_upstream(&self) -> Result<Process, String> {
        let config = configs::upstream(&self.site(false), &body(1024), &body(64 * 1024));
        let path = write(&self.dir, "upstream.conf", &config)?;
        let address = SocketAddr::from(([127, 0, 0, 1], UPSTREAM_PORT));
        Process::start(Command::new("nginx").arg("-c").arg(path), &self.dir.join("upstream.log"), address)
    }

    /// Starts one peer on the common port.
    pub fn start(&self, peer: Peer, tls: bool) -> Result<Process, String> {
        let site = self.site(tls);
        let (config, name) = match peer {
            Peer::Nginx => (configs::nginx_proxy(&site), "nginx.conf"),
            Peer::HaProxy => (configs::haproxy(&site), "haproxy.cfg"),
            Peer::EnvoyBare => (configs::envoy(&site, false), "envoy-bare.yaml"),
            Peer::EnvoyJob => (configs::envoy(&site, true), "envoy-job.yaml"),
            Peer::ZhamenOpen | Peer::ZhamenDurable | Peer::ZhamenJob => {
                (self.zhamen(tls, peer != Peer::ZhamenDurable), "zhamen.yaml")
            }
        };
        let config = write(&self.dir, name, &config)?;
        let mut command = match peer {
            Peer::Nginx => arguments("nginx", &["-c"], &config),
            Peer::HaProxy => arguments("haproxy", &["-q", "-f"], &config),
            Peer::EnvoyBare | Peer::EnvoyJob => {
                let mut envoy = arguments(self.root.join("target/peers-venv/bin/envoy"), &["-c"], &config);
                envoy.args(["--concurrency", "2", "--log-level", "warn", "--base-id", "71"]);
                envoy
            }
            Peer::ZhamenOpen | Peer::ZhamenDurable | Peer::ZhamenJob => {
                let _ = fs::remove_dir_all(self.dir.join("audit"));
                let _ = fs::remove_dir_all(self.dir.join("usage"));
                arguments(env!("CARGO_BIN_EXE_zhamen"), &["run", "--create-audit-log", "--config"], &config)
            }
        };
        Process::start(&mut command, &self.dir.join(format!("{}.log", peer.name())), self.address())
    }

    /// The request on the wire. All carry the token: those who do not read it pass it on.
    pub fn request(&self, peer: Peer, body: &str) -> Vec<u8> {
        let path = match peer {
            Peer::ZhamenOpen | Peer::ZhamenDurable => format!("/{body}/open/{SUBJECT}"),
            _ => format!("/{body}/people/{SUBJECT}"),
        };
        format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\naccept: application/json\r\n\r\n",
            self.token
        )
        .into_bytes()
    }

    /// A client that presents the application's certificate.
    pub fn client_tls(&self) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate("ca.pem")).expect("the development CA is a CA");
        let key = PrivateKeyDer::from_pem_file(self.dir.join(format!("{APPLICATION}.key"))).expect("a key");
        let chain = vec![self.certificate(&format!("{APPLICATION}.pem"))];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .expect("certificate and key fit");
        Arc::new(config)
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.dir.join(name)).expect("a certificate")
    }

    fn site(&self, tls: bool) -> Site<'_> {
        Site { dir: &self.dir, upstream_port: UPSTREAM_PORT, port: PORT, tls, jwks: &self.jwks }
    }

    /// The shipped policies, with routes to the bench's upstream.
    fn policies(&self) -> Result<(), String> {
        let (from, to) = (self.root.join("policies"), self.dir.join("policies"));
        for folder in ["", "catalogue"] {
            let (from, to) = (from.join(folder), to.join(folder));
            fs::create_dir_all(&to).map_err(|error| error.to_string())?;
            for entry in fs::read_dir(&from).map_err(|error| error.to_string())?.flatten() {
                if entry.path().is_file() {
                    fs::copy(entry.path(), to.join(entry.file_name())).map_err(|error| error.to_string())?;
                }
            }
        }
        let file = "catalogue/civil-affairs.yaml";
        let shipped = read(&from, file)?;
        write(&to, file, &configs::catalogue(&shipped, UPSTREAM_PORT))?;
        Ok(())
    }

    fn zhamen(&self, tls: bool, best_effort: bool) -> String {
        let transport = if tls {
            "tls: {certificate_file: server.pem, key_file: server.key, client_ca_file: ca.pem, client_certificate_required: true}"
        } else {
            "danger_plain_text: true"
        };
        format!(
            "data:\n  address: 127.0.0.1:{PORT}\n  {transport}\nadmin: {{address: 127.0.0.1:{ADMIN_PORT}}}\nworkers: 2\n\
             limits: {{memory_budget_bytes: 1GiB, connections_max: 4096, connections_per_peer_max: 4096}}\n\
             identity:\n  issuers:\n    - issuer: https://idp.zhamen.demo\n      audience: zhamen\n      token_type: at+jwt\n\
             \x20     keys: {{file: jwks.json}}\n\
             audit: {{dir: audit, best_effort_l1: {best_effort}, queue_max: 65536}}\n\
             quotas:\n  caller: {{per_second: 1000000, burst: 1000000}}\n  application: {{per_second: 1000000, burst: 1000000}}\n\
             \x20 department: {{per_second: 1000000, burst: 1000000}}\n  total: {{per_second: 1000000, burst: 1000000}}\n\
             pseudonym_key_file: pseudonym.key\npolicies_dir: policies\n"
        )
    }
}

fn claims() -> Claims {
    Claims {
        sub: "bench-1".into(),
        client_id: APPLICATION.into(),
        department: DEPARTMENT.into(),
        post: "window-officer".into(),
        purpose: Some("own-duty".into()),
        ..Claims::default()
    }
}

/// A JSON answer of about so many bytes: records of eight fields.
fn body(bytes: usize) -> String {
    let record = |number: usize| {
        format!(
            "{{\"personId\":\"{SUBJECT}\",\"name\":\"诸葛孔明\",\"maritalStatus\":\"MARRIED\",\"registeredOn\":\"2019-05-{:02}\",\
             \"authority\":\"杭州市西湖区民政局\",\"spouseId\":\"330106199003070022\",\"spouseName\":\"欧阳娜娜\",\"witnessId\":\"440524188001010014\"}}",
            number % 28 + 1
        )
    };
    let mut text = String::from("{\"data\":[");
    for number in 0.. {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&record(number));
        if text.len() + 250 > bytes {
            break;
        }
    }
    text + "]}"
}

fn arguments(program: impl AsRef<std::ffi::OsStr>, before: &[&str], config: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(before).arg(config);
    command
}

fn read(dir: &Path, name: &str) -> Result<String, String> {
    fs::read_to_string(dir.join(name)).map_err(|error| format!("{name}: {error}"))
}

fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let path = dir.join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
