//! Names, passwords and tokens as a user gives them. How they are shown to a
//! server is decided in `policy::auth`.

use std::fmt;
use std::rc::Rc;

use url::Url;

use crate::secrets::Shown;

/// What a user proves to be somebody with. Cheap to clone; its `Debug` shows
/// no secret.
///
/// ```
/// use evhttp::Credentials;
///
/// let ada = Credentials::password("ada", "s3cret");
/// assert_eq!(format!("{ada:?}"), r#"Credentials(name "ada")"#);
/// assert_eq!(format!("{:?}", Credentials::bearer("t0ken")), "Credentials(bearer)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    kind: Rc<Kind>,
    mutual: bool,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Password { name: String, password: String },
    Bearer(String),
}

impl Credentials {
    /// A name and a password, for Basic, Digest or WSSE: the strongest the
    /// server offers.
    pub fn password(name: impl Into<String>, password: impl Into<String>) -> Credentials {
        Credentials::new(Kind::Password {
            name: name.into(),
            password: password.into(),
        })
    }

    /// A token that is shown as it is (RFC 6750), without being asked for.
    pub fn bearer(token: impl Into<String>) -> Credentials {
        Credentials::new(Kind::Bearer(token.into()))
    }

    fn new(kind: Kind) -> Credentials {
        Credentials {
            kind: Rc::new(kind),
            mutual: false,
        }
    }

    /// Whether the server has to prove that it knows the password as well
    /// (RFC 7616 §3.5), with every answer but a 401. An answer that does not
    /// is an error of kind [`ErrorKind::Unproven`](crate::ErrorKind::Unproven).
    ///
    /// Only Digest can do that, so nothing else is taken up, and a token is
    /// never shown; nor is a Digest that vouches for content alone
    /// (`auth-int`), whose proof needs all of the answer, or one without
    /// `qop`, whose proof may have been recorded. Not all servers send one: Apache does, and
    /// [`Verified::vouch`](crate::server::Verified::vouch).
    ///
    /// ```
    /// use evhttp::{Client, Credentials};
    ///
    /// let ada = Credentials::password("ada", "s3cret").mutual(true);
    /// let client = Client::builder().credentials_for("http://intranet.example", ada).build();
    /// ```
    #[cfg(feature = "digest")]
    pub fn mutual(mut self, wanted: bool) -> Credentials {
        self.mutual = wanted;
        self
    }

    pub(crate) fn is_mutual(&self) -> bool {
        self.mutual
    }

    /// The name, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.pair().map(|(name, _)| name)
    }

    pub(crate) fn pair(&self) -> Option<(&str, &str)> {
        match &*self.kind {
            Kind::Password { name, password } => Some((name, password)),
            Kind::Bearer(_) => None,
        }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        match &*self.kind {
            Kind::Bearer(token) => Some(token),
            Kind::Password { .. } => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "Credentials(name {name:?})"),
            None => f.write_str("Credentials(bearer)"),
        }
    }
}

/// What a function given to
/// [`on_challenge`](crate::ClientBuilder::on_challenge) is asked about.
#[derive(Clone)]
#[non_exhaustive]
pub struct Challenged {
    /// Who asks.
    pub url: Url,
    /// The scheme asked for first, in lower case.
    pub scheme: String,
    /// All schemes it would take, in lower case and in its order: whether a
    /// password would go as it is (`basic`), a dialog may want to say.
    pub offered: Vec<String>,
    /// What the server calls the place, if it says so.
    pub realm: Option<String>,
    /// Whether credentials have been refused in this call.
    pub refused: bool,
}

/// Shows nothing secret.
impl fmt::Debug for Challenged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenged")
            .field("url", &Shown(&self.url))
            .field("offered", &self.offered)
            .field("realm", &self.realm)
            .field("refused", &self.refused)
            .finish()
    }
}

impl Challenged {
    pub(crate) fn new(
        url: Url,
        offered: Vec<String>,
        realm: Option<&str>,
        refused: bool,
    ) -> Challenged {
        Challenged {
            url,
            scheme: offered.first().cloned().unwrap_or_default(),
            offered,
            realm: realm.map(str::to_owned),
            refused,
        }
    }
}

/// The origin that credentials are for: `https://host:port`. A bare host
/// means https alone. `None` if it is none.
pub(crate) fn origin(text: &str) -> Option<String> {
    let url = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("https://{text}")),
    };
    let url = url
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(url.origin().ascii_serialization())
}

/// Name and password of a URL, decoded.
pub(crate) fn of_url(url: &Url) -> Option<Credentials> {
    let decode = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let (name, password) = (url.username(), url.password().unwrap_or(""));
    Some(Credentials::password(decode(name), decode(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_host_is_https() {
        let table = [
            ("a.example", Some("https://a.example")),
            ("a.example:8443", Some("https://a.example:8443")),
            ("http://a.example:80/path", Some("http://a.example")),
            ("HTTPS://A.example", Some("https://a.example")),
            ("ftp://a.example", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(origin(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_url_may_carry_them() {
        let of = |url| of_url(&Url::parse(url).unwrap());
        assert_eq!(of("http://a/"), None);
        assert_eq!(
            of("http://a%40b:p%3a%20+@c/"),
            Some(Credentials::password("a@b", "p: +"))
        );
        assert_eq!(of("http://a@c/"), Some(Credentials::password("a", "")));
    }
}
