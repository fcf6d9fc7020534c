//! Asking: one or two questions about a name, put to the servers in turn until there are answers. Without I/O: it says
//! what to send and until when to wait, and is told what came. Times are spans since a beginning of the caller's choice.
//!
//! A and AAAA go through the servers together, as in glibc's `res_send`: a server that fails one of the questions, and
//! answers the other, is not asked again.

pub(crate) mod answer;
pub(crate) mod servers;

use std::fmt;
use std::time::Duration;

use crate::limits::SERVERS;
use crate::wire::{BADCOOKIE, BADVERS, FORMERR, NOTIMP, REFUSED, Reply, SERVFAIL, Type};

/// How to go about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) timeout: Duration,
    pub(crate) attempts: u32,
    /// TCP from the start.
    pub(crate) use_vc: bool,
    /// One question at a time.
    pub(crate) single_request: bool,
}

/// One server in the order it is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Its number in the configuration.
    pub(crate) server: usize,
    /// Whether it takes EDNS, as far as is known.
    pub(crate) edns: bool,
}

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send question number `question`.
    Send {
        question: usize,
        server: usize,
        over_tcp: bool,
        edns: bool,
    },
    /// Wait for replies, at most until then.
    Wait(Duration),
    /// It is over: `into_outcome`.
    Done,
}

/// What makes a server useless for a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing came in time.
    Silent,
    /// It answered one question in time, and not the other: it is there.
    HalfSilent,
    /// The port is closed, or the network can't be reached.
    Refused,
    /// There is no descriptor left to ask it with: no fault of the server's.
    Unasked,
    /// It answered with this code.
    Code(u16),
    /// It answers for nobody, and does not ask others.
    Lame,
    /// Its message breaks the format.
    Malformed,
    /// The connection ended early.
    Closed,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Silent => "no answer in time",
            Trouble::HalfSilent => "one of two answers did not come in time",
            Trouble::Refused => "can't be reached",
            Trouble::Unasked => "not asked: too many files are open here",
            Trouble::Code(FORMERR) => "FORMERR: it does not understand the query",
            Trouble::Code(SERVFAIL) => "SERVFAIL: it could not find out",
            Trouble::Code(NOTIMP) => "NOTIMP: it does not know how",
            Trouble::Code(REFUSED) => "REFUSED: it does not answer us",
            Trouble::Code(BADCOOKIE) => "BADCOOKIE: it takes us for somebody else",
            Trouble::Code(code) => return write!(f, "response code {code}"),
            Trouble::Lame => "it knows nothing and asks nobody",
            Trouble::Malformed => "its message is malformed",
            Trouble::Closed => "it closed the connection",
        })
    }
}

/// Where a question stands with the server whose turn it is.
#[derive(Debug)]
enum State {
    Unsent,
    Sent,
    Answered(Reply),
    Failed,
}

#[derive(Debug)]
struct Question {
    rtype: Type,
    state: State,
    /// A server's own cookie was wrong once: the second time is final.
    cookie_renewed: bool,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Query {
    manner: Manner,
    turns: Vec<Turn>,
    questions: Vec<Question>,
    /// Where we are: round and place in it.
    round: u32,
    place: usize,
    over_tcp: bool,
    edns: bool,
    /// One question at a time, by choice or because the server seems to want it.
    single: bool,
    /// Set when the questions of this turn have gone out.
    deadline: Option<Duration>,
    /// A server was there, if only to be silent.
    met_anybody: bool,
    last: Option<(usize, Trouble)>,
    /// Troubles the caller has not been told yet.
    news: Vec<(usize, Trouble)>,
    last_code: u16,
    /// A TCP connection ended under us once: servers may close one whenever it seems idle (RFC 7766 §6.2.4).
    reconnected: bool,
    done: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// A reply for each question, where there is one.
    pub(crate) replies: Vec<Option<Reply>>,
    /// Whose turn it was when it ended: the replies are this server's.
    pub(crate) server: Option<usize>,
    /// The last trouble there was, and whose.
    pub(crate) trouble: Option<(usize, Trouble)>,
    /// No server could be reached at all.
    pub(crate) nobody: bool,
    /// The last one that was tried closed its connection: glibc has no error number for that.
    pub(crate) closed: bool,
    /// The last message we got was a SERVFAIL.
    pub(crate) servfail: bool,
}

impl Query {
    pub(crate) fn new(manner: Manner, turns: Vec<Turn>, types: &[Type]) -> Query {
        let questions = types.iter().map(|&rtype| Question {
            rtype,
            state: State::Unsent,
            cookie_renewed: false,
        });
        let edns = turns.first().is_some_and(|turn| turn.edns);
        Query {
            questions: questions.collect(),
            round: 0,
            place: 0,
            over_tcp: manner.use_vc,
            edns,
            single: manner.single_request,
            deadline: None,
            met_anybody: false,
            last: None,
            news: Vec::new(),
            last_code: 0,
            reconnected: false,
            done: turns.is_empty() || manner.attempts == 0,
            manner,
            turns,
        }
    }

