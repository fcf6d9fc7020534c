//! How credentials are shown to a server: the strongest scheme it offers, and
//! what has to be remembered from one call to the next. Whose credentials go
//! where, and asking for them, is the layer's.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};

use super::challenge::Challenge;
#[cfg(feature = "digest")]
use super::digest::{Ask, Digest, Quality};
use crate::credentials::Credentials;

/// A way of showing credentials that a server is known to want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Basic,
    Bearer,
    #[cfg(feature = "digest")]
    Wsse,
    #[cfg(feature = "digest")]
    Digest(Box<Session>),
}

/// A nonce and how often it was used.
#[cfg(feature = "digest")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    digest: Digest,
    cnonce: String,
    count: u32,
}

/// What is to be vouched for.
#[cfg_attr(not(feature = "digest"), allow(dead_code))]
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    /// The target as it stands in the request line.
    pub(crate) target: &'a str,
    /// The content, if it is at hand.
    pub(crate) content: Option<&'a [u8]>,
    /// Time since 1970.
    pub(crate) now: Duration,
}

/// The strongest of the offered ways that can be gone; `strict`: Basic can't,
/// because Digest was seen before (somebody may have cut it out).
pub(crate) fn choose(
    challenges: &[Challenge],
    credentials: &Credentials,
    content: bool,
    strict: bool,
    cnonce: String,
) -> Option<Scheme> {
    let offers = |scheme: &str| challenges.iter().any(|c| c.scheme == scheme);
    let mutual = credentials.is_mutual();
    if credentials.token().is_some() {
        // Whoever gets a token has proven nothing.
        return (offers("bearer") && !mutual).then_some(Scheme::Bearer);
    }
    let digest = digest(challenges, content, mutual, cnonce);
    // No other scheme has the server prove anything.
    if digest.is_some() || mutual {
        return digest;
    }
    #[cfg(feature = "digest")]
    if offers("wsse") {
        return Some(Scheme::Wsse);
    }
    // RFC 7617 §2: a colon would end the name.
    let fits = credentials.name().is_some_and(|name| !name.contains(':'));
    (offers("basic") && fits && !strict).then_some(Scheme::Basic)
}

#[cfg(feature = "digest")]
fn digest(challenges: &[Challenge], content: bool, mutual: bool, cnonce: String) -> Option<Scheme> {
    // What vouches for content can't be checked at the head; without qop a proof may be an old one.
    let proves = |digest: &Digest| !mutual || digest.quality == Quality::Auth;
    let offered = challenges.iter().filter(|c| c.scheme == "digest");
    // RFC 7616 §3.7: the first of equals, which the server prefers.
    let strongest = offered
        .filter_map(|challenge| Digest::of(challenge, content).filter(proves))
        .reduce(|best, other| if other.hash > best.hash { other } else { best });
    Some(Scheme::Digest(Box::new(Session {
        digest: strongest?,
        cnonce,
        count: 0,
    })))
}

#[cfg(not(feature = "digest"))]
fn digest(_: &[Challenge], _: bool, _: bool, _: String) -> Option<Scheme> {
    None
}

/// Whether Digest is offered, in a form we know or not.
pub(crate) fn offers_digest(challenges: &[Challenge]) -> bool {
    challenges.iter().any(|c| c.scheme == "digest")
}

/// Whether a refusal is only about the nonce's age (RFC 7616 §3.3).
pub(crate) fn is_stale(challenges: &[Challenge]) -> bool {
    let stale = |c: &Challenge| {
        c.get("stale")
            .is_some_and(|v| v.eq_ignore_ascii_case("true"))
    };
    challenges.iter().any(|c| c.scheme == "digest" && stale(c))
}

