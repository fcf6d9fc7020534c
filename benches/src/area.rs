//! What is compared: areas of cases, each with its peers.
//!
//! Here: the shape of a case and the list of all. Never here: a measurement.

use crate::measure::Sample;

mod fetch;
mod pingpong;
mod promise;
mod timer;

/// One thing that several peers can do.
pub(crate) struct Case {
    pub(crate) area: &'static str,
    pub(crate) name: &'static str,
    /// What one operation is, for the table's heading.
    pub(crate) what: &'static str,
    pub(crate) ops: u64,
    /// The peer the others are divided by.
    pub(crate) reference: &'static str,
    /// Whether it talks to the canned server, in a process and on a core of its own.
    pub(crate) served: bool,
    /// Whether its system calls are counted, in a further run under strace.
    pub(crate) traced: bool,
    pub(crate) peers: Vec<Peer>,
}

/// Somebody who can do it.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) how: How,
}

/// How a peer is run.
pub(crate) enum How {
    /// In this binary, by this function.
    Here(fn(&Job) -> Sample),
    /// By node: a script that takes the case's name and the number of operations.
    Node(&'static str),
}

/// What a peer is asked to do.
pub(crate) struct Job {
    pub(crate) ops: u64,
    /// Where the canned server listens; 0 if the case has none.
    pub(crate) port: u16,
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
    pub(crate) fn here(name: &'static str, run: fn(&Job) -> Sample) -> Peer {
        Peer {
            name,
            how: How::Here(run),
        }
    }
}

/// All cases, in the order of the report.
pub(crate) fn cases() -> Vec<Case> {
    [
        promise::cases(),
        timer::cases(),
        pingpong::cases(),
        fetch::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
