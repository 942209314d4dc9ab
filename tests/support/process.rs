//! Real programs: where they are, starting them, ending them.

use super::{PATIENCE, root};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A program of the system, or a failure that says how to get it. Never a silent skip.
pub fn part(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: run tests/run, which installs what the tests need"))
}

/// A program of the tests' Python environment.
pub fn venv(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("ZHAMEN_REAL_VENV").map_or_else(|| root().join("target/real/venv"), PathBuf::from);
    let file = folder.join("bin").join(name);
    assert!(
        file.is_file(),
        "{} is missing: run tests/run, which installs what the tests need",
        file.display()
    );
    file
}

/// A port that is free now. Whoever gets it should listen soon.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until there is something, and fails when that takes too long.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A running program, killed when dropped.
pub struct Process {
    name: String,
    child: Mutex<Child>,
    output: PathBuf,
}

impl Process {
    /// Starts it with both outputs in one file.
    pub fn start(command: &mut Command, output: &Path) -> Process {
        let file = File::create(output).unwrap();
        let name = command.get_program().display().to_string();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Process { name, child: Mutex::new(child), output: output.to_owned() }
    }

    /// Everything it wrote so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap()).into_owned()
    }

    /// Fails if it has ended, with what it wrote.
    pub fn check(&self) {
        let ended = self.child.lock().unwrap().try_wait().unwrap();
        assert!(ended.is_none(), "{} ended with {ended:?}:\n{}", self.name, self.output());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A poisoned lock still holds the child, and a child that has ended needs no killing.
        let child = self.child.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}
