//! CONNECT (RFC 9110 §9.3.6): a way through an HTTP proxy, and what the proxy
//! asks for before it opens one.

use bytes::BytesMut;
use http::header::{AUTHORIZATION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::proxy::Proxy;
use super::transport::Transport;
use crate::clock;
use crate::error::{Error, ErrorKind, Phase};
use crate::h1::{BodyLength, ClientExchange, Event, Fault, FaultKind, Limits, ResponseHead};
use crate::limits::RECEIVED_AT_ONCE;
use crate::policy::auth::{self, Message};
use crate::policy::challenge;
use crate::spelling::Spelling;

/// What came of asking for a tunnel.
pub(crate) enum Opened {
    Through(Transport),
    /// The proxy wants to be asked again, on a new connection, with the
    /// credentials it will now be shown.
    AskAgain,
}

/// Asks `proxy`, which `transport` leads to, for a way to `authority`.
///
/// # Errors
/// Without a target: those of the connection, and the proxy's refusal.
pub(crate) async fn open(
    transport: Transport,
    authority: &str,
    proxy: &Proxy,
    spelling: Option<&Spelling>,
) -> Result<Opened, Error> {
    let broken = |fault: Fault| match fault.kind() {
        FaultKind::NoResponse => said("the proxy closed the connection without an answer"),
        _ => Error::new(Phase::Connect, ErrorKind::Protocol(fault)),
    };
    let lost = |error| Error::io(Phase::Connect, error);
    let mut codec = ClientExchange::new(Limits::default());
    let mut output = BytesMut::new();
    let fields = fields(authority, proxy)?;
    codec
        .write_head(
            &Method::CONNECT,
            authority,
            &fields,
            BodyLength::None,
            &mut output,
        )
        .and_then(|_| codec.write_end(None, &mut output))
        .map_err(broken)?;
    if let Some(spelling) = spelling {
        spelling.rewrite(&mut output);
    }
    transport.write_all(&output).await.map_err(lost)?;

    let (mut input, mut piece) = (BytesMut::new(), vec![0; RECEIVED_AT_ONCE / 16]);
    let head = loop {
        let event = match codec.next(&mut input).map_err(broken)? {
            Event::NeedInput => match transport.read(&mut piece).await.map_err(lost)? {
                0 => codec.end_of_input(&mut input).map_err(broken)?,
                read => {
                    input.extend_from_slice(&piece[..read]);
                    continue;
                }
            },
            event => event,
        };
        if let Event::Head(head, _) = event {
            break head;
        }
    };
    inform(proxy, &head.headers);
    if !head.status.is_success() {
        return refused(&head, proxy);
    }
    // Whoever speaks first in a TLS session, it is not the server.
    match input.is_empty() {
        true => Ok(Opened::Through(transport)),
        false => Err(said("the proxy sent more than its answer")),
    }
}

fn said(sentence: impl Into<String>) -> Error {
    Error::new(Phase::Connect, ErrorKind::Proxy(sentence.into()))
}

fn fields(authority: &str, proxy: &Proxy) -> Result<HeaderMap, Error> {
    let mut fields = HeaderMap::new();
    let host = HeaderValue::try_from(authority).map_err(|_| said("the host can't be sent"))?;
    fields.insert(HOST, host);
    fields.extend(
        shown(proxy, Method::CONNECT.as_str(), authority).map(|value| (PROXY_AUTHORIZATION, value)),
    );
    Ok(fields)
}

/// The Proxy-Authorization field that `proxy` is known to want, if any.
pub(crate) fn shown(proxy: &Proxy, method: &str, target: &str) -> Option<HeaderValue> {
    let credentials = proxy.credentials()?;
    let message = Message {
        method,
        target,
        content: None,
        now: clock::unix(),
    };
    let mut scheme = proxy.scheme().borrow_mut();
    let fields = scheme.as_mut()?.fields(credentials, &message)?;
    // Digest, Basic: what differs for a proxy is the name (RFC 9110 §11.7.2).
    let field = fields.into_iter().find(|(name, _)| *name == AUTHORIZATION);
    field.map(|(_, value)| value)
}

/// Takes up the nonce that `proxy` wants to be shown next, if it says so
/// (RFC 7616 §3.5).
pub(crate) fn inform(proxy: &Proxy, headers: &HeaderMap) {
    let info = headers.get("proxy-authentication-info");
    let info = info.and_then(|info| info.to_str().ok());
    if let (Some(scheme), Some(info)) = (proxy.scheme().borrow_mut().as_mut(), info) {
        scheme.renewed(info);
    }
}

/// Whether the proxy's 407 can be answered, now or before in vain. What it
/// wants is remembered for all that comes.
pub(crate) fn can_answer(proxy: &Proxy, headers: &HeaderMap) -> Result<(), Error> {
    let Some(credentials) = proxy.credentials() else {
        return Err(said("the proxy wants a user name and password (407)"));
    };
    let offered: Vec<_> = headers
        .get_all(PROXY_AUTHENTICATE)
        .into_iter()
        .flat_map(|field| challenge::parse(&String::from_utf8_lossy(field.as_bytes())))
        .collect();
    let seen = proxy.digest_seen();
    seen.set(seen.get() || auth::offers_digest(&offered));
    let nonce = crate::chance::nonce();
    let chosen = auth::choose(&offered, credentials, false, seen.get(), nonce);
    let mut known = proxy.scheme().borrow_mut();
    let same = match (&*known, &chosen) {
        (Some(known), Some(chosen)) => known.name() == chosen.name() && !auth::is_stale(&offered),
        _ => false,
    };
    if same {
        *known = None;
        return Err(said("the proxy refused the user name and password (407)"));
    }
    if chosen.is_none() {
        return Err(said(
            "the proxy asks for credentials in no way known here (407)",
        ));
    }
    *known = chosen;
    Ok(())
}

fn refused(head: &ResponseHead, proxy: &Proxy) -> Result<Opened, Error> {
    if head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return can_answer(proxy, &head.headers).map(|()| Opened::AskAgain);
    }
    Err(said(format!("the proxy answered {}", head.status)))
}

#[cfg(all(test, feature = "digest"))]
mod tests {
    use super::*;

    fn asks(proxy: &Proxy, challenge: &'static str) -> Result<(), String> {
        let challenge = HeaderValue::from_static(challenge);
        let headers = HeaderMap::from_iter([(PROXY_AUTHENTICATE, challenge)]);
        can_answer(proxy, &headers).map_err(|error| error.to_string())
    }

    /// As with servers: somebody between may have cut Digest out.
    #[test]
    fn a_proxy_that_wanted_digest_never_gets_the_password_by_basic() {
        let proxy: Proxy = "http://ada:s3cret@p.example".parse().unwrap();
        let digest = "Digest realm=\"p\", nonce=\"n\", qop=\"auth\"";
        assert_eq!(asks(&proxy, digest), Ok(()));
        for _ in 0..2 {
            assert!(asks(&proxy, "Basic realm=\"p\"").is_err());
            let shown = shown(&proxy, "CONNECT", "a.example:443");
            assert!(shown.is_none_or(|value| value.as_bytes().starts_with(b"Digest ")));
        }
        let proxy: Proxy = "http://ada:s3cret@p.example".parse().unwrap();
        assert_eq!(asks(&proxy, "Basic realm=\"p\""), Ok(()));
    }
}
