//! How the names of a request's fields are written, and in which order: the
//! user's own words, kept for servers that care for what RFC 9110 §5.1 and
//! §5.3 call the same. A memory of names alone: which fields are sent, and with
//! which values, the `HeaderMap` says.

use std::rc::Rc;

use bytes::BytesMut;
use http::HeaderMap;
use http::header::HOST;

/// What is remembered of one request, or of all of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelling {
    /// In the order to be sent in; what comes twice stands here twice.
    names: Vec<Name>,
    /// Names that nobody has spelled begin each word with a capital.
    title: bool,
}

#[derive(Clone, Debug)]
struct Name {
    text: Box<str>,
    /// As the user wrote it; else only its place counts.
    exact: bool,
}

impl Name {
    fn is(&self, other: &str) -> bool {
        self.text.eq_ignore_ascii_case(other)
    }
}

impl Spelling {
    /// With nothing but the places of these fields.
    pub(crate) fn of(fields: &HeaderMap) -> Spelling {
        let mut spelling = Spelling::default();
        fields.keys().for_each(|name| {
            let values = fields.get_all(name).iter();
            values.for_each(|_| spelling.place(name.as_str()));
        });
        spelling
    }

    /// One more field goes here, spelled like this.
    pub(crate) fn spell(&mut self, text: &str) {
        let (text, exact) = (text.into(), true);
        self.names.push(Name { text, exact });
    }

    /// One more field goes here.
    pub(crate) fn place(&mut self, text: &str) {
        let (text, exact) = (text.into(), false);
        self.names.push(Name { text, exact });
    }

    pub(crate) fn set_title(&mut self, wanted: bool) {
        self.title = wanted;
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.title
    }

    /// What a client wants of all its requests, behind what `own` says of one.
    pub(crate) fn add(own: &mut Option<Rc<Spelling>>, usual: &Rc<Spelling>) {
        match own {
            None => *own = Some(usual.clone()),
            Some(own) => {
                let own = Rc::make_mut(own);
                own.names.extend_from_slice(&usual.names);
                own.title |= usual.title;
            }
        }
    }

    /// Puts a request's head, as the codec has written it, into this order and
    /// these letters. Lines are moved and the case of names changed: whatever
    /// is remembered, nothing comes into a head that was not in it.
    pub(crate) fn rewrite(&self, head: &mut BytesMut) {
        let written = std::mem::take(head);
        let mut lines = written.split_inclusive(|&byte| byte == b'\n');
        head.reserve(written.len());
        head.extend_from_slice(lines.next().unwrap_or_default());
        let fields: Vec<&[u8]> = lines.filter(|line| *line != b"\r\n").collect();
        for (line, name) in self.arrange(fields, name_of) {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(&line[name.len()..]);
        }
        head.extend_from_slice(b"\r\n");
    }

    /// These fields in their order, each with its name as it is to be written:
    /// Host, unless it has a place of its own; those that have one; the others.
    pub(crate) fn arrange<T>(
        &self,
        fields: Vec<T>,
        name_of: impl Fn(&T) -> &str,
    ) -> Vec<(T, String)> {
        let mut left: Vec<Option<T>> = fields.into_iter().map(Some).collect();
        let mut take = |name: &str| {
            let same = |field: &T| name_of(field).eq_ignore_ascii_case(name);
            let mut places = left.iter_mut();
            places
                .find(|place| place.as_ref().is_some_and(same))?
                .take()
        };
        let mut arranged = Vec::new();
        if !self.names.iter().any(|name| name.is(HOST.as_str())) {
            arranged.extend(take(HOST.as_str()).map(|host| (host, self.written(HOST.as_str()))));
        }
        for name in &self.names {
            let written = match name.exact {
                true => name.text.to_string(),
                false => self.written(&name.text),
            };
            arranged.extend(take(&name.text).map(|field| (field, written)));
        }
        let others = left.into_iter().flatten().map(|field| {
            let written = self.written(name_of(&field));
            (field, written)
        });
        arranged.extend(others);
        arranged
    }

