//! A peer as a process tree: started, measured by `/proc`, stopped.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ticks of `/proc/<pid>/stat` per second on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// A running peer; it and its children end when this is dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts the command with its output in `log`, and waits until the address accepts.
    pub fn start(command: &mut Command, log: &Path, address: SocketAddr) -> Result<Self, String> {
        let asked = Instant::now();
        while TcpStream::connect(address).is_ok() {
            if asked.elapsed() > Duration::from_secs(5) {
                return Err(format!("{address} is taken: something of an earlier run is still there"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let file = std::fs::File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let mut process = Process { child };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(15) {
            if TcpStream::connect(address).is_ok() {
                return Ok(process);
            }
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(format!("{name} ended with {status}; see {}", log.display()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{name} did not listen on {address}; see {}", log.display()))
    }

    /// CPU time of the tree so far, user and system, in microseconds.
    pub fn cpu_us(&self) -> u64 {
        let stats = self.tree().into_iter().map(|pid| PathBuf::from(format!("/proc/{pid}/stat")));
        let ticks: u64 = stats.filter_map(|stat| cpu_ticks(&stat)).sum();
        ticks * (1_000_000 / TICKS_PER_SECOND)
    }

    /// The part of it that threads of these names took, of the first process.
    pub fn cpu_us_of(&self, threads: &[&str]) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let tasks = tasks.into_iter().flatten().flatten().map(|task| task.path());
        let is_named = |task: &PathBuf| {
            let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
            threads.contains(&name.trim_end())
        };
        let ticks: u64 = tasks.filter(is_named).filter_map(|task| cpu_ticks(&task.join("stat"))).sum();
        ticks * (1_000_000 / TICKS_PER_SECOND)
    }

    /// Resident memory of the tree in KiB.
    pub fn rss_kib(&self) -> u64 {
        self.tree().into_iter().filter_map(rss_kib).sum()
    }

    fn tree(&self) -> Vec<u32> {
        let mut tree = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = tree.get(next).copied() {
            tree.extend(children(pid));
            next += 1;
        }
        tree
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The parent first: it would start its children anew.
        for pid in self.tree() {
            let _ = Command::new("kill").arg("-KILL").arg(pid.to_string()).stderr(Stdio::null()).status();
        }
        let _ = self.child.wait();
    }
}

fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let list = std::fs::read_to_string(path).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// User and system ticks: fields 14 and 15 of `stat`, counted behind the command's closing bracket.
fn cpu_ticks(stat: &Path) -> Option<u64> {
    let stat = std::fs::read_to_string(stat).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn rss_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}
