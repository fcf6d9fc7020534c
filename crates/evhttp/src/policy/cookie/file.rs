//! A jar as text, in the form Netscape's browser had and curl, wget and
//! Python's `MozillaCookieJar` read and write.

use std::time::Duration;

use super::{Cookie, Jar};

impl Jar {
    /// One line a cookie; cookies of this session have the time 0. What has
    /// a tab in it can't be said in this form: curl keeps no such cookie.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::from("# Netscape HTTP Cookie File\n");
        let truth = |is: bool| if is { "TRUE" } else { "FALSE" };
        for cookie in self.cookies.iter().filter(|cookie| !cookie.has_tab()) {
            let mark = if cookie.http_only { "#HttpOnly_" } else { "" };
            let dot = if cookie.host_only { "" } else { "." };
            let Cookie {
                domain,
                path,
                name,
                value,
                ..
            } = cookie;
            let (wide, secure) = (truth(!cookie.host_only), truth(cookie.secure));
            let expires = cookie.expires.map_or(0, |at| at.as_secs());
            text.push_str(&format!(
                "{mark}{dot}{domain}\t{wide}\t{path}\t{secure}\t{expires}\t{name}\t{value}\n"
            ));
        }
        text
    }

    /// Adds what `text` has. Lines that are none of this form are skipped, and
    /// what no server can have set: one of them would spoil the whole field.
    pub(crate) fn add_text(&mut self, text: &str, now: Duration) {
        text.lines()
            .filter_map(line)
            .filter(Cookie::can_be_sent)
            .for_each(|cookie| self.put(cookie, now));
    }
}

impl Cookie {
    fn has_tab(&self) -> bool {
        [&self.name, &self.value, &self.path]
            .iter()
            .any(|part| part.contains('\t'))
    }

    /// RFC 6265bis §5.6: controls end the reading of a Set-Cookie field, `;`
    /// ends a cookie and `=` its name.
    fn can_be_sent(&self) -> bool {
        let ends = |c: char| c.is_control() || c == ';';
        !self.name.contains(|c| ends(c) || c == '=') && !self.value.contains(ends)
    }
}

fn line(line: &str) -> Option<Cookie> {
    let (line, http_only) = match line.strip_prefix("#HttpOnly_") {
        Some(line) => (line, true),
        None => (line, false),
    };
    let mut fields = line.split('\t');
    let mut next = || fields.next();
    // Behind its dots, for so it is written again where it is one host's alone.
    let domain = next()?.trim().trim_start_matches('.');
    let is_no_host = |c: char| c.is_whitespace() || c.is_control() || c == '#';
    if domain.is_empty() || domain.contains(is_no_host) {
        return None;
    }
    let wide = next()? == "TRUE";
    let (path, secure, expires) = (next()?, next()? == "TRUE", next()?.parse().ok()?);
    Some(Cookie {
        domain: domain.to_ascii_lowercase(),
        host_only: !wide,
        path: path.to_owned(),
        secure,
        http_only,
        expires: Some(expires).filter(|at| *at > 0).map(Duration::from_secs),
        name: next()?.to_owned(),
        value: next().unwrap_or("").to_owned(),
    })
}
