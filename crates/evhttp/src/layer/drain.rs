//! What becomes of the body of an answer that a layer swallows: read to its
//! end if that is near, so that the connection lives. It is never shown.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use crate::body::Body;
use crate::limits::{DRAINED, DRAINED_WITHIN};
use crate::response::Response;

pub(super) async fn drain(response: &Response) {
    let Ok(mut body) = response.take_body() else {
        return;
    };
    let far = body.length().is_some_and(|length| length > DRAINED);
    if body.as_whole().is_some() || far {
        return;
    }
    let mut rest = pin!(read(&mut body));
    let mut alarm = None;
    poll_fn(|cx| {
        if rest.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // No timer for what is there already.
        let alarm = alarm.get_or_insert_with(|| evcore::sleep(DRAINED_WITHIN).into_future());
        Pin::new(alarm).poll(cx).map(|_| ())
    })
    .await;
}

async fn read(body: &mut Body) {
    let mut read = 0;
    while let Ok(Some(piece)) = body.next().await {
        read += piece.len() as u64;
        if read > DRAINED {
            return;
        }
    }
}
