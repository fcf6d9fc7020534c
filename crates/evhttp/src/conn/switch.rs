//! A connection that leaves HTTP: what a 101 has to say, and how its stream is handed over. What else may come of a call is
//! `wire`'s business.

use std::result::Result;

use http::HeaderMap;
use http::header::UPGRADE;
use url::Url;

use super::drive::Drive;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase};
use crate::h1::{Fault, FaultKind, ResponseHead};
use crate::response::Response;
use crate::upgraded::Upgraded;

/// The response to a request with the fields `asked`, whose connection speaks another protocol from now on.
#[cold]
pub(super) fn respond(
    mut drive: Box<Drive>,
    head: ResponseHead,
    asked: &HeaderMap,
    url: Url,
) -> Result<Response, Error> {
    let broken = |kind: FaultKind| ErrorKind::Protocol(Fault::from(kind));
    let wrong = |kind, url: &Url| Error::new(Phase::Head, broken(kind)).about(url);
    if !was_asked(asked, &head.headers) {
        return Err(wrong(FaultKind::OtherUpgrade, &url));
    }
    let Some((stream, early)) = drive.hand_over() else {
        return Err(wrong(FaultKind::EarlyUpgrade, &url));
    };
    let stream = Upgraded::new(early, stream);
    Ok(Response::received(head, url, Body::empty()).with_stream(stream))
}

/// RFC 9110 §7.8, §15.2.2: a 101 names the protocol, or several on top of each other, and they were all asked for.
fn was_asked(asked: &HeaderMap, told: &HeaderMap) -> bool {
    let mut told = protocols(told).peekable();
    told.peek().is_some()
        && told.all(|told| protocols(asked).any(|asked| asked.eq_ignore_ascii_case(told)))
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(UPGRADE).into_iter();
    fields
        .flat_map(|field| field.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|protocol| !protocol.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn upgrade(fields: &[&'static str]) -> HeaderMap {
        let field = |value: &&'static str| (UPGRADE, HeaderValue::from_static(value));
        fields.iter().map(field).collect()
    }

    #[test]
    fn a_101_names_what_was_asked_for() {
        let asked = upgrade(&["h2c, WebSocket", "IRC/6.9"]);
        for good in [&["websocket"][..], &["irc/6.9"], &["h2c,", "websocket"]] {
            assert!(was_asked(&asked, &upgrade(good)), "{good:?}");
        }
        for bad in [&[][..], &[""], &["IRC"], &["h2c, TLS/1.0"], &["websockets"]] {
            assert!(!was_asked(&asked, &upgrade(bad)), "{bad:?}");
        }
    }
}
