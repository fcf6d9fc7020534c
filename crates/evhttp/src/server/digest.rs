//! A server that asks for a password by Digest: the glue between a request
//! and `policy::digest::guard`, which decides.

use std::cell::RefCell;
use std::fmt;
use std::result::Result;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};

use super::Request;
use crate::policy::digest::guard::{Asked, Guard, Passed, Refusal};
use crate::response::Response;
use crate::{chance, clock};

pub use crate::policy::digest::guard::Algorithm;

/// Who may pass: a realm, its users, and what they have to prove (RFC 7616).
///
/// Passwords are not kept, only hashes of them; these are as good as the
/// passwords to who wants to pass here. A nonce is good for
/// [`NONCE_FOR`](crate::limits::NONCE_FOR), and each count of it once: what
/// was overheard can't be sent again. What is older or used is refused with
/// `stale=true`, which clients answer without asking their user.
///
/// ```
/// use evhttp::server::{Digest, Request};
/// use evhttp::{Client, Response};
///
/// let digest = Digest::new("home").user("me", "secret");
/// let server = evhttp::serve("127.0.0.1:0", move |request: Request| match digest.verify(&request, b"") {
///     Ok(user) => user.vouch(Response::plain(format!("hello, {user}"))),
///     Err(challenge) => challenge,
/// })?;
/// let url = format!("http://{}/", server.local_addr());
/// let client = Client::new();
/// let page = evcore::run(client.get(&url).credentials("me", "secret").send())?;
/// assert_eq!(page.text()?, "hello, me");
/// let page = evcore::run(client.get(&url).credentials("me", "guess").send())?;
/// assert_eq!(page.status(), 401);
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Digest(RefCell<Guard>);

/// Shows nothing secret.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

impl Digest {
    /// A realm without users, which asks for SHA-256.
    ///
    /// The realm is shown to users. Control characters are left out of it: no
    /// field can have them.
    pub fn new(realm: &str) -> Digest {
        let secret = || chance::nonce() + &chance::nonce();
        Digest(RefCell::new(Guard::new(realm, [secret(), secret()])))
    }

    /// One who may pass; a user of the same name is replaced.
    pub fn user(mut self, name: impl Into<String>, password: impl AsRef<str>) -> Digest {
        self.0.get_mut().add(name.into(), password.as_ref());
        self
    }

    /// What may be used, the preferred one first: clients take the first they know.
    ///
    /// Whoever is offered MD5 can be made to use it by who stands between.
    pub fn algorithms(mut self, offered: impl IntoIterator<Item = Algorithm>) -> Digest {
        self.0.get_mut().algorithms = offered.into_iter().collect();
        self
    }

    /// Whether the content has to be vouched for as well (`auth-int`); many clients can't.
    pub fn content(mut self, wanted: bool) -> Digest {
        self.0.get_mut().content = wanted;
        self
    }

    /// Whether clients are asked to send a hash instead of the user's name.
    pub fn userhash(mut self, wanted: bool) -> Digest {
        self.0.get_mut().userhash = wanted;
        self
    }

    /// Who asks.
    ///
    /// `content` is the request's, which only [`content`](Digest::content) looks at.
    ///
    /// # Errors
    /// The response to be given instead: 401 with the challenges, or 400 if the answer is for another target or can't
    /// be read.
    pub fn verify(&self, request: &Request, content: &[u8]) -> Result<Verified, Response> {
        let asked = Asked {
            method: request.method.as_str(),
            target: &request.target,
            content,
        };
        let now = clock::unix();
        let field = request.headers.get(AUTHORIZATION);
        let field = field.map(|field| String::from_utf8_lossy(field.as_bytes()));
        let mut guard = self.0.borrow_mut();
        let refusal = match guard.verify(field.as_deref().unwrap_or(""), &asked, now) {
            Ok(passed) => {
                let next = guard.renewed(&passed, now, chance::number());
                return Ok(Verified { passed, next });
            }
            Err(Refusal::Malformed) => return Err(Response::new(StatusCode::BAD_REQUEST)),
            Err(refusal) => refusal,
        };
        let challenges = guard.challenges(refusal == Refusal::Stale, now, chance::number());
        let mut response = Response::new(StatusCode::UNAUTHORIZED);
        for challenge in challenges {
            if let Ok(value) = HeaderValue::try_from(challenge) {
                response = response.with_another(WWW_AUTHENTICATE, value);
            }
        }
        Err(response)
    }
}

/// Who has passed: what [`Digest::verify`] returns. It prints as the name.
///
/// ```
/// use evhttp::server::{Digest, Request};
/// use evhttp::{Client, Credentials, Response};
///
/// let digest = Digest::new("home").user("me", "secret");
/// let server = evhttp::serve("127.0.0.1:0", move |request: Request| match digest.verify(&request, b"") {
///     Ok(user) if user.name() == "me" => user.vouch(Response::plain("welcome back")),
///     Ok(user) => user.vouch(Response::plain(format!("hello, {user}"))),
///     Err(challenge) => challenge,
/// })?;
/// let url = format!("http://{}/", server.local_addr());
/// let me = Credentials::password("me", "secret").mutual(true); // the server has to know it as well
/// let client = Client::builder().credentials_for(&url, me).build();
/// assert_eq!(evcore::run(client.fetch(&url))?.text()?, "welcome back");
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Verified {
    passed: Passed,
    next: Option<String>,
}

impl Verified {
    /// The user's name.
    pub fn name(&self) -> &str {
        &self.passed.name
    }

    /// `response` with the proof that this server knows the password as well
    /// (Authentication-Info, RFC 7616 §3.5), and with the next nonce, if this
    /// one is getting old: so nobody is asked again who keeps coming.
    ///
    /// With [`Digest::content`] it vouches for the response's content too,
    /// unless that is a stream.
    pub fn vouch(&self, response: Response) -> Response {
        const INFO: HeaderName = HeaderName::from_static("authentication-info");
        let content = response.bytes().ok();
        let info = self.passed.info(content.as_deref(), self.next.as_deref());
        match HeaderValue::try_from(info) {
            Ok(value) => response.with_header(INFO, value),
            Err(_) => response,
        }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Shows nothing secret.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({:?})", self.name())
    }
}
