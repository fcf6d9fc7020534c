//! Turning a peer into a command: this binary again, an interpreter, a C program compiled for the occasion.
//!
//! Here: programs, their arguments and their cores. Never here: a measurement.

use crate::area::{Case, How, Peer, Setting};
use crate::measure::built;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Servers have a core of their own; whatever else is measured has the other one.
pub(crate) const SERVER_CORE: &str = "0";
pub(crate) const CORE: &str = "1";
pub(crate) const BOTH: &str = "0,1";

/// What a run is given besides its peer.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    pub(crate) ops: u64,
    pub(crate) port: u16,
}

/// The command of a peer of a case, bound to its core.
pub(crate) fn command(case: &Case, peer: &Peer, arguments: Arguments) -> Result<Command, String> {
    let cores = match case.setting {
        Setting::Loaded(_) => SERVER_CORE,
        Setting::Threads => BOTH,
        _ => CORE,
    };
    let mut words: Vec<String> = match peer.how {
        How::Here(_) | How::Server(_) => {
            vec![this()?, "--one".into(), case.id(), peer.name.into()]
        }
        How::Script(program, option, source) => {
            vec![
                program.into(),
                option.into(),
                source.into(),
                case.name.into(),
            ]
        }
        How::C(library, source) | How::CServer(library, source) => {
            vec![compiled(library, source)?, case.id()]
        }
        How::Nginx => vec![
            "nginx".into(),
            "-c".into(),
            crate::peer::nginx::configuration()?,
        ],
        How::Build {
            dependencies,
            source,
        } => vec![built(peer.name, dependencies, source)?, case.id()],
        How::Wrk(_) => return Err("it is no plain command".into()),
    };
    if !matches!(peer.how, How::Nginx) {
        words.extend([arguments.ops.to_string(), arguments.port.to_string()]);
    }
    Ok(bound(cores, &words))
}

/// A command on these cores only. (Debian has nginx where a user's PATH does not look.)
pub(crate) fn bound(cores: &str, words: &[String]) -> Command {
    let mut command = Command::new("taskset");
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    command.env("PATH", path).args(["-c", cores]).args(words);
    command
}

pub(crate) fn this() -> Result<String, String> {
    let path = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(path.to_string_lossy().into_owned())
}

/// Where what is made on the way lies: beside this binary.
pub(crate) fn workshop() -> Result<PathBuf, String> {
    let path = PathBuf::from(this()?).with_file_name("evbench-made");
    std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// What every C peer shares.
const HEADER: &str = include_str!("peer/c/peer.h");

/// The path of the program made from a source, with a library such as `-lev`; made once in the life of this process. An
/// option `-shared` makes a library instead.
pub(crate) fn compiled(library: &'static str, source: &'static str) -> Result<String, String> {
    static MADE: Mutex<Option<HashMap<&'static str, Result<String, String>>>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    made.entry(source)
        .or_insert_with(|| compile(library, source))
        .clone()
}

fn compile(library: &str, source: &str) -> Result<String, String> {
    let workshop = workshop()?;
    let write = |name: &str, text: &str| {
        let path = workshop.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let name = library.trim_start_matches('-');
    write("peer.h", HEADER)?;
    write(&format!("{name}.c"), source)?;
    let output = Command::new("cc")
        .current_dir(&workshop)
        .args([
            "-O2",
            "-fPIC",
            "-pthread",
            "-o",
            name,
            &format!("{name}.c"),
            library,
        ])
        .output()
        .map_err(|error| format!("cc: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().find(|line| line.contains("error"));
        return Err(line.unwrap_or("cc failed").trim().to_owned());
    }
    Ok(workshop.join(name).to_string_lossy().into_owned())
}
