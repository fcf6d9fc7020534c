//! One exchange, and how HAR 1.2 writes it
//! (<http://www.softwareishard.com/blog/har-12-spec/>). Values in, text out.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use evcore::net::Address;
use http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE, USER_AGENT,
};
use http::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use url::{Position, Url};

use crate::call::Call;
use crate::course::{Link, Timings};
use crate::limits::{DECODED_FREE, DECODED_RATIO};
use crate::policy::calendar;
use crate::policy::coding::{Decoder, applied};
use crate::response::Response;
use crate::secrets::{HIDDEN, is_secret, nameless, text_of};
use crate::spelling::Spelling;

/// What was seen of one exchange. No `Debug`: there may be secrets in it.
#[derive(Default)]
pub(super) struct Entry {
    /// Time since 1970.
    pub(super) began: Duration,
    method: String,
    url: Option<Url>,
    fields: Fields,
    pub(super) sent: Content,
    answer: Option<Head>,
    pub(super) received: Content,
    /// The line of what went wrong.
    pub(super) failure: Option<String>,
    pub(super) timings: Timings,
    pub(super) link: Option<Link>,
}

struct Head {
    status: u16,
    reason: String,
    version: String,
    fields: Fields,
    /// The codings alone: they can be undone, and are so in the archive.
    coded: HeaderMap,
}

/// Fields as they are recorded, and the cookies among them.
#[derive(Default)]
struct Fields {
    all: Vec<(String, String)>,
    cookies: Vec<(String, String)>,
}

impl Fields {
    fn of(headers: &HeaderMap, secrets: bool, cookies: &HeaderName) -> Fields {
        let text = |value| text_of(cookies, value);
        let shown = headers.iter().map(|(name, value)| {
            let hidden = !secrets && is_secret(name, value);
            let value = match hidden {
                true => HIDDEN.into(),
                false => text_of(name, value),
            };
            (name.to_string(), value)
        });
        let pairs = headers.get_all(cookies).iter().map(text);
        Fields {
            all: shown.collect(),
            cookies: match secrets {
                true => pairs.flat_map(|field| split(&field, cookies)).collect(),
                false => Vec::new(),
            },
        }
    }

    /// With names and order as they are sent.
    fn spell(&mut self, spelling: &Spelling) {
        let all = std::mem::take(&mut self.all);
        let arranged = spelling.arrange(all, |(name, _)| name).into_iter();
        self.all = arranged.map(|((_, value), name)| (name, value)).collect();
    }

    fn value(&self, name: &HeaderName) -> &str {
        let mut fields = self.all.iter();
        let found = fields.find(|(other, _)| other.eq_ignore_ascii_case(name.as_str()));
        found.map_or("", |(_, value)| value)
    }
}

/// A Cookie field has pairs, a Set-Cookie field one pair and its attributes.
fn split(field: &str, name: &HeaderName) -> Vec<(String, String)> {
    let most = if *name == COOKIE { usize::MAX } else { 1 };
    let pairs = field.split(';').take(most);
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    pairs.filter_map(pair).collect()
}

/// A body, or as much of it as is known.
#[derive(Default)]
pub(super) struct Content {
    /// Said beforehand; what comes is counted.
    length: Option<u64>,
    came: u64,
    kept: Option<BytesMut>,
}

impl Content {
    pub(super) fn new(length: Option<u64>) -> Content {
        let kept = Some(BytesMut::new());
        Content {
            length,
            kept,
            came: 0,
        }
    }

    /// A piece more. A body that grows to more than `most` bytes is not kept.
    pub(super) fn add(&mut self, piece: &Bytes, most: usize) {
        self.came += piece.len() as u64;
        match &mut self.kept {
            Some(kept) if self.came <= most as u64 => kept.extend_from_slice(piece),
            kept => *kept = None,
        }
    }

    /// All of it, if it was kept and is something.
    fn whole(&self) -> Option<&[u8]> {
        self.kept.as_deref().filter(|kept| !kept.is_empty())
    }

    fn size(&self) -> u64 {
        self.came.max(self.length.unwrap_or(0))
    }
}

