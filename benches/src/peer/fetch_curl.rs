//! libcurl's multi interface: a handle for each transfer in flight, used again for the next, which keeps its connection.

use crate::area::Job;
use crate::canned::BODY;
use crate::measure::{Sample, sample};
use curl::MultiError;
use curl::easy::{Easy2, Handler, WriteError};
use curl::multi::{Easy2Handle, Multi};
use std::time::Duration;

struct Body(Vec<u8>);

impl Handler for Body {
    fn write(&mut self, piece: &[u8]) -> Result<usize, WriteError> {
        self.0.extend_from_slice(piece);
        Ok(piece.len())
    }
}

pub(crate) fn run(job: &Job) -> Sample {
    let connections = job.connections();
    let mut multi = Multi::new();
    multi
        .set_max_connects(connections as usize)
        .expect("any number is allowed");
    let url = job.url();
    let mut idle: Vec<Easy2<Body>> = (0..connections)
        .map(|_| Easy2::new(Body(Vec::new())))
        .collect();
    idle = transfers(&multi, &url, idle, connections).expect("the canned server answers");
    sample(job.ops, || {
        transfers(&multi, &url, idle, job.ops).expect("the canned server answers");
    })
}

fn begin(multi: &Multi, url: &str, mut easy: Easy2<Body>) -> Result<Easy2Handle<Body>, MultiError> {
    easy.get_mut().0.clear();
    // Parsed each time, as ours is.
    easy.url(url).expect("it is a URL");
    multi.add2(easy)
}

fn transfers(
    multi: &Multi,
    url: &str,
    idle: Vec<Easy2<Body>>,
    ops: u64,
) -> Result<Vec<Easy2<Body>>, MultiError> {
    let (mut begun, mut ended) = (0, 0);
    let mut active = Vec::new();
    let mut free = Vec::new();
    for (at, easy) in idle.into_iter().enumerate() {
        if begun < ops {
            let mut handle = begin(multi, url, easy)?;
            handle.set_token(at).expect("a token is a number");
            active.push(Some(handle));
            begun += 1;
        } else {
            active.push(None);
            free.push(easy);
        }
    }
    while ended < ops {
        multi.perform()?;
        let mut done = Vec::new();
        multi.messages(|message| {
            let outcome = message.result().unwrap_or(Ok(()));
            outcome.expect("the canned server answers");
            done.push(message.token().expect("each has one"));
        });
        if done.is_empty() {
            multi.poll(&mut [], Duration::from_secs(1))?;
        }
        for at in done {
            ended += 1;
            let Some(handle) = active[at].take() else {
                continue;
            };
            let easy = multi.remove2(handle)?;
            assert_eq!(easy.get_ref().0.len(), BODY, "the body is cut short");
            if begun < ops {
                let mut handle = begin(multi, url, easy)?;
                handle.set_token(at).expect("a token is a number");
                active[at] = Some(handle);
                begun += 1;
            } else {
                free.push(easy);
            }
        }
    }
    Ok(free)
}
