//! The time limit of a whole call, to the last byte of its body. Says nothing
//! about what happens within that time.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use evcore::{Await, Result, sleep};
use http::HeaderMap;
use url::Url;

use crate::body::{Body, Pieces};
use crate::call::{Answer, Call, Layer, Next};
use crate::course::Course;
use crate::error::{Error, ErrorKind, Phase};

pub(crate) struct Deadline;

impl Layer for Deadline {
    fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
        let Some(limit) = call.options.deadline else {
            return next.send(call);
        };
        let mut alarm = Alarm {
            timer: sleep(limit).into_future(),
            limit,
            url: call.url.clone(),
            phase: call.phase.clone(),
        };
        let mut answer = next.send(call);
        Answer::later(async move {
            let response = poll_fn(|cx| match Pin::new(&mut answer).poll(cx) {
                Poll::Pending => alarm.poll(cx, None).map(Err),
                ready => ready,
            });
            let response = response.await?;
            Ok(response.map_body(|body| {
                Body::pieces(Timed {
                    total: body.length(),
                    received: 0,
                    body,
                    alarm,
                })
            }))
        })
    }
}

struct Alarm {
    timer: Await<()>,
    limit: Duration,
    url: Url,
    phase: Rc<Course>,
}

impl Alarm {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        received: Option<(u64, Option<u64>)>,
    ) -> Poll<evcore::Error> {
        Pin::new(&mut self.timer).poll(cx).map(|ended| match ended {
            Ok(()) => self.error(received).into(),
            Err(closed) => closed,
        })
    }

    fn error(&self, received: Option<(u64, Option<u64>)>) -> Error {
        let late = ErrorKind::TimedOut { limit: self.limit };
        match received {
            Some((received, total)) => Error::new(Phase::Body, late).after(received, total),
            None => Error::new(self.phase.get(), late),
        }
        .about(&self.url)
    }
}

/// A body that has to end in time.
struct Timed {
    body: Body,
    alarm: Alarm,
    received: u64,
    total: Option<u64>,
}

impl Pieces for Timed {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        // The alarm first: of a body that is always ahead of its reader nobody
        // ever has to wait.
        let so_far = Some((self.received, self.total));
        if let Poll::Ready(error) = self.alarm.poll(cx, so_far) {
            return Poll::Ready(Some(Err(error)));
        }
        let piece = self.body.poll_piece(cx);
        if let Poll::Ready(Some(Ok(piece))) = &piece {
            self.received += piece.len() as u64;
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

    /// A body without end that is always ahead of its reader.
    struct Endless;

    impl Pieces for Endless {
        fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
            Poll::Ready(Some(Ok(Bytes::from_static(b"x"))))
        }

        fn length(&self) -> Option<u64> {
            None
        }
    }

    #[test]
    fn behind_the_error_there_is_nothing_more() {
        let read = evcore::spawn(async {
            let limit = Duration::ZERO;
            let alarm = Alarm {
                timer: sleep(limit).into_future(),
                limit,
                url: Url::parse("http://a.example/").unwrap(),
                phase: Rc::new(Course::new()),
            };
            // Its time is over before the first piece.
            sleep(limit).await?;
            let mut body = Body::pieces(Timed {
                body: Body::pieces(Endless),
                alarm,
                received: 0,
                total: None,
            });
            let error = body.next().await.unwrap_err();
            assert!(error.to_string().contains("timed out"), "{error}");
            for _ in 0..3 {
                assert_eq!(body.next().await?, None);
            }
            Ok(())
        });
        evcore::run(read.timeout(Duration::from_secs(60))).unwrap();
    }
}