impl Entry {
    /// What `call` asks, with the fields that the wire adds.
    pub(super) fn new(began: Duration, call: &Call, secrets: bool) -> Entry {
        let headers = sent(call);
        let mut url = nameless(&call.url);
        url.set_fragment(None);
        let mut fields = Fields::of(&headers, secrets, &COOKIE);
        if let Some(spelling) = &call.options.spelling {
            fields.spell(spelling);
        }
        Entry {
            began,
            method: call.method.to_string(),
            url: Some(url),
            fields,
            ..Entry::default()
        }
    }

    pub(super) fn answered(&mut self, response: &Response, secrets: bool) {
        let headers = response.headers();
        let reason = response
            .reason()
            .map(|reason| String::from_utf8_lossy(reason).into_owned());
        let usual = response.status().canonical_reason().unwrap_or_default();
        self.received = Content::new(None);
        self.answer = Some(Head {
            status: response.status().as_u16(),
            reason: reason.unwrap_or(usual.into()),
            version: format!("{:?}", response.version()),
            fields: Fields::of(headers, secrets, &SET_COOKIE),
            coded: coded(headers),
        });
    }

    fn to_json(&self) -> Value {
        let times = times(&self.timings, self.link.as_ref());
        let mut entry = json!({
            "startedDateTime": date(self.began),
            "time": millis(self.timings.total()),
            "request": self.request(),
            "response": self.response(),
            "cache": {},
            "timings": times,
        });
        if let Some(link) = &self.link {
            entry["connection"] = json!(link.number.to_string());
            match &link.peer {
                Address::Inet(peer) => entry["serverIPAddress"] = json!(peer.ip().to_string()),
                #[cfg(unix)]
                Address::Unix(_) => {}
            }
        }
        if let Some(failure) = &self.failure {
            entry["comment"] = json!(failure);
        }
        entry
    }

    fn request(&self) -> Value {
        let url = self.url.as_ref();
        let query = url.into_iter().flat_map(|url| url.query_pairs());
        let query: Vec<Value> = query.map(|(name, value)| pair(&name, &value)).collect();
        let mut request = json!({
            "method": self.method,
            "url": url.map(Url::as_str).unwrap_or_default(),
            "httpVersion": "HTTP/1.1",
            "cookies": pairs(&self.fields.cookies),
            "headers": pairs(&self.fields.all),
            "queryString": query,
            "headersSize": -1,
            "bodySize": self.sent.size(),
        });
        if let Some(bytes) = self.sent.whole() {
            let (text, encoding) = text(bytes);
            request["postData"] = json!({
                "mimeType": self.fields.value(&CONTENT_TYPE),
                "params": [],
                "text": text,
            });
            // HAR has no word for this in requests; others say it so too.
            if encoding.is_some() {
                request["postData"]["encoding"] = json!(encoding);
            }
        }
        request
    }

    fn response(&self) -> Value {
        let Some(head) = &self.answer else {
            // As browsers write what got no answer.
            return json!({
                "status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [],
                "content": { "size": 0, "mimeType": "x-unknown" },
                "redirectURL": "", "headersSize": -1, "bodySize": -1,
                "_error": self.failure,
            });
        };
        json!({
            "status": head.status,
            "statusText": head.reason,
            "httpVersion": head.version,
            "cookies": pairs(&head.fields.cookies),
            "headers": pairs(&head.fields.all),
            "content": self.content(head),
            "redirectURL": head.fields.value(&LOCATION),
            "headersSize": -1,
            "bodySize": self.received.came,
        })
    }

    fn content(&self, head: &Head) -> Value {
        let came = self.received.came;
        let mime = match head.fields.value(&CONTENT_TYPE) {
            "" => "x-unknown",
            mime => mime,
        };
        let mut content = json!({ "size": came, "mimeType": mime });
        if let Some(bytes) = self.received.whole() {
            let decoded = undo(bytes, &head.coded);
            let (text, encoding) = text(decoded.as_deref().unwrap_or(bytes));
            if let Some(decoded) = &decoded {
                content["size"] = json!(decoded.len());
                content["compression"] = json!(decoded.len() as i64 - came as i64);
            }
            content["text"] = json!(text);
            if encoding.is_some() {
                content["encoding"] = json!(encoding);
            }
        }
        content
    }
}

/// The fields of `call` in the wire's order: Host, what it adds, the others.
fn sent(call: &Call) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let host = &call.url[Position::BeforeHost..Position::AfterPort];
    let host = call.headers.get(HOST).cloned().or(host.try_into().ok());
    headers.extend(host.map(|host| (HOST, host)));
    if !call.headers.contains_key(USER_AGENT) {
        headers.insert(USER_AGENT, crate::conn::US.clone());
    }
    let others = call.headers.iter().filter(|(name, _)| **name != HOST);
    others.for_each(|(name, value)| _ = headers.append(name, value.clone()));
    headers
}