impl Scheme {
    /// As it is called in a challenge.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Scheme::Basic => "Basic",
            Scheme::Bearer => "Bearer",
            #[cfg(feature = "digest")]
            Scheme::Wsse => "WSSE",
            #[cfg(feature = "digest")]
            Scheme::Digest(_) => "Digest",
        }
    }

    /// The fields that show `credentials` with `message`. `None` if they
    /// can't be shown this way.
    #[cfg_attr(not(feature = "digest"), allow(unused_variables))]
    pub(crate) fn fields(
        &mut self,
        credentials: &Credentials,
        message: &Message<'_>,
    ) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let (name, value) = match self {
            Scheme::Basic => {
                let (name, password) = credentials.pair()?;
                let pair = STANDARD.encode(format!("{name}:{password}"));
                (header::AUTHORIZATION, format!("Basic {pair}"))
            }
            Scheme::Bearer => (
                header::AUTHORIZATION,
                format!("Bearer {}", credentials.token()?),
            ),
            #[cfg(feature = "digest")]
            Scheme::Wsse => return wsse(credentials, message.now),
            #[cfg(feature = "digest")]
            Scheme::Digest(session) => {
                let answer = session.answer(credentials, message)?;
                (header::AUTHORIZATION, answer)
            }
        };
        Some(vec![(name, secret(&value)?)])
    }

    /// What the server said with its answer to what was shown with `message`.
    #[cfg_attr(not(feature = "digest"), allow(unused_variables))]
    pub(crate) fn informed(
        &mut self,
        credentials: &Credentials,
        message: &Message<'_>,
        info: &str,
    ) -> Informed {
        match self {
            #[cfg(feature = "digest")]
            Scheme::Digest(session) => session.informed(credentials, message, info),
            _ => Informed::default(),
        }
    }

    /// The same from a proxy, which is not asked for proof: many calls share
    /// what was shown to it, and its nonce is all that matters to the next.
    #[cfg_attr(not(feature = "digest"), allow(unused_variables))]
    pub(crate) fn renewed(&mut self, info: &str) {
        #[cfg(feature = "digest")]
        if let Scheme::Digest(session) = self {
            let mut parameters = super::challenge::parameters(info).into_iter();
            let next = parameters.find(|(name, _)| name == "nextnonce");
            session.go_on_with(next.map(|(_, nonce)| nonce));
        }
    }
}

/// What an Authentication-Info field came to (RFC 7616 §3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Informed {
    /// Whether there is a nonce to go on with.
    pub(crate) renewed: bool,
    /// Whether the server knows the password; `None` if it did not say.
    pub(crate) proven: Option<bool>,
}

fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(feature = "digest")]
fn wsse(credentials: &Credentials, now: Duration) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let (name, password) = credentials.pair()?;
    let token = super::wsse::token(name, password, &crate::chance::nonce(), now);
    Some(vec![
        (
            header::AUTHORIZATION,
            secret("WSSE profile=\"UsernameToken\"")?,
        ),
        (HeaderName::from_static("x-wsse"), secret(&token)?),
    ])
}

#[cfg(feature = "digest")]
impl Session {
    fn answer(&mut self, credentials: &Credentials, message: &Message<'_>) -> Option<String> {
        if self.digest.quality == Quality::AuthInt && message.content.is_none() {
            return None;
        }
        self.count += 1;
        let ask = self.ask(credentials, message)?;
        Some(self.digest.answer(&ask))
    }

