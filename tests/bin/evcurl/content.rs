//! What a request carries: `-d` and its kin, `-F`, `-T`. Files are read or opened here; nothing is sent.

use std::io::Read;

use bytes::Bytes;
use evcore::{blocking, spawn};
use evhttp::{Body, Multipart};

use super::command::{Command, Piece};
use super::exit::{self, Ending};

/// Content, and what it makes of the request.
pub(crate) enum Content {
    None,
    /// A type unless the user has set one; whether JSON is wanted back.
    Text {
        bytes: Vec<u8>,
        kind: &'static str,
        json: bool,
    },
    Form(Multipart),
    Upload(Body),
}

impl Content {
    pub(crate) fn of(command: &Command) -> Result<Content, Ending> {
        if let Some(path) = &command.upload {
            return upload(path).map(Content::Upload);
        }
        let (forms, texts): (Vec<_>, Vec<_>) = command
            .pieces
            .iter()
            .partition(|piece| piece.option.starts_with("form"));
        match (forms.is_empty(), texts.is_empty()) {
            (true, true) => Ok(Content::None),
            (true, false) => text(&texts),
            (false, true) => form(&forms).map(Content::Form),
            (false, false) => Err(Ending::new(
                exit::USAGE,
                "You can only select one HTTP request method: -F or -d",
            )),
        }
    }
}

/// `-` is standard input, read as it is sent.
fn upload(path: &str) -> Result<Body, Ending> {
    match path {
        "-" | "." => Ok(Body::from_fn(None, || {
            spawn(async { Ok(blocking(input).await??) })
        })),
        path => Body::file(path).map_err(|error| Ending::new(exit::READ, error.to_string())),
    }
}

/// The next of standard input, or one line about it.
fn input() -> Result<Option<Bytes>, String> {
    let mut piece = vec![0; 64 * 1024];
    let read = std::io::stdin().lock().read(&mut piece);
    let read = read.map_err(|error| format!("standard input: {error}"))?;
    piece.truncate(read);
    Ok((read > 0).then(|| piece.into()))
}

fn text(pieces: &[&Piece]) -> Result<Content, Ending> {
    let mut bytes = Vec::new();
    let json = pieces.iter().any(|piece| piece.option == "json");
    for piece in pieces {
        // curl joins JSON as it stands, and all else as fields of a form.
        if !bytes.is_empty() && piece.option != "json" {
            bytes.push(b'&');
        }
        bytes.extend(said(piece)?);
    }
    let kind = match json {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    };
    Ok(Content::Text { bytes, kind, json })
}

fn said(piece: &Piece) -> Result<Vec<u8>, Ending> {
    let text = piece.text.as_str();
    match (piece.option, text.strip_prefix('@')) {
        ("data-raw", _) | (_, None) if piece.option != "data-urlencode" => Ok(text.into()),
        ("data-urlencode", _) => encoded(text),
        // As text a file's line ends are left out.
        ("data" | "data-ascii", Some(path)) => read(path).map(|bytes| {
            bytes
                .into_iter()
                .filter(|byte| !b"\r\n\0".contains(byte))
                .collect()
        }),
        (_, Some(path)) => read(path),
        (_, None) => Ok(text.into()),
    }
}

/// `content`, `=content`, `name=content`, `@file`, `name@file`.
fn encoded(text: &str) -> Result<Vec<u8>, Ending> {
    let Some(at) = text.find(['=', '@']) else {
        return Ok(of_form(text.as_bytes()));
    };
    let (name, content) = (&text[..at], &text[at + 1..]);
    let content = match text.as_bytes()[at] {
        b'@' => read(content)?,
        _ => content.into(),
    };
    let mut bytes = name.as_bytes().to_vec();
    if !name.is_empty() {
        bytes.push(b'=');
    }
    bytes.extend(of_form(&content));
    Ok(bytes)
}

/// The same as a form's value, where a blank is a plus (as curl has it since 7.84).
fn of_form(bytes: &[u8]) -> Vec<u8> {
    let parts: Vec<_> = bytes.split(|byte| *byte == b' ').map(escaped).collect();
    parts.join(&b'+')
}

/// All but the unreserved characters (RFC 3986 §2.3) as bytes of a URL.
pub(crate) fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => escaped.push(byte),
            false => escaped.extend(format!("%{byte:02X}").into_bytes()),
        }
    }
    escaped
}

fn read(path: &str) -> Result<Vec<u8>, Ending> {
    let read = match path {
        "-" => {
            let mut all = Vec::new();
            std::io::stdin().lock().read_to_end(&mut all).map(|_| all)
        }
        path => std::fs::read(path),
    };
    read.map_err(|error| Ending::new(exit::READ, format!("Failed to open {path}: {error}")))
}

/// `name=content`, `name=<file`, `name=@file[;type=...][;filename=...]`.
fn form(pieces: &[&Piece]) -> Result<Multipart, Ending> {
    let mut form = Multipart::new();
    for piece in pieces {
        let wrong = || Ending::refused("-F", "is badly used here: it wants name=content");
        let (name, content) = piece.text.split_once('=').ok_or_else(wrong)?;
        form = match content.chars().next() {
            _ if piece.option == "form-string" => form.text(name, content),
            Some('@') => part(form, name, &content[1..])?,
            Some('<') => form.text(name, String::from_utf8_lossy(&read(&content[1..])?)),
            _ if content.contains(";type=") => {
                let why = "is not supported: evhttp's forms give a type to files alone";
                return Err(Ending::refused("-F name=content;type=...", why));
            }
            _ => form.text(name, content),
        };
    }
    Ok(form)
}

fn part(form: Multipart, name: &str, said: &str) -> Result<Multipart, Ending> {
    let mut words = said.split(';');
    let path = words.next().unwrap_or("");
    let own = path.rsplit('/').next().unwrap_or(path);
    let (mut file, mut kind) = (own, "application/octet-stream");
    for word in words {
        match word.trim().split_once('=') {
            Some(("type", value)) => kind = value,
            Some(("filename", value)) => file = value.trim_matches('"'),
            _ => return Err(Ending::refused("-F", format!("{word:?} is not understood"))),
        }
    }
    let body = Body::file(path).map_err(|error| Ending::new(exit::READ, error.to_string()))?;
    Ok(form.part(name, file, kind, body))
}