/// Of the fields as they came, those that say how the content is coded.
fn coded(headers: &HeaderMap) -> HeaderMap {
    let codings = headers.get_all(CONTENT_ENCODING).into_iter();
    codings
        .map(|coding| (CONTENT_ENCODING, coding.clone()))
        .collect()
}

/// The content without its codings, if there are any and they can be undone.
fn undo(bytes: &[u8], headers: &HeaderMap) -> Option<Vec<u8>> {
    let codings = applied(headers).filter(|codings| !codings.is_empty())?;
    let mut decoder = Decoder::new(&codings, DECODED_RATIO, DECODED_FREE);
    decoder.feed(Bytes::copy_from_slice(bytes));
    let mut whole = Vec::new();
    for over in [false, true] {
        if over {
            decoder.finish();
        }
        while let Some(piece) = decoder.next().ok()? {
            whole.extend_from_slice(&piece);
        }
    }
    Some(whole)
}

/// Text as it is, anything else as base64.
fn text(bytes: &[u8]) -> (String, Option<&'static str>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (BASE64_STANDARD.encode(bytes), Some("base64")),
    }
}

fn pair(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

fn pairs(all: &[(String, String)]) -> Vec<Value> {
    all.iter().map(|(name, value)| pair(name, value)).collect()
}

/// What did not happen is -1. `connect` includes `ssl`, as HAR 1.1 wanted it.
fn times(timings: &Timings, link: Option<&Link>) -> Value {
    let new = link.is_none_or(|link| !link.reused);
    let happened = |time: Duration| match new && !time.is_zero() {
        true => millis(time),
        false => -1.0,
    };
    json!({
        "blocked": millis(timings.queue + timings.between),
        "dns": happened(timings.resolve),
        "connect": happened(timings.connect + timings.secure),
        "ssl": happened(timings.secure),
        "send": millis(timings.send),
        "wait": millis(timings.wait),
        "receive": millis(timings.receive),
    })
}

/// Milliseconds, to the microsecond.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1_000.0
}

/// ISO 8601, in UTC.
fn date(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (year, month, day) = calendar::civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let millis = since_1970.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The whole archive.
pub(super) fn archive(entries: &[&Entry]) -> String {
    let entries: Vec<Value> = entries.iter().map(|entry| entry.to_json()).collect();
    let creator = json!({ "name": "evhttp", "version": env!("CARGO_PKG_VERSION") });
    let log = json!({ "version": "1.2", "creator": creator, "entries": entries });
    format!("{:#}", json!({ "log": log }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (millis, text) in table {
            assert_eq!(date(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn names_and_passwords_are_left_out_of_fields_with_urls() {
        let table = [
            (
                "https://me:s3@cret@a.example:1/b?c#d",
                "https://a.example:1/b?c#d",
            ),
            ("//me@a.example", "//a.example"),
            ("/b@c", "/b@c"),
            ("b?c=https://me@a.example/", "b?c=https://me@a.example/"),
            ("b/c//d@e", "b/c//d@e"),
        ];
        for (location, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            let fields = Fields::of(&headers, true, &SET_COOKIE);
            assert_eq!(fields.value(&LOCATION), expected);
        }
    }

    #[test]
    fn of_the_fields_as_they_came_only_the_codings_are_kept() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-encoding", "gzip"),
            ("content-encoding", "br"),
            ("set-cookie", "id=s3cret"),
        ] {
            headers.append(name, http::HeaderValue::from_static(value));
        }
        let coded = coded(&headers);
        assert_eq!(coded.len(), 2, "{coded:?}");
        assert_eq!(coded.get_all("content-encoding").iter().count(), 2);
    }

    #[test]
    fn a_body_is_kept_whole_or_not_at_all() {
        let mut content = Content::new(None);
        content.add(&Bytes::from("abc"), 5);
        content.add(&Bytes::from("de"), 5);
        assert_eq!(content.whole(), Some(&b"abcde"[..]));
        content.add(&Bytes::from("f"), 5);
        content.add(&Bytes::new(), 5);
        assert_eq!((content.whole(), content.size()), (None, 6));
    }
}
