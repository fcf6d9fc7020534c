//! Recording calls as an HTTP archive (HAR 1.2), which browsers' developer
//! tools and many others read. A [`Layer`] like any user's: it sees what
//! [`ClientBuilder::wire_layer`](crate::ClientBuilder::wire_layer) shows it.
//! How an entry is written stands in `har/entry.rs`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use evcore::{Error, Reactor, Result};
use http::HeaderMap;

use crate::body::{Body, Pieces};
use crate::call::{Answer, Call, Layer, Next};
use crate::clock;
use crate::course::{Course, Timings};
use crate::limits::HAR_ENTRIES;
use crate::response::Response;

mod entry;

use entry::{Content, Entry};

/// Records every request that its client sends, and what came of it: an entry
/// each for redirects, challenges and second attempts, failures included.
/// Cheap to clone; clones share one log. Feature `har`.
///
/// URLs are recorded with their queries, without names and passwords. The
/// values of Authorization, Proxy-Authorization, Cookie and Set-Cookie, and of
/// fields marked as sensitive, are left out unless
/// [`secrets`](Recorder::secrets) wants them; bodies unless
/// [`bodies`](Recorder::bodies) does.
///
/// ```
/// use evhttp::{Client, har::Recorder};
///
/// let server = evhttp::serve("127.0.0.1:0", |_| "hello")?;
/// let recorder = Recorder::new().bodies(1 << 20);
/// let client = Client::builder().wire_layer(recorder.clone()).build();
/// evcore::run(client.fetch(format!("http://{}/a?b=c", server.local_addr())))?;
/// assert_eq!(recorder.len(), 1);
/// assert!(recorder.to_json().contains(r#""text": "hello""#));
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Recorder {
    log: Rc<RefCell<VecDeque<Entry>>>,
    /// Bytes of each body to keep.
    most: usize,
    secrets: bool,
}

impl Recorder {
    /// An empty log. It keeps the last
    /// [`limits::HAR_ENTRIES`](crate::limits::HAR_ENTRIES) entries.
    pub fn new() -> Recorder {
        Recorder::default()
    }

    /// Keeps bodies of up to so many bytes each. Of a longer one, and of a
    /// request's that is streamed, the size alone is noted.
    pub fn bodies(mut self, most: usize) -> Recorder {
        self.most = most;
        self
    }

    /// Whether passwords, tokens and cookies are recorded. They are not,
    /// unless told: archives are sent around.
    pub fn secrets(mut self, wanted: bool) -> Recorder {
        self.secrets = wanted;
        self
    }

    /// How many entries there are. One is made when its response's body ends,
    /// or is given up.
    pub fn len(&self) -> usize {
        self.log.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.log.borrow().is_empty()
    }

    /// Forgets all entries.
    pub fn clear(&self) {
        self.log.borrow_mut().clear();
    }

    /// The archive, as the text of a `.har` file; entries in the order in
    /// which they began.
    pub fn to_json(&self) -> String {
        let log = self.log.borrow();
        let mut entries: Vec<&Entry> = log.iter().collect();
        entries.sort_by_key(|entry| entry.began);
        entry::archive(&entries)
    }

    fn add(&self, entry: Entry) {
        let mut log = self.log.borrow_mut();
        if log.len() == HAR_ENTRIES {
            log.pop_front();
        }
        log.push_back(entry);
    }
}

/// Nothing of what was recorded: there are bodies, queries and fields in it.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({} entries)", self.log.borrow().len())
    }
}

impl Layer for Recorder {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        let mut watch = Watch::new(self, &call);
        Answer::later(async move {
            let outcome = next.send(call).await;
            watch.arrived();
            match outcome {
                Ok(response) => Ok(watch.follow(response)),
                Err(error) => Err(watch.failed(error)),
            }
        })
    }
}

/// One exchange under way. Its entry is made when this goes, however that
/// comes about.
struct Watch {
    recorder: Rc<Recorder>,
    course: Rc<Course>,
    /// What the call had spent before.
    before: Timings,
    /// When the head came.
    head: Option<Instant>,
    entry: Entry,
}

impl Watch {
    fn new(recorder: Rc<Recorder>, call: &Call) -> Watch {
        let course = call.phase.clone();
        course.measure(Reactor::current().now());
        let mut entry = Entry::new(clock::unix(), call, recorder.secrets);
        entry.sent = Content::new(call.body.length());
        if let Some(bytes) = call.body.as_whole() {
            entry.sent.add(bytes, recorder.most);
        }
        Watch {
            before: course.timings(),
            recorder,
            course,
            head: None,
            entry,
        }
    }

    /// The head has come, or nothing will.
    fn arrived(&mut self) {
        self.head = Some(Reactor::current().now());
        self.note();
    }

    fn failed(mut self, error: Error) -> Error {
        self.entry.failure = Some(error.to_string());
        error
    }

    fn note(&mut self) {
        self.entry.timings = self.course.timings().since(&self.before);
        self.entry.link = self.course.link();
    }

    fn follow(mut self, response: Response) -> Response {
        self.entry.answered(&response, self.recorder.secrets);
        response.map_body(|body| match body.as_whole() {
            Some(bytes) => {
                self.entry.received.add(bytes, self.recorder.most);
                body
            }
            None => Body::pieces(Heard { body, watch: self }),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let now = Reactor::current().now();
        match self.head {
            Some(head) => self.entry.timings.receive = now.saturating_duration_since(head),
            // Given up before there was an answer.
            None => {
                self.note();
                self.entry.failure = Some("given up".into());
            }
        }
        let entry = std::mem::take(&mut self.entry);
        self.recorder.add(entry);
    }
}

/// A body that is noted as it is read.
struct Heard {
    body: Body,
    watch: Watch,
}

impl Pieces for Heard {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let piece = self.body.poll_piece(cx);
        match &piece {
            Poll::Ready(Some(Ok(bytes))) => {
                self.watch
                    .entry
                    .received
                    .add(bytes, self.watch.recorder.most);
            }
            Poll::Ready(Some(Err(error))) => {
                self.watch.entry.failure = Some(error.to_string());
            }
            _ => {}
        }
        piece
    }

    fn length(&self) -> Option<u64> {
        self.body.length()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.body.take_trailers()
    }

    fn encoded(&self) -> Option<(u64, Option<u64>)> {
        self.body.encoded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_what_was_recorded() {
        let recorder = Recorder::new();
        let mut entry = Entry::default();
        let response = Response::plain("s3cret").with_header(
            http::header::SET_COOKIE,
            http::HeaderValue::from_static("id=s3cret"),
        );
        entry.answered(&response, false);
        entry.received.add(&Bytes::from("s3cret"), 100);
        recorder.add(entry);
        assert_eq!(format!("{recorder:?}"), "Recorder(1 entries)");
    }

    #[test]
    fn a_log_keeps_the_last_entries() {
        let recorder = Recorder::new();
        for number in 0..HAR_ENTRIES + 2 {
            let mut entry = Entry::default();
            entry.began += std::time::Duration::from_secs(number as u64);
            recorder.add(entry);
        }
        assert_eq!(recorder.len(), HAR_ENTRIES);
        assert_eq!(recorder.log.borrow()[0].began.as_secs(), 2);
        recorder.clear();
        assert!(recorder.is_empty());
    }
}