    /// A name whose place says nothing of its letters.
    fn written(&self, name: &str) -> String {
        let spelled = self
            .names
            .iter()
            .find(|spelled| spelled.exact && spelled.is(name));
        match spelled {
            Some(spelled) => spelled.text.to_string(),
            None if self.title => title_case(name),
            None => name.to_owned(),
        }
    }
}

/// `content-type` as `Content-Type`.
fn title_case(name: &str) -> String {
    let mut begins = true;
    let letter = |letter: char| match std::mem::replace(&mut begins, letter == '-') {
        true => letter.to_ascii_uppercase(),
        false => letter,
    };
    name.chars().map(letter).collect()
}

/// The codec has let names through that are tokens, and so ASCII.
fn name_of<'a>(line: &'a &[u8]) -> &'a str {
    let end = line.iter().position(|&byte| byte == b':');
    std::str::from_utf8(&line[..end.unwrap_or_default()]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(spelling: &Spelling, fields: &[&str]) -> String {
        let lines: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let mut head = BytesMut::from(&*format!("GET /a:b HTTP/1.1\r\n{lines}\r\n"));
        spelling.rewrite(&mut head);
        let text = String::from_utf8(head.to_vec()).unwrap();
        let lines = text.strip_prefix("GET /a:b HTTP/1.1\r\n").unwrap();
        lines.strip_suffix("\r\n\r\n").unwrap().replace("\r\n", "|")
    }

    const WRITTEN: &[&str] = &[
        "host: h",
        "user-agent: u",
        "a: 1",
        "a: 3",
        "b-c: B: 2\u{e9}",
        "content-length: 9",
    ];

    #[test]
    fn fields_go_where_and_as_they_were_spelled() {
        let table: [(&[&str], &str); 5] = [
            (
                &["A", "B-c", "A"],
                "host: h|A: 1|B-c: B: 2\u{e9}|A: 3|user-agent: u|content-length: 9",
            ),
            (
                &["CONTENT-LENGTH", "HoSt"],
                "CONTENT-LENGTH: 9|HoSt: h|user-agent: u|a: 1|a: 3|b-c: B: 2\u{e9}",
            ),
            // What a layer has taken out is not there; what it has added is spelled alike, and comes behind.
            (
                &["X", "A"],
                "host: h|A: 1|user-agent: u|A: 3|b-c: B: 2\u{e9}|content-length: 9",
            ),
            (
                &["a", "A"],
                "host: h|a: 1|A: 3|user-agent: u|b-c: B: 2\u{e9}|content-length: 9",
            ),
            (
                &["", "a\r\nx"],
                "host: h|user-agent: u|a: 1|a: 3|b-c: B: 2\u{e9}|content-length: 9",
            ),
        ];
        for (names, expected) in table {
            let mut spelling = Spelling::default();
            names.iter().for_each(|name| spelling.spell(name));
            assert_eq!(rewritten(&spelling, WRITTEN), expected, "{names:?}");
        }
    }

    #[test]
    fn names_that_nobody_has_spelled_are_in_title_case_where_that_is_wanted() {
        let mut spelling = Spelling::default();
        spelling.set_title(true);
        spelling.spell("b-C");
        spelling.place("a");
        let expected = "Host: h|b-C: B: 2\u{e9}|A: 1|User-Agent: u|A: 3|Content-Length: 9";
        assert_eq!(rewritten(&spelling, WRITTEN), expected);
        assert_eq!(title_case("x--1a-bc-"), "X--1a-Bc-");
    }

    #[test]
    fn a_request_has_its_fields_before_those_of_its_client() {
        let mut usual = Spelling::default();
        usual.spell("Usual");
        usual.set_title(true);
        let fields = HeaderMap::from_iter([(HOST, http::HeaderValue::from_static("h"))]);
        let mut own = Some(Rc::new(Spelling::of(&fields)));
        Spelling::add(&mut own, &Rc::new(usual));
        let own = own.unwrap();
        let fields = &["usual: 1", "user-agent: u", "host: h"];
        assert_eq!(rewritten(&own, fields), "Host: h|Usual: 1|User-Agent: u");
    }
}
