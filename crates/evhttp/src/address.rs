//! Reading the URL of a request. A host is by far the dearest part of a URL to
//! read (IDNA, IPv4 in all its spellings), and most programs ask one host many
//! times: so the authority of the URL before is remembered, and only what
//! comes after it is read anew. What is done with a URL is decided elsewhere.

use std::cell::RefCell;
use std::fmt;

use url::{Host, ParseError, Url};

/// Reads URLs, one like the other.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    /// The last text up to its path, and the URL it stands for.
    last: RefCell<Option<(Box<str>, Url)>>,
}

impl Addresses {
    /// Just what [`Url::parse`] makes of `text`.
    pub(crate) fn parse(&self, text: &str) -> Result<Url, ParseError> {
        if let Some((known, root)) = &*self.last.borrow()
            && let Some(path) = text.strip_prefix(&**known)
            && is_alone(path)
        {
            return match path.bytes().any(|byte| b"?#".contains(&byte)) {
                true => root.join(path),
                false => Ok(with_path(root, path)),
            };
        }
        let Some(front) = front(text) else {
            return Url::parse(text);
        };
        let url = Url::parse(text)?;
        let root = url.join("/")?;
        self.last.replace(Some((front.into(), root)));
        Ok(url)
    }
}

/// What joining comes to where there is a path alone, in memory that is made once.
fn with_path(root: &Url, path: &str) -> Url {
    let mut url = root.clone();
    if path != "/" {
        url.set_path(path);
    }
    url
}

/// A host as it stands in URLs, of how a user writes it: in lower case, and
/// letters of other scripts in ASCII (RFC 5891).
pub(crate) fn host(text: &str) -> String {
    let international = !text.is_ascii();
    let host = international.then(|| Host::parse(text).ok()).flatten();
    host.map_or_else(|| text.to_ascii_lowercase(), |host| host.to_string())
}

/// Whether a path with what follows says the same when it is taken as a
/// reference of its own (WHATWG URL §4.4: a second slash would begin another
/// authority, blanks and controls are dropped).
fn is_alone(path: &str) -> bool {
    let rooted = match path.as_bytes() {
        [b'/', next, ..] => !b"/\\".contains(next),
        path => path == b"/",
    };
    rooted && is_plain(path)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The text before a path that stands alone, if nothing in it is secret.
fn front(text: &str) -> Option<&str> {
    let scheme = ["http://", "https://"].into_iter();
    let start = scheme
        .filter(|scheme| text.starts_with(scheme))
        .map(str::len);
    let start = start.max()?;
    let slash = start + text[start..].bytes().position(|byte| byte == b'/')?;
    let (front, path) = text.split_at(slash);
    let host = |byte: u8| byte.is_ascii_graphic() && !b"@?#\\".contains(&byte);
    (slash > start && front.bytes().all(host) && is_alone(path)).then_some(front)
}

/// A request target that is sent as it was given: nothing in it is normalised.
/// What is not a path or `*` would name another host than the one connected to;
/// a blank or a control would end the request line early (RFC 9112 §11.1, §11.2).
pub(crate) struct Target(Box<str>);

impl Target {
    pub(crate) fn new(text: &str) -> Option<Target> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        let path = text.starts_with('/') || text == "*";
        (path && text.bytes().all(plain)).then(|| Target(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without its query: what is printed ends up in logs.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.split_once('?').map_or(&*self.0, |(path, _)| path);
        write!(f, "Target({path:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever was read before, the answer is the same as `Url::parse` gives.
    fn agrees(texts: impl IntoIterator<Item = String>) {
        let addresses = Addresses::default();
        for text in texts {
            let (ours, theirs) = (addresses.parse(&text), Url::parse(&text));
            assert_eq!(ours, theirs, "{text:?} after {:?}", addresses.last.borrow());
        }
    }

    #[test]
    fn a_remembered_authority_changes_nothing() {
        let fronts = [
            "http://a.example",
            "http://a.example:80",
            "http://a.example:8080",
            "https://a.example:80",
            "HTTP://A.example",
            "http://0x7f.1:99",
            "http://[::1]:8080",
            "http://ada:s3cret@a.example",
            "http://a.example\\b",
            "http://a.example?b",
            "http://a.example#b",
            "http://b\u{fc}cher.example",
            "http://xn--bcher-kva.example",
            "http://",
            "http:/",
            "http:",
            "https://a b",
            "http://a.example:99999",
            "ftp://a.example",
            "a.example",
            "",
        ];
        let paths = [
            "/",
            "/b",
            "//c.example/",
            "/\\c.example/",
            "\\c",
            "/\t/c.example/",
            "/b/../c",
            "/..//c",
            "/./",
            "/%2e%2e/b",
            "/b?c#d",
            "/?",
            "/#",
            "/b c",
            "/b\u{fc}",
            "/\u{0}",
            "/b\n",
            "/c:80/@d",
            "/http://e.example/",
            "",
            "?b",
            "#b",
            " /b",
        ];
        for front in fronts {
            agrees(paths.iter().map(|path| format!("{front}{path}")));
            agrees(
                paths
                    .iter()
                    .flat_map(|path| [format!("{front}/"), format!("{front}{path}")]),
            );
        }
    }

    #[test]
    fn nor_does_it_in_nonsense() {
        let alphabet = [
            "a",
            "/",
            "\\",
            ".",
            "..",
            "%2e",
            ":",
            "@",
            "?",
            "#",
            "8",
            " ",
            "\t",
            "[",
            "]",
            "\u{fc}",
            "-",
            "http://",
            "x.example",
        ];
        let mut random = 7u64;
        let mut next = || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) as usize
        };
        let mut piece = |most: usize| {
            (0..next() % most)
                .map(|_| alphabet[next() % alphabet.len()])
                .collect::<String>()
        };
        let texts: Vec<String> = (0..20_000)
            .map(|_| format!("http://{}/{}", piece(3), piece(6)))
            .collect();
        agrees(texts);
    }

    #[test]
    fn targets_stay_on_their_line_and_host() {
        for good in ["/", "*", "/a/../b%2f", "//a", "/?q=/../", "/\\{}|\"<>"] {
            assert_eq!(Target::new(good).expect(good).as_str(), good);
        }
        let bad = [
            "",
            "a",
            "**",
            "/a b",
            "/a\r\nX: y",
            "/\t",
            "/\0",
            "/\x7f",
            "/\u{fc}",
            "/#a",
            "http://b.example/",
            "b.example:80",
        ];
        for bad in bad {
            assert!(Target::new(bad).is_none(), "{bad:?}");
        }
        assert_eq!(
            format!("{:?}", Target::new("/a?secret").unwrap()),
            "Target(\"/a\")"
        );
    }

    #[test]
    fn passwords_are_not_kept() {
        let addresses = Addresses::default();
        addresses.parse("http://ada:s3cret@a.example/").unwrap();
        assert!(addresses.last.borrow().is_none());
    }
}
