//! Where bodies and heads go: standard output, files, a folder made on the way. No call is made here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use evhttp::Response;

use super::command::{Command, Output};
use super::exit::{self, Ending};

/// The place of one body. A file is made with the first word that goes there.
pub(crate) struct Sink {
    path: Option<String>,
    file: Option<File>,
    append: bool,
    make_folders: bool,
}

impl Sink {
    /// The one for the URL of that number.
    pub(crate) fn of(command: &Command, number: usize, url: &str) -> Result<Sink, Ending> {
        let path = match command.outputs.get(number) {
            None => None,
            Some(Output::File(path)) => Some(path.clone()).filter(|path| path != "-"),
            Some(Output::Remote) => Some(last_segment(url)?),
        };
        Ok(Sink {
            path,
            file: None,
            append: false,
            make_folders: command.make_folders,
        })
    }

    /// The file's name, if it is one.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Goes on behind what is there; how much that is, in bytes.
    pub(crate) fn resume(&mut self) -> u64 {
        self.append = true;
        let there = self.path.as_ref().and_then(|path| fs::metadata(path).ok());
        there.map_or(0, |there| there.len())
    }

    /// What follows goes behind what is there.
    pub(crate) fn append(&mut self) {
        self.append = true;
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Ending> {
        let wrote = match &self.path {
            None => io::stdout().lock().write_all(bytes),
            Some(_) => self.open().and_then(|file| file.write_all(bytes)),
        };
        wrote.map_err(|error| self.failed(&error))
    }

    /// A body of no bytes makes an empty file.
    pub(crate) fn finish(&mut self) -> Result<(), Ending> {
        let wrote = match &self.path {
            None => io::stdout().lock().flush(),
            Some(_) => self.open().map(drop),
        };
        wrote.map_err(|error| self.failed(&error))
    }

    fn open(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            let path = Path::new(self.path.as_deref().unwrap_or_default());
            if let Some(folder) = path.parent().filter(|_| self.make_folders) {
                fs::create_dir_all(folder)?;
            }
            let mut options = OpenOptions::new();
            options
                .create(true)
                .append(self.append)
                .write(true)
                .truncate(!self.append);
            self.file = Some(options.open(path)?);
        }
        self.file
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn failed(&self, error: &io::Error) -> Ending {
        let path = self.path.as_deref().unwrap_or("standard output");
        Ending::new(
            exit::WRITE,
            format!("Failure writing output to {path}: {error}"),
        )
    }
}

fn last_segment(url: &str) -> Result<String, Ending> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split(['?', '#']).next().unwrap_or("");
    match path
        .split_once('/')
        .map_or("", |(_, path)| path)
        .rsplit('/')
        .next()
    {
        None | Some("") => Err(Ending::new(exit::WRITE, "Remote file name has no length!")),
        Some(name) => Ok(name.to_owned()),
    }
}

/// A head as it may have been on the wire: evhttp knows names in lower case, and fields of one name together.
pub(crate) fn head(page: &Response) -> Vec<u8> {
    let mut text = format!("{:?} {}", page.version(), page.status().as_u16()).into_bytes();
    text.push(b' ');
    match page.reason() {
        Some(reason) => text.extend_from_slice(reason),
        None => text.extend_from_slice(page.status().canonical_reason().unwrap_or("").as_bytes()),
    }
    text.extend_from_slice(b"\r\n");
    for (name, value) in page.headers() {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

/// The heads of all answers a call passed, the last one's at the end.
pub(crate) fn heads(page: &Response) -> Vec<u8> {
    let mut passed = vec![head(page)];
    let mut before = page.previous();
    while let Some(page) = before {
        passed.push(head(page));
        before = page.previous();
    }
    passed.reverse();
    passed.concat()
}
