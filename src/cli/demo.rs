//! `zhamen demo`: folder, departments and gateway in one process, and the scenarios on request.

use super::{Exit, failed, log};
use crate::config;
use crate::demo::certs::Fate;
use crate::demo::departments::{BASE_PORT, Departments};
use crate::demo::play::screen::Screen;
use crate::demo::play::{curl, play};
use crate::demo::workspace::{Addresses, Workspace, lay_out};
use crate::gateway::{AuditStart, Gateway};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Everything the demo makes lies here; it doubles as a first deployment
    #[arg(long, value_name = "DIR", default_value = "var/demo")]
    dir: PathBuf,
    /// Play the scenarios, show what each party saw, and end; a wrong outcome ends with 1
    #[arg(long)]
    play: bool,
    /// Where the data plane listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    address: SocketAddr,
    /// Where the admin plane listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9600")]
    admin_address: SocketAddr,
    /// Port of the first of the eight departments
    #[arg(long, value_name = "PORT", default_value_t = BASE_PORT, value_parser = clap::value_parser!(u16).range(1..=65528))]
    department_port: u16,
}

pub(super) fn demo(arguments: &Arguments) -> Exit {
    let addresses = Addresses {
        data: arguments.address,
        admin: arguments.admin_address,
        departments: arguments.department_port,
    };
    let workspace = match lay_out(&arguments.dir, addresses, SystemTime::now()) {
        Ok(workspace) => workspace,
        Err(error) => return failed(Exit::Found, &error),
    };
    report(&workspace);
    let settings = match config::load(&workspace.settings_file) {
        Ok(settings) => settings,
        Err(faults) => return failed(Exit::Configuration, &faults),
    };
    // A policy file that was edited and refused must be seen; ordinary lines would bury the curl lines.
    log::start(settings.log_json, "warn");
    let departments = match Departments::start(arguments.department_port) {
        Ok(departments) => departments,
        Err(error) => return failed(Exit::Found, &error),
    };
    let gateway = match Gateway::start(settings, AuditStart::MayCreate) {
        Ok(gateway) => gateway,
        Err(error) if error.is_configuration() => return failed(Exit::Configuration, &error),
        Err(error) => return failed(Exit::Found, &error),
    };
    let exit = if arguments.play { scenarios(&workspace, gateway) } else { serve(&workspace, gateway) };
    departments.stop();
    exit
}

/// What somebody ought to know about the folder.
fn report(workspace: &Workspace) {
    for file in &workspace.edited {
        eprintln!("{}: kept as it is, it differs from the shipped one", workspace.dir.join(file).display());
    }
    for (file, fate) in &workspace.certificates.0 {
        match fate {
            Fate::Made | Fate::Kept => {}
            Fate::Renewed | Fate::KeptBut(_) => {
                eprintln!("{}: {fate}", workspace.dir.join("certs").join(file).display());
            }
        }
    }
}

fn serve(workspace: &Workspace, gateway: Gateway) -> Exit {
    println!("zhamen serves https://{}; try:\n", gateway.data_address());
    for (what, line) in curl::lines(&workspace.dir, gateway.data_address()) {
        println!("# {what}\n{line}\n");
    }
    println!("zhamen demo --play plays all scenarios. Ctrl-C ends.");
    match gateway.wait() {
        Ok(()) => Exit::Done,
        Err(error) => failed(Exit::Found, &error),
    }
}

fn scenarios(workspace: &Workspace, gateway: Gateway) -> Exit {
    let mut out = std::io::stdout();
    let terminal = out.is_terminal();
    let no_color = std::env::var("NO_COLOR").ok();
    let mut screen = Screen::new(&mut out, terminal, no_color.as_deref());
    let played = play(&workspace.dir, gateway.data_address(), &mut screen);
    let stopped = gateway.stop();
    match (played, stopped) {
        (Err(error), _) => failed(Exit::Found, &error),
        (Ok(_), Err(error)) => failed(Exit::Found, &error),
        (Ok(score), Ok(())) if score.wrong > 0 => Exit::Found,
        (Ok(_), Ok(())) => Exit::Done,
    }
}