    fn ask<'a>(&'a self, credentials: &'a Credentials, message: &Message<'a>) -> Option<Ask<'a>> {
        let (name, password) = credentials.pair()?;
        Some(Ask {
            name,
            password,
            method: message.method,
            target: message.target,
            content: message.content.unwrap_or(b""),
            cnonce: &self.cnonce,
            count: self.count,
        })
    }

    fn informed(
        &mut self,
        credentials: &Credentials,
        message: &Message<'_>,
        info: &str,
    ) -> Informed {
        let Some(ask) = self.ask(credentials, message) else {
            return Informed::default();
        };
        let info = self.digest.read_info(info, &ask);
        // Who proves something wrong has nothing to say.
        let next = info.next.filter(|_| info.proven != Some(false));
        Informed {
            renewed: self.go_on_with(next),
            proven: info.proven,
        }
    }

    /// With a cnonce of its own: a nonce that comes back would else make the
    /// same question once more, and a recorded proof its answer (RFC 7616 §5.5).
    fn go_on_with(&mut self, next: Option<String>) -> bool {
        match next {
            Some(nonce) if nonce != self.digest.nonce => {
                (self.digest.nonce, self.count) = (nonce, 0);
                self.cnonce = crate::chance::nonce();
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::challenge::parse;
    use super::*;

    fn chosen(field: &str, credentials: &Credentials, strict: bool) -> Option<&'static str> {
        choose(&parse(field), credentials, true, strict, "c".into()).map(|s| s.name())
    }

    #[test]
    fn the_strongest_is_chosen() {
        let ada = Credentials::password("ada", "s");
        let token = Credentials::bearer("t");
        let colon = Credentials::password("a:b", "s");
        let table = [
            ("Basic realm=a", &ada, false, Some("Basic")),
            ("Basic realm=a", &ada, true, None),
            ("Basic realm=a", &colon, false, None),
            ("Basic realm=a", &token, false, None),
            ("Negotiate, NTLM", &ada, false, None),
            (
                "Bearer realm=a, Basic realm=a",
                &token,
                false,
                Some("Bearer"),
            ),
            ("Bearer realm=a, Basic realm=a", &ada, false, Some("Basic")),
        ];
        for (field, credentials, strict, expected) in table {
            assert_eq!(chosen(field, credentials, strict), expected, "{field}");
        }
    }

    #[cfg(feature = "digest")]
    mod digest {
        use super::*;

        const BOTH: &str = r#"Basic realm=a, Digest realm=a, nonce=n, qop=auth, Digest realm=a, nonce=s, algorithm=SHA-256, qop=auth, WSSE realm=a"#;

        fn message(target: &str) -> Message<'_> {
            Message {
                method: "GET",
                target,
                content: None,
                now: Duration::ZERO,
            }
        }

        fn shown(scheme: &mut Scheme) -> String {
            let ada = Credentials::password("ada", "s");
            let fields = scheme.fields(&ada, &message("/")).unwrap();
            assert!(fields.iter().all(|(_, value)| value.is_sensitive()));
            fields[0].1.to_str().unwrap().to_owned()
        }

        #[test]
        fn digest_is_preferred_and_the_stronger_of_two() {
            let ada = Credentials::password("ada", "s");
            let mut scheme = choose(&parse(BOTH), &ada, true, true, "c".into()).unwrap();
            assert!(shown(&mut scheme).contains("nonce=\"s\""));
            assert_eq!(
                chosen("Basic realm=a, WSSE realm=a", &ada, true),
                Some("WSSE")
            );
            let unknown = "Digest realm=a, nonce=n, algorithm=X, Basic realm=a";
            assert_eq!(chosen(unknown, &ada, false), Some("Basic"));
            assert!(offers_digest(&parse(unknown)));
        }

        #[test]
        fn a_nonce_is_counted_and_replaced_when_the_server_says_so() {
            let ada = Credentials::password("ada", "s");
            let challenge = parse("Digest realm=a, nonce=n, qop=auth");
            let mut scheme = choose(&challenge, &ada, true, false, "c".into()).unwrap();
            assert!(shown(&mut scheme).ends_with("nc=00000001"));
            assert!(shown(&mut scheme).ends_with("nc=00000002"));
            let mut informed = |info| scheme.informed(&ada, &message("/"), info);
            assert!(informed(r#"nextnonce="m", qop=auth"#).renewed);
            assert!(!informed("qop=auth").renewed);
            let field = shown(&mut scheme);
            assert!(
                field.contains("nonce=\"m\"") && field.ends_with("nc=00000001"),
                "{field}"
            );
        }

        /// The proofs by Python's hashlib.
        #[test]
        fn who_proves_something_wrong_gives_no_nonce() {
            let ada = Credentials::password("ada", "s");
            let challenge = parse("Digest realm=a, nonce=n, qop=auth");
            let mut scheme = choose(&challenge, &ada, true, false, "c".into()).unwrap();
            shown(&mut scheme);
            let right = "97aabd43d5903ba12ba3d980389d57fe";
            let wrong = right.replace("97", "00");
            let table = [
                (
                    &*wrong,
                    "/",
                    Informed {
                        renewed: false,
                        proven: Some(false),
                    },
                ),
                (
                    right,
                    "/other",
                    Informed {
                        renewed: false,
                        proven: Some(false),
                    },
                ),
                (
                    right,
                    "/",
                    Informed {
                        renewed: true,
                        proven: Some(true),
                    },
                ),
            ];
            for (proof, target, expected) in table {
                let info = format!("rspauth=\"{proof}\", nc=00000001, cnonce=c, nextnonce=m");
                let informed = scheme.informed(&ada, &message(target), &info);
                assert_eq!(informed, expected, "{info} {target}");
            }
        }

        #[test]
        fn only_digest_proves_anything() {
            let ada = Credentials::password("ada", "s").mutual(true);
            for (offered, expected) in [
                (BOTH, Some("Digest")),
                ("Basic realm=a, WSSE realm=a", None),
                ("Digest realm=a, nonce=n, qop=auth-int", None),
                // RFC 2069: nothing of ours is in what would prove it.
                ("Digest realm=a, nonce=n", None),
                (
                    "Digest realm=a, nonce=n, qop=\"auth-int, auth\"",
                    Some("Digest"),
                ),
            ] {
                assert_eq!(chosen(offered, &ada, false), expected, "{offered}");
            }
            let weaker =
                "Digest realm=a, nonce=n, algorithm=SHA-256, Digest realm=a, nonce=m, qop=auth";
            let mut scheme = choose(&parse(weaker), &ada, true, false, "c".into()).unwrap();
            assert!(shown(&mut scheme).contains("nonce=\"m\""));
            let token = Credentials::bearer("t").mutual(true);
            assert_eq!(chosen("Bearer realm=a", &token, false), None);
        }

        /// The proof of `who_proves_something_wrong_gives_no_nonce`, recorded and played again by somebody who does
        /// not know the password.
        const RECORDED: &str = "97aabd43d5903ba12ba3d980389d57fe";

        #[test]
        fn a_recorded_proof_proves_nothing_without_qop() {
            let ada = Credentials::password("ada", "s");
            // Without qop the hash is of the same text: H(A1):n:00000001:c:auth:H(A2).
            let challenge = parse("Digest realm=a, nonce=\"n:00000001:c:auth\"");
            let mut scheme = choose(&challenge, &ada, true, false, "d".into()).unwrap();
            shown(&mut scheme);
            let replayed = format!("rspauth=\"{RECORDED}\"");
            let informed = scheme.informed(&ada, &message("/"), &replayed);
            assert_eq!(informed.proven, None);
            let mutual = ada.mutual(true);
            assert_eq!(choose(&challenge, &mutual, true, false, "d".into()), None);
        }

        #[test]
        fn nor_does_it_when_the_nonce_comes_back() {
            let ada = Credentials::password("ada", "s");
            let challenge = parse("Digest realm=a, nonce=n, qop=auth");
            let mut scheme = choose(&challenge, &ada, true, false, "c".into()).unwrap();
            shown(&mut scheme);
            for nonce in ["m", "n"] {
                let next = format!("nextnonce={nonce}");
                assert!(scheme.informed(&ada, &message("/"), &next).renewed);
            }
            assert!(shown(&mut scheme).ends_with("nc=00000001"));
            let replayed = format!("rspauth=\"{RECORDED}\"");
            let informed = scheme.informed(&ada, &message("/"), &replayed);
            assert_eq!(informed.proven, Some(false));
        }

        #[test]
        fn a_proxy_names_the_next_nonce() {
            let ada = Credentials::password("ada", "s");
            let challenge = parse("Digest realm=a, nonce=n, qop=auth");
            let mut scheme = choose(&challenge, &ada, true, false, "c".into()).unwrap();
            shown(&mut scheme);
            scheme.renewed("rspauth=0, nextnonce=m");
            scheme.renewed("qop=auth");
            let field = shown(&mut scheme);
            assert!(field.contains("nonce=\"m\"") && field.ends_with("nc=00000001"));
        }

        #[test]
        fn staleness_is_told() {
            assert!(is_stale(&parse("Digest nonce=n, stale=true")));
            assert!(!is_stale(&parse(
                "Digest nonce=n, stale=false, Basic stale=true"
            )));
        }

        #[test]
        fn wsse_takes_two_fields() {
            let ada = Credentials::password("ada", "s");
            let fields = Scheme::Wsse.fields(&ada, &message("/")).unwrap();
            assert_eq!(fields[0].1, "WSSE profile=\"UsernameToken\"");
            assert!(
                fields[1]
                    .1
                    .to_str()
                    .unwrap()
                    .starts_with("UsernameToken Username=\"ada\"")
            );
        }
    }

    /// RFC 7617 §2 and §2.1; RFC 6750 §2.1.
    #[test]
    fn basic_and_bearer_read_as_the_rfcs_have_it() {
        let message = Message {
            method: "GET",
            target: "/",
            content: None,
            now: Duration::ZERO,
        };
        let table = [
            (
                Scheme::Basic,
                Credentials::password("Aladdin", "open sesame"),
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            (
                Scheme::Basic,
                Credentials::password("test", "123\u{a3}"),
                "Basic dGVzdDoxMjPCow==",
            ),
            (
                Scheme::Bearer,
                Credentials::bearer("mF_9.B5f-4.1JqM"),
                "Bearer mF_9.B5f-4.1JqM",
            ),
        ];
        for (mut scheme, credentials, expected) in table {
            let fields = scheme.fields(&credentials, &message).unwrap();
            assert_eq!(fields[0].1, expected);
        }
        let broken = Credentials::bearer("two\nlines");
        assert_eq!(Scheme::Bearer.fields(&broken, &message), None);
    }
}
