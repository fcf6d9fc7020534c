//! The jar of cookies as a user holds it. What is kept and what is sent is
//! decided in `policy::cookie`.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use http::HeaderValue;
use url::Url;

use crate::address::Addresses;
use crate::clock;
use crate::policy::cookie::Jar;
use crate::request::parse;

/// Cookies that clients share (RFC 6265bis): clones are the same jar.
///
/// A public suffix (`co.uk`) gets none, `__Secure-` and `__Host-` keep what
/// they promise, and none lives for longer than 400 days. SameSite is read and
/// not judged: every call is the user's own. As text a jar has the form that
/// curl, wget and Python read and write:
///
/// ```
/// use evhttp::{Client, CookieJar};
///
/// let jar = CookieJar::new();
/// jar.set("https://a.example/", "theme=dark; Max-Age=60; Secure")?;
/// assert_eq!(jar.get("https://a.example/page")?.as_deref(), Some("theme=dark"));
///
/// let text = jar.to_text(); // for a file
/// let client = Client::builder().cookie_jar(CookieJar::from_text(&text)).build();
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct CookieJar(Rc<RefCell<Jar>>);

impl CookieJar {
    /// An empty one.
    pub fn new() -> CookieJar {
        CookieJar::default()
    }

    /// A jar with the cookies of a file's text. Lines of another form are
    /// skipped.
    pub fn from_text(text: &str) -> CookieJar {
        let jar = CookieJar::new();
        jar.0.borrow_mut().add_text(text, clock::unix());
        jar
    }

    /// All cookies as text, those of this session too, but for those with a
    /// tab inside, which the form has no way to say.
    pub fn to_text(&self) -> String {
        self.0.borrow().to_text()
    }

    /// As if `url` had sent this Set-Cookie field.
    ///
    /// # Errors
    /// If `url` is none.
    pub fn set(&self, url: impl AsRef<str>, field: impl AsRef<str>) -> evcore::Result<()> {
        let url = parse(&Addresses::default(), url.as_ref())?;
        let field = field.as_ref().as_bytes();
        self.0.borrow_mut().store(&url, field, clock::unix());
        Ok(())
    }

    /// The Cookie field that a request to `url` would have, if any.
    ///
    /// # Errors
    /// If `url` is none.
    pub fn get(&self, url: impl AsRef<str>) -> evcore::Result<Option<String>> {
        Ok(self.field(&parse(&Addresses::default(), url.as_ref())?))
    }

    pub(crate) fn store(&self, url: &Url, field: &HeaderValue) {
        let field = field.as_bytes();
        self.0.borrow_mut().store(url, field, clock::unix());
    }

    pub(crate) fn field(&self, url: &Url) -> Option<String> {
        self.0.borrow().field(url, clock::unix())
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieJar")
    }
}
