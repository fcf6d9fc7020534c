//! A row of the table, and how an outcome becomes its text: kinds by name, ports (which differ each time) as words.

use std::net::SocketAddr;

use bed::Raw;
use bed::raw::Step;
use evcore::{Promise, Result, run};
use evhttp::{Error, ErrorKind, Request, Response, get};

/// One fault: its name, and what a call makes of it.
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    /// What a program matches on; `answer` if the call goes well all the same.
    pub(crate) kind: &'static str,
    /// What a user reads.
    pub(crate) line: &'static str,
    pub(crate) provoke: fn() -> Told,
}

pub(crate) const fn row(
    fault: &'static str,
    kind: &'static str,
    line: &'static str,
    provoke: fn() -> Told,
) -> Row {
    Row {
        fault,
        kind,
        line,
        provoke,
    }
}

/// How a call ended.
pub(crate) struct Told {
    pub(crate) kind: String,
    pub(crate) line: String,
}

impl Told {
    /// With an address as a word.
    pub(crate) fn naming(self, address: SocketAddr, word: &str) -> Told {
        let line = self.line.replace(&address.to_string(), word);
        let line = line.replace(&format!(":{}", address.port()), ":PORT");
        Told { line, ..self }
    }
}

impl From<Result<Response>> for Told {
    fn from(outcome: Result<Response>) -> Told {
        match outcome {
            Ok(page) => Told {
                kind: "answer".into(),
                line: format!("{} {}", page.status().as_u16(), page.text().unwrap()),
            },
            Err(error) => error.into(),
        }
    }
}

impl From<evcore::Error> for Told {
    fn from(error: evcore::Error) -> Told {
        let kind = match error.downcast_ref::<Error>().map(Error::kind) {
            Some(ErrorKind::Protocol(fault)) => format!("Protocol({})", name(fault.kind())),
            Some(ErrorKind::Tls(tls)) => format!("Tls({})", name(tls.kind())),
            Some(kind) => name(kind),
            None => format!("{:?}", error.kind()),
        };
        let line = error.to_string();
        Told { kind, line }
    }
}

/// The name of a variant, without what it holds.
fn name(variant: impl std::fmt::Debug) -> String {
    let text = format!("{variant:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}

/// What comes of a call to no peer of the test's.
pub(crate) fn told(call: Promise<Response>) -> Told {
    run(call).into()
}

/// What comes of a call to a server that plays a script.
pub(crate) fn told_by(script: Vec<Step>, call: impl FnOnce(Request) -> Promise<Response>) -> Told {
    let raw = Raw::serve(script);
    told(call(get(raw.url("/")))).naming(raw.address(), "SERVER")
}

/// What comes of a server that reads the request's head, says this, and closes.
pub(crate) fn said(bytes: impl AsRef<[u8]>) -> Told {
    let bytes = Step::Send(bytes.as_ref().to_vec());
    told_by(vec![Step::ReadHead, bytes, Step::Close], Request::send)
}

/// What comes of an answer that is whole, and of what is done with it.
pub(crate) fn answered(answer: impl AsRef<[u8]>, then: fn(Response) -> Result<Response>) -> Told {
    let answer = Step::Send(answer.as_ref().to_vec());
    let raw = Raw::serve(vec![Step::ReadHead, answer]);
    let outcome = run(get(raw.url("/")).send()).and_then(then);
    Told::from(outcome).naming(raw.address(), "SERVER")
}
