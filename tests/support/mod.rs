//! What the tests with real parts share: a gateway as a process of its own, real programs beside it,
//! and curl. Everything listens on loopback ports of this run, lies in a folder of this run, and ends
//! when its value is dropped.
#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

mod curl;
mod pki;
mod process;

pub use curl::{Reply, curl};
pub use pki::Authority;
pub use process::{Process, free_port, part, until, venv};

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use zhamen::demo::departments::{BASE_PORT, Departments};
use zhamen::demo::tokens::{Claims, TokenIssuer};
use zhamen::demo::workspace::{Addresses, lay_out};

/// A resident of the demo city: applicant of the matter that the token `s1-officer` names.
pub const APPLICANT: &str = "330106196502142015";

/// The demo's folder, before a gateway serves from it.
pub struct Site {
    dir: TempDir,
    departments: Departments,
}

impl Site {
    /// Lays the folder out and starts the demo's departments.
    pub fn lay_out() -> Site {
        let dir = tempfile::tempdir().unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        lay_out(dir.path(), Addresses { data: any, admin: any, departments: BASE_PORT }, SystemTime::now())
            .unwrap();
        let site = Site { dir, departments: Departments::start(0).unwrap() };
        for (written, (department, address)) in (BASE_PORT..).zip(site.departments.addresses()) {
            let file = format!("policies/catalogue/{}.yaml", department.code());
            site.replace(&file, &format!("127.0.0.1:{written}"), &address.to_string());
        }
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file below the folder, which must exist.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces what must stand in the file.
    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} does not contain {from}");
        self.write(name, &text.replace(from, to));
    }

    /// Runs `zhamen run` and waits until it is ready.
    pub fn start(self) -> Gateway {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zhamen"));
        command.arg("run").arg("--config").arg(self.path("zhamen.yaml")).arg("--create-audit-log");
        let process = Process::start(&mut command, &self.path("gateway.log"));
        let line = until("the gateway to serve", || {
            process.check();
            // Only a line that has its end is whole.
            let output = process.output();
            output
                .split_inclusive('\n')
                .find(|line| line.contains(": serving ") && line.ends_with('\n'))
                .map(str::to_owned)
        });
        let address = |name: &str| -> SocketAddr {
            let rest = line.split_once(name).expect("the line names both addresses").1;
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        let gateway = Gateway { process, data: address("data="), admin: address("admin="), site: self };
        until("the gateway to be ready", || (gateway.admin("/readyz", &[]).status == 200).then_some(()));
        gateway
    }
}

/// A running gateway.
pub struct Gateway {
    // Before the folder it serves from: fields are dropped in this order.
    process: Process,
    pub data: SocketAddr,
    pub admin: SocketAddr,
    pub site: Site,
}

impl Gateway {
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.data)
    }

    /// curl's arguments that trust the gateway.
    pub fn trust(&self) -> Vec<String> {
        vec!["--cacert".to_owned(), self.file("certs/ca.pem")]
    }

    /// curl's arguments for a client certificate of the demo.
    pub fn certificate(&self, application: &str) -> Vec<String> {
        let file = |ending: &str| self.file(&format!("certs/{application}.{ending}"));
        vec!["--cert".to_owned(), file("pem"), "--key".to_owned(), file("key")]
    }

    /// curl's arguments for a token of the demo.
    pub fn token(&self, name: &str) -> Vec<String> {
        let token = fs::read_to_string(self.site.path(&format!("tokens/{name}.jwt"))).unwrap();
        bearer(&token)
    }

    /// An officer's token that is bound to no certificate.
    pub fn unbound_token(&self, application: &str, department: &str) -> String {
        let key = fs::read_to_string(self.site.path("certs/issuer.key")).unwrap();
        let claims = Claims {
            sub: "t-0001".to_owned(),
            client_id: application.to_owned(),
            department: department.to_owned(),
            post: "clerk".to_owned(),
            ..Claims::default()
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        TokenIssuer::from_pem(&key).unwrap().mint(&claims, i64::try_from(now).unwrap()).unwrap()
    }

    /// Asks as an application of the demo with one of its tokens.
    pub fn ask(&self, application: &str, token: &str, path: &str) -> Reply {
        let proofs = [self.trust(), self.certificate(application), self.token(token)];
        curl(&self.url(path), &proofs.concat())
    }

    /// Asks the admin plane.
    pub fn admin(&self, path: &str, arguments: &[&str]) -> Reply {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        curl(&format!("http://{}{path}", self.admin), &arguments)
    }

    pub fn file(&self, name: &str) -> String {
        self.site.path(name).display().to_string()
    }

    /// Log lines so far.
    pub fn log(&self) -> String {
        self.process.output()
    }

    /// Fails if the text stands in anything the gateway wrote on its own: log lines, audit log,
    /// pages of the admin plane.
    pub fn keeps_to_itself(&self, text: &str) {
        assert!(!self.log().contains(text), "{text} stands in the log lines");
        let mut segments = 0;
        for path in files_under(&self.site.path("audit")) {
            let content = fs::read(&path).unwrap();
            assert!(!contains(&content, text.as_bytes()), "{text} stands in {}", path.display());
            segments += usize::from(!content.is_empty());
        }
        assert!(segments > 0, "there is no audit log");
        for page in ["/metrics", "/admin/v1/state", "/admin/v1/callers", "/readyz?verbose"] {
            let reply = self.admin(page, &[]);
            assert_eq!(reply.status, 200, "{page}");
            assert!(!reply.body.contains(text), "{text} stands in {page}");
        }
    }
}

/// curl's arguments for a bearer token.
pub fn bearer(token: &str) -> Vec<String> {
    vec!["-H".to_owned(), format!("Authorization: Bearer {}", token.trim())]
}

fn contains(content: &[u8], text: &[u8]) -> bool {
    content.windows(text.len()).any(|window| window == text)
}

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of a folder, however deep.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_under(folder)));
    files
}