    pub(crate) fn rtype(&self, question: usize) -> Type {
        self.questions[question].rtype
    }

    /// The server whose turn it is.
    pub(crate) fn server(&self) -> Option<usize> {
        (!self.done)
            .then(|| self.turns.get(self.place).map(|turn| turn.server))
            .flatten()
    }

    /// The replies that are there so far.
    pub(crate) fn replies(&self) -> impl Iterator<Item = (Type, &Reply)> {
        self.questions
            .iter()
            .filter_map(|question| match &question.state {
                State::Answered(reply) => Some((question.rtype, reply)),
                _ => None,
            })
    }

    /// The troubles with servers there were since this was last asked.
    pub(crate) fn take_troubles(&mut self) -> Vec<(usize, Trouble)> {
        std::mem::take(&mut self.news)
    }

    /// What is to be done now.
    pub(crate) fn next(&mut self, now: Duration) -> Step {
        loop {
            if self.done {
                return Step::Done;
            }
            let waiting = self
                .questions
                .iter()
                .any(|question| matches!(question.state, State::Sent));
            let unsent = self
                .questions
                .iter()
                .position(|question| matches!(question.state, State::Unsent));
            match (unsent, self.deadline) {
                (Some(question), _) if !(self.single && waiting) => {
                    self.questions[question].state = State::Sent;
                    let deadline = now + self.patience();
                    self.deadline.get_or_insert(deadline);
                    let server = self.turns[self.place].server;
                    return Step::Send {
                        question,
                        server,
                        over_tcp: self.over_tcp,
                        edns: self.edns,
                    };
                }
                (_, Some(deadline)) if waiting && now < deadline => return Step::Wait(deadline),
                _ if waiting => self.run_out(),
                _ => self.conclude(),
            }
        }
    }

    /// glibc's times: later servers of the list are given more in sum, and less each. It has three at most; further ones
    /// have as much as the third.
    fn patience(&self) -> Duration {
        let at = self.turns[self.place].server.min(SERVERS - 1);
        let seconds = self.manner.timeout.as_secs().saturating_mul(1 << at);
        let each = match at {
            0 => seconds,
            _ => seconds / self.turns.len() as u64,
        };
        match self.manner.timeout.subsec_nanos() {
            0 => Duration::from_secs(each.max(1)),
            // Not from a file: what the caller said, to the letter.
            _ => self.manner.timeout,
        }
    }

    /// The time of this turn is over.
    fn run_out(&mut self) {
        self.met_anybody = true;
        let some = self
            .questions
            .iter()
            .any(|question| matches!(question.state, State::Answered(_)));
        // Some servers and firewalls can't bear two questions at a time. As glibc: both are put again, one by one.
        if some && !self.single && !self.over_tcp {
            self.single = true;
            return self.reset(|_| true);
        }
        for question in &mut self.questions {
            if !matches!(question.state, State::Answered(_)) {
                question.state = State::Failed;
            }
        }
        self.note(match some {
            true => Trouble::HalfSilent,
            false => Trouble::Silent,
        });
    }

    /// Every question of this turn is answered or has failed.
    fn conclude(&mut self) {
        let some = self
            .questions
            .iter()
            .any(|question| matches!(question.state, State::Answered(_)));
        if some {
            self.done = true;
            return;
        }
        self.place += 1;
        if self.place == self.turns.len() {
            self.place = 0;
            self.round += 1;
        }
        // TCP tells for certain: one round of it is enough.
        let rounds = if self.over_tcp {
            1
        } else {
            self.manner.attempts
        };
        if self.place == 0 && self.round >= rounds {
            self.done = true;
            return;
        }
        self.edns = self.turns[self.place].edns;
        self.reconnected = false;
        self.single = self.manner.single_request;
        self.reset(|_| true);
    }

