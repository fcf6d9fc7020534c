//! The lines: JSON to what is asked, and an answer to JSON. Pure. Field values are text of which each character is a byte, as in the Fetch standard.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evcore::Result;
use evhttp::Response;
use serde_json::{Value, json};

/// A request as its line says.
pub(crate) struct Asked {
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<Vec<u8>>,
    /// Whether a 3xx is the answer.
    pub(crate) manual: bool,
}

/// Why a line can't be asked; under its id, if it has one.
pub(crate) struct Wrong {
    pub(crate) id: Value,
    pub(crate) why: String,
}

/// Reads one line.
pub(crate) fn asked(line: &str) -> std::result::Result<Asked, Wrong> {
    let line: Value = serde_json::from_str(line).map_err(|error| Wrong {
        id: Value::Null,
        why: format!("the line is not JSON: {error}"),
    })?;
    read(&line).map_err(|why| Wrong {
        id: line["id"].clone(),
        why,
    })
}

fn read(line: &Value) -> std::result::Result<Asked, String> {
    let cache = one_of(
        line,
        "cache",
        &[
            "default",
            "no-store",
            "reload",
            "no-cache",
            "force-cache",
            "only-if-cached",
        ],
    )?;
    if !["default", "no-store"].contains(&cache) {
        return Err(format!("cache {cache:?}: evhttp has no cache yet"));
    }
    let body = text(line, "body_b64")?.map(|body| STANDARD.decode(body));
    Ok(Asked {
        id: line["id"].clone(),
        method: text(line, "method")?.unwrap_or("GET").to_owned(),
        url: text(line, "url")?.ok_or("no \"url\"")?.to_owned(),
        headers: headers(&line["headers"])
            .ok_or("\"headers\" is no list of [name, value], a character a byte")?,
        body: body
            .transpose()
            .map_err(|error| format!("\"body_b64\": {error}"))?,
        manual: one_of(line, "redirect", &["follow", "manual"])? == "manual",
    })
}

/// The text there, if any.
fn text<'a>(line: &'a Value, name: &str) -> std::result::Result<Option<&'a str>, String> {
    match &line[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(format!("{name:?} is {other}, no text")),
    }
}

/// The word there, or the first of `words`.
fn one_of<'a>(
    line: &'a Value,
    name: &str,
    words: &[&'a str],
) -> std::result::Result<&'a str, String> {
    match text(line, name)? {
        None => Ok(words[0]),
        Some(word) if words.contains(&word) => Ok(word),
        Some(word) => Err(format!(
            "{name:?} is {word:?}, none of {}",
            words.join(", ")
        )),
    }
}

fn headers(list: &Value) -> Option<Vec<(String, Vec<u8>)>> {
    if list.is_null() {
        return Some(Vec::new());
    }
    let bytes = |text: &str| {
        text.chars()
            .map(|c| u8::try_from(c).ok())
            .collect::<Option<_>>()
    };
    let field = |pair: &Value| match pair.as_array()?.as_slice() {
        [name, value] => Some((name.as_str()?.to_owned(), bytes(value.as_str()?)?)),
        _ => None,
    };
    list.as_array()?.iter().map(field).collect()
}

/// What came; and by which way, if that is wanted.
pub(crate) fn answered(id: &Value, page: &Response, course: bool) -> Result<Value> {
    let field = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
    let fields = page.headers().iter();
    let headers: Vec<_> = fields
        .map(|(name, value)| (name.as_str(), field(value.as_bytes())))
        .collect();
    let mut told = json!({
        "id": id,
        "status": page.status().as_u16(),
        "headers": headers,
        "body_b64": STANDARD.encode(page.bytes()?),
    });
    if course {
        told["url"] = page.url().map(ToString::to_string).into();
        told["previous"] = passed(page).into();
    }
    Ok(told)
}

/// The statuses of the answers before this one, the first one first.
fn passed(page: &Response) -> Vec<u16> {
    let mut statuses = Vec::new();
    let mut before = page.previous();
    while let Some(page) = before {
        statuses.insert(0, page.status().as_u16());
        before = page.previous();
    }
    statuses
}

/// What went wrong, in one line.
pub(crate) fn failed(id: &Value, why: &str) -> Value {
    json!({ "id": id, "error": why })
}
