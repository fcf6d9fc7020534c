//! What the answers of one second have in common: the Date field, and the head of those that say nothing but their
//! status and that they are text. Such a head is rendered once and copied.

use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderValue, StatusCode};

use crate::h1::render_head;
use crate::response::PLAIN;

pub(super) struct Stock {
    /// The end of its second; `None` if that is beyond what the clock can count.
    until: Option<Instant>,
    date: HeaderValue,
    /// Of which answers, and up to the value of Content-Length.
    head: Option<((StatusCode, bool), Vec<u8>)>,
}

impl Stock {
    pub(super) fn new(now: Instant) -> Stock {
        Stock {
            until: now.checked_add(Duration::from_secs(1)),
            date: crate::clock::date(),
            head: None,
        }
    }

    /// All of it anew, once a second.
    pub(super) fn renew(&mut self, now: Instant) {
        if self.until.is_some_and(|until| now >= until) {
            *self = Stock::new(now);
        }
    }

    pub(super) fn date(&self) -> &HeaderValue {
        &self.date
    }

    /// The head of an answer with this status and no fields but these and the codec's, up to the body's length; `None`
    /// if such a status has no body, or none to be known here.
    pub(super) fn head(&mut self, status: StatusCode, plain: bool) -> Option<&[u8]> {
        let wanted = (status, plain);
        if self.head.as_ref().is_none_or(|(of, _)| *of != wanted) {
            let kind = plain.then_some((&CONTENT_TYPE, &PLAIN));
            let head = render_head(status, kind.into_iter().chain([(&DATE, &self.date)]))?;
            self.head = Some((wanted, head));
        }
        self.head.as_ref().map(|(_, head)| &head[..])
    }
}