    fn reset(&mut self, which: impl Fn(&State) -> bool) {
        for question in &mut self.questions {
            if which(&question.state) {
                question.state = State::Unsent;
                question.cookie_renewed = false;
            }
        }
        self.deadline = None;
    }

    fn note(&mut self, trouble: Trouble) {
        self.last = self
            .turns
            .get(self.place)
            .map(|turn| (turn.server, trouble));
        self.news.extend(self.last);
    }

    fn fail(&mut self, question: usize, trouble: Trouble) {
        self.note(trouble);
        self.questions[question].state = State::Failed;
        // One by one: what has not been asked is not asked of this server.
        for question in self.questions.iter_mut().filter(|_| self.single) {
            if matches!(question.state, State::Unsent) {
                question.state = State::Failed;
            }
        }
    }

    fn is_waited_for(&self, question: usize) -> bool {
        !self.done && matches!(self.questions[question].state, State::Sent)
    }

    /// A reply that matches the question as it was sent.
    pub(crate) fn heard(&mut self, question: usize, reply: Reply) {
        if !self.is_waited_for(question) {
            return;
        }
        self.met_anybody = true;
        self.last_code = reply.rcode;
        match reply.rcode {
            _ if reply.truncated && !self.over_tcp => self.go_over_tcp(),
            FORMERR | NOTIMP | BADVERS if self.edns => {
                // RFC 6891 §7: it does not know EDNS.
                self.edns = false;
                self.reset(|state| !matches!(state, State::Answered(_)));
            }
            BADCOOKIE if !self.questions[question].cookie_renewed => {
                self.questions[question].cookie_renewed = true;
                self.questions[question].state = State::Unsent;
            }
            // RFC 7873 §5.3: the second time, by TCP.
            BADCOOKIE if !self.over_tcp => self.go_over_tcp(),
            code @ (SERVFAIL | NOTIMP | REFUSED | BADVERS) if !self.over_tcp => {
                self.fail(question, Trouble::Code(code));
            }
            _ if reply.lame && !self.over_tcp => self.fail(question, Trouble::Lame),
            _ => self.questions[question].state = State::Answered(reply),
        }
    }

    /// The whole reply did not fit, or came with letters in another case: TCP settles both.
    pub(crate) fn go_over_tcp(&mut self) {
        if !self.over_tcp {
            self.over_tcp = true;
            self.reset(|_| true);
        }
    }

    /// A message that has our question on it and can't be read.
    pub(crate) fn garbled(&mut self, question: usize) {
        if self.is_waited_for(question) {
            self.met_anybody = true;
            self.fail(question, Trouble::Malformed);
        }
    }

    /// The server says with a bare header that it won't (some leave the question out then).
    pub(crate) fn refused(&mut self, question: usize, code: u16) {
        if self.is_waited_for(question) {
            self.met_anybody = true;
            self.last_code = code;
            self.fail(question, Trouble::Code(code));
        }
    }

    /// The server can't be had: whatever was asked of it is lost, what it answered by UDP is not.
    pub(crate) fn lost(&mut self, question: usize, trouble: Trouble) {
        if !self.is_waited_for(question) {
            return;
        }
        if trouble == Trouble::Closed && !std::mem::replace(&mut self.reconnected, true) {
            return self.reset(|state| matches!(state, State::Sent));
        }
        self.note(trouble);
        for question in &mut self.questions {
            if !matches!(question.state, State::Answered(_)) {
                question.state = State::Failed;
            }
        }
    }

    pub(crate) fn into_outcome(self) -> Outcome {
        let replies: Vec<Option<Reply>> = self
            .questions
            .into_iter()
            .map(|question| match question.state {
                State::Answered(reply) => Some(reply),
                _ => None,
            })
            .collect();
        Outcome {
            replies,
            server: self.turns.get(self.place).map(|turn| turn.server),
            trouble: self.last,
            nobody: match self.over_tcp {
                true => matches!(self.last, Some((_, Trouble::Refused))),
                false => !self.met_anybody,
            },
            closed: matches!(self.last, Some((_, Trouble::Closed))),
            servfail: self.last_code == SERVFAIL,
        }
    }
}

#[cfg(test)]
mod tests;
