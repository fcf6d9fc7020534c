//! What is compared: areas of cases, each with its peers.
//!
//! Here: the shape of a case and the list of all. Never here: a measurement.

use crate::measure::Sample;
use std::rc::Rc;

mod dns;
mod fetch;
mod idle;
mod large;
mod pingpong;
mod post;
mod promise;
mod serve;
mod timer;
mod weight;

/// One thing that several peers can do.
pub(crate) struct Case {
    pub(crate) area: &'static str,
    pub(crate) name: &'static str,
    /// What one operation is, for the table's heading.
    pub(crate) what: &'static str,
    pub(crate) ops: u64,
    /// The peer the others are divided by.
    pub(crate) reference: &'static str,
    pub(crate) setting: Setting,
    /// The step between the two lengths of a run whose system calls and allocations are counted; 0 counts none.
    pub(crate) counted: u64,
    /// How often a run does its operations, warming up included: counts see them all.
    pub(crate) rounds: u64,
    pub(crate) peers: Vec<Peer>,
}

/// What stands around a peer while it is measured.
#[derive(Clone, Copy)]
pub(crate) enum Setting {
    /// Nothing; one core.
    Alone,
    /// Nothing; both cores, for it has threads.
    Threads,
    /// The canned server, in a process and on a core of its own.
    Served,
    /// As that, but it sends as many MiB as the path says.
    Flooded,
    /// As that, over TLS.
    FloodedByTls,
    /// NSD, in a process and on a core of its own.
    Named,
    /// The peer is a server in a process and on a core of its own: this is its load.
    Loaded(Load),
}

/// What a server is given to do.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// What is sent over and over.
    pub(crate) message: &'static [u8],
    /// Connections that always have something under way, and how many messages each.
    pub(crate) active: usize,
    pub(crate) pipelined: usize,
    /// Connections on which nothing happens.
    pub(crate) idle: usize,
}

/// Somebody who can do it.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) how: How,
}

/// How a peer is run. What is no function of this binary gets the case's name, the number of operations and a port.
#[derive(Clone, Copy)]
pub(crate) enum How {
    /// In this binary, by this function.
    Here(fn(&Job) -> Sample),
    /// In this binary: a server. It prints its port and serves until its standard input ends.
    Server(fn() -> Result<(), String>),
    /// By an interpreter, after this option: a script that prints what [`Sample`] has.
    Script(&'static str, &'static str, &'static str),
    /// By a C program made when it is needed, linked with this library.
    C(&'static str, &'static str),
    /// A C program that is a server, as above.
    CServer(&'static str, &'static str),
    /// By wrk, over so many connections.
    Wrk(usize),
    Nginx,
    /// By a program built from these dependencies and this source, when it is needed.
    Build {
        dependencies: &'static str,
        source: &'static str,
    },
}

/// What a peer is asked to do.
pub(crate) struct Job {
    /// The case's name.
    pub(crate) case: &'static str,
    pub(crate) ops: u64,
    /// Where the server listens; 0 if the case has none.
    pub(crate) port: u16,
}

impl Job {
    /// How many connections; such cases are called by their number, and by what is special after a slash.
    pub(crate) fn connections(&self) -> u64 {
        let number = self.case.split('/').next();
        number.and_then(|number| number.parse().ok()).unwrap_or(1)
    }

    /// What to fetch, from a server at its root.
    pub(crate) fn url(&self) -> Rc<str> {
        format!("http://127.0.0.1:{}/", self.port).into()
    }

    /// What to fetch of a server of large bodies: so many MiB.
    pub(crate) fn url_of_all(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, self.ops)
    }

    /// The same of a server that speaks TLS.
    pub(crate) fn secure_url_of_all(&self) -> String {
        format!("https://127.0.0.1:{}/{}", self.port, self.ops)
    }
}

impl Case {
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.area, self.name)
    }

    /// Whether a filter from the command line means this case: nothing, an area, or area and case.
    pub(crate) fn matches(&self, filter: &str) -> bool {
        filter.is_empty() || filter == self.area || filter == self.id()
    }
}

impl Peer {
    pub(crate) fn new(name: &'static str, how: How) -> Peer {
        Peer { name, how }
    }

    pub(crate) fn here(name: &'static str, run: fn(&Job) -> Sample) -> Peer {
        Peer::new(name, How::Here(run))
    }
}

/// All cases, in the order of the report.
pub(crate) fn cases() -> Vec<Case> {
    [
        promise::cases(),
        timer::cases(),
        pingpong::cases(),
        idle::cases(),
        post::cases(),
        fetch::cases(),
        large::cases(),
        serve::cases(),
        dns::cases(),
        weight::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
