//! What WWW-Authenticate says (RFC 9110 §11.6.1): any number of challenges in
//! any number of fields. Which to take up is decided elsewhere.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// One challenge. Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Challenge {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// All challenges of a head, in their order.
pub(crate) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let fields = headers.get_all(WWW_AUTHENTICATE).into_iter();
    fields
        .flat_map(|field| parse(&String::from_utf8_lossy(field.as_bytes())))
        .collect()
}

/// The parameters of a field that has no scheme: Authentication-Info.
#[cfg_attr(not(feature = "digest"), allow(dead_code))]
pub(crate) fn parameters(field: &str) -> Vec<(String, String)> {
    let with_scheme = format!("info {field}");
    let challenge = parse(&with_scheme).into_iter().next();
    challenge.unwrap_or_default().parameters
}

/// One field. What can't be understood is skipped up to the next comma.
pub(crate) fn parse(field: &str) -> Vec<Challenge> {
    let mut rest = Rest(field);
    let mut found: Vec<Challenge> = Vec::new();
    loop {
        rest.skip(|c| c == ',' || is_blank(c));
        if rest.0.is_empty() {
            return found;
        }
        let name = rest.take(is_token).to_ascii_lowercase();
        let blanks = rest.skip(is_blank);
        match (found.last_mut(), rest.0.starts_with('=')) {
            (_, _) if name.is_empty() => rest.skip_element(),
            (challenge, true) => {
                rest.0 = &rest.0[1..];
                let value = rest.value();
                // Nobody's parameter is read over as a whole: a comma within its quotes begins no challenge.
                if let Some(challenge) = challenge {
                    challenge.parameters.push((name, value));
                }
            }
            (_, false) => {
                found.push(Challenge {
                    scheme: name,
                    parameters: Vec::new(),
                });
                if blanks > 0 {
                    rest.skip_token68();
                }
            }
        }
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// RFC 9110 §5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !wanted(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> usize {
        self.take(wanted).len()
    }

    fn skip_element(&mut self) {
        self.skip(|c| c != ',');
    }

    /// RFC 9110 §11.2: of no use to any scheme we speak, and not to be taken
    /// for a parameter. It ends where the element ends.
    fn skip_token68(&mut self) {
        let is_68 = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
        let mut ahead = Rest(self.0);
        if ahead.skip(is_68) == 0 {
            return;
        }
        let padding = ahead.skip(|c| c == '=');
        ahead.skip(is_blank);
        // A scheme of one word may follow at once only after a comma.
        let ends = ahead.0.is_empty() || ahead.0.starts_with(',');
        if ends && (padding > 0 || !ahead.0.is_empty() || !self.0.is_empty()) {
            self.0 = ahead.0;
        }
    }

    /// A parameter's value: a token, or a quoted string without its quotes.
    fn value(&mut self) -> String {
        self.skip(is_blank);
        let Some(quoted) = self.0.strip_prefix('"') else {
            // Servers leave quotes out where RFC 9110 wants them.
            return self.take(|c| c != ',' && !is_blank(c)).to_owned();
        };
        let (mut value, mut escaped) = (String::new(), false);
        for (at, c) in quoted.char_indices() {
            match (c, escaped) {
                ('"', false) => {
                    self.0 = &quoted[at + 1..];
                    return value;
                }
                ('\\', false) => escaped = true,
                _ => {
                    value.push(c);
                    escaped = false;
                }
            }
        }
        self.0 = "";
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(field: &str) -> String {
        let challenges = parse(field);
        let lines = challenges.iter().map(|challenge| {
            let parameters = challenge.parameters.iter();
            let parameters = parameters.map(|(name, value)| format!(" {name}={value}"));
            format!("{}{}", challenge.scheme, parameters.collect::<String>())
        });
        lines.collect::<Vec<_>>().join(" | ")
    }

    /// RFC 9110 §11.6.1, httplib2's tests, and what is seen in the wild.
    #[test]
    fn fields_are_taken_apart() {
        let table = [
            (r#"Basic realm="a""#, "basic realm=a"),
            (r#"Basic realm = "a b" "#, "basic realm=a b"),
            (
                r#"basic REALM=a, charset="UTF-8""#,
                "basic realm=a charset=UTF-8",
            ),
            (
                r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#,
                r#"basic realm=simple | newauth realm=apps type=1 title=Login to "apps""#,
            ),
            ("Negotiate", "negotiate"),
            ("Negotiate, Basic realm=x", "negotiate | basic realm=x"),
            ("Negotiate YII=, Basic realm=x", "negotiate | basic realm=x"),
            ("NTLM TlRMTVNTUAACAAAA==", "ntlm"),
            (
                r#", , Basic realm="a,b=c" ,, Digest nonce="x","#,
                "basic realm=a,b=c | digest nonce=x",
            ),
            (r#"Basic realm="unclosed"#, "basic realm=unclosed"),
            ("realm=lost, Basic realm=x", "basic realm=x"),
            (r#"realm="lost, Digest x", Basic realm=x"#, "basic realm=x"),
            ("@@@, Basic realm=x", "basic realm=x"),
            ("", ""),
            (
                r#"Digest realm="r", qop="auth, auth-int", stale=TRUE"#,
                "digest realm=r qop=auth, auth-int stale=TRUE",
            ),
        ];
        for (field, expected) in table {
            assert_eq!(told(field), expected, "{field}");
        }
    }

    #[test]
    fn nothing_makes_it_stop_or_panic() {
        let odd = [
            "=",
            "a=",
            "\"",
            "a \"",
            "a b=\"\\",
            "é é=é, é",
            ",,,=,,",
            "a =",
            "a ==,",
            "\u{0}",
        ];
        for field in odd {
            _ = parse(field);
        }
    }

    #[test]
    fn parameters_stand_alone_in_an_info_field() {
        let found = parameters(r#"nextnonce="n", qop=auth"#);
        assert_eq!(
            found,
            [
                ("nextnonce".into(), "n".into()),
                ("qop".into(), "auth".into())
            ]
        );
    }
}
