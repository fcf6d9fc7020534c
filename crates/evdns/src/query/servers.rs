//! Which servers are asked, in which order: the configured one, but for those that have lately been of no use. Pure.

use std::time::Duration;

use super::Turn;
use crate::limits::{PLAIN_KEPT, PROBE_PAUSE};

/// What is known of the servers.
#[derive(Debug)]
pub(crate) struct Servers {
    all: Vec<Server>,
    rotate: bool,
    /// Where rotation is.
    offset: usize,
}

#[derive(Clone, Debug, Default)]
struct Server {
    /// It did not answer; since when, by the last time it was tried.
    tried: Option<Duration>,
    /// It did not know EDNS then.
    plain: Option<Duration>,
}

impl Servers {
    /// `offset`: where rotation begins, at random.
    pub(crate) fn new(count: usize, rotate: bool, offset: usize) -> Servers {
        Servers {
            all: vec![Server::default(); count],
            rotate,
            offset,
        }
    }

    /// Who is asked, first to last. Split DNS relies on the configured order, so nobody is sorted by speed.
    pub(crate) fn turns(&mut self, edns: bool, now: Duration) -> Vec<Turn> {
        let count = self.all.len();
        let first = match self.rotate && count > 0 {
            true => self.offset % count,
            false => 0,
        };
        self.offset = self.offset.wrapping_add(1);
        let turn = |server: usize| {
            let plain = self.all[server].plain;
            let knows = plain.is_none_or(|since| now.saturating_sub(since) > PLAIN_KEPT);
            Turn {
                server,
                edns: edns && knows,
            }
        };
        let mut turns: Vec<Turn> = (first..count).chain(0..first).map(turn).collect();
        turns.sort_by_key(|turn| self.all[turn.server].tried.is_some());
        turns
    }

    /// It answered: first again. True if it had not been.
    pub(crate) fn succeeded(&mut self, server: usize) -> bool {
        self.all
            .get_mut(server)
            .is_some_and(|server| server.tried.take().is_some())
    }

    /// It did not answer. Nobody is demoted who is alone.
    pub(crate) fn failed(&mut self, server: usize, now: Duration) {
        if self.all.len() > 1
            && let Some(server) = self.all.get_mut(server)
        {
            server.tried = Some(now);
        }
    }

    /// It answers in place of one that is configured before it and was of no use: with split DNS that one may know
    /// better. Servers in rotation are all the same.
    pub(crate) fn stands_in(&self, server: usize) -> bool {
        server > 0 && !self.rotate
    }

    /// It does not understand EDNS.
    pub(crate) fn is_plain(&mut self, server: usize, now: Duration) {
        if let Some(server) = self.all.get_mut(server) {
            server.plain = Some(now);
        }
    }

    /// The demoted servers that are due to be tried again in the background; they count as tried from now on.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<usize> {
        let mut due = Vec::new();
        for (n, server) in self.all.iter_mut().enumerate() {
            if server
                .tried
                .is_some_and(|tried| now.saturating_sub(tried) >= PROBE_PAUSE)
            {
                server.tried = Some(now);
                due.push(n);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn order(servers: &mut Servers) -> Vec<usize> {
        servers
            .turns(true, NOW)
            .iter()
            .map(|turn| turn.server)
            .collect()
    }

    #[test]
    fn who_fails_comes_last_until_it_answers() {
        let mut servers = Servers::new(3, false, 0);
        assert_eq!(order(&mut servers), [0, 1, 2]);
        servers.failed(0, NOW);
        assert_eq!(order(&mut servers), [1, 2, 0]);
        assert!(servers.succeeded(0));
        assert!(!servers.succeeded(0));
        assert_eq!(order(&mut servers), [0, 1, 2]);
    }

    #[test]
    fn rotation_begins_with_the_next_each_time() {
        let mut servers = Servers::new(3, true, 1);
        assert_eq!(order(&mut servers), [1, 2, 0]);
        assert_eq!(order(&mut servers), [2, 0, 1]);
        assert_eq!(order(&mut servers), [0, 1, 2]);
    }

    #[test]
    fn the_demoted_are_tried_every_five_seconds() {
        let mut servers = Servers::new(2, false, 0);
        servers.failed(1, NOW);
        assert!(servers.due(NOW + PROBE_PAUSE / 2).is_empty());
        assert_eq!(servers.due(NOW + PROBE_PAUSE), [1]);
        assert!(servers.due(NOW + PROBE_PAUSE * 3 / 2).is_empty());
        assert_eq!(servers.due(NOW + PROBE_PAUSE * 2), [1]);
        servers.succeeded(1);
        assert!(servers.due(NOW + PROBE_PAUSE * 4).is_empty());
    }

    #[test]
    fn edns_is_spared_those_who_do_not_know_it_for_a_while() {
        let mut servers = Servers::new(1, false, 0);
        servers.is_plain(0, NOW);
        assert!(!servers.turns(true, NOW)[0].edns);
        assert!(servers.turns(true, NOW + PLAIN_KEPT * 2)[0].edns);
        assert!(!servers.turns(false, NOW + PLAIN_KEPT * 2)[0].edns);
    }
}
