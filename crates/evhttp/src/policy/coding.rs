//! Content codings (RFC 9110 §8.4.1): which are understood, and undoing them
//! piece by piece within limits. Bytes in, bytes out; whose they are is
//! decided elsewhere.

use bytes::{Buf, Bytes};
use http::{HeaderMap, header};

use crate::limits::CODINGS;

#[cfg(feature = "br")]
mod brotli;
#[cfg(feature = "gzip")]
mod flate;
#[cfg(feature = "zstd")]
mod zstd;

/// A coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// What this build can undo, as Accept-Encoding says it; the densest first.
pub(crate) const ACCEPTED: &str = match (
    cfg!(feature = "gzip"),
    cfg!(feature = "br"),
    cfg!(feature = "zstd"),
) {
    (true, true, true) => "zstd, br, gzip, deflate",
    (true, true, false) => "br, gzip, deflate",
    (true, false, true) => "zstd, gzip, deflate",
    (true, false, false) => "gzip, deflate",
    (false, true, true) => "zstd, br",
    (false, true, false) => "br",
    (false, false, true) => "zstd",
    (false, false, false) => "",
};

/// The codings of a message in the order they were applied, but for
/// `identity`. `None` if one of them is unknown, or there are too many.
pub(crate) fn applied(headers: &HeaderMap) -> Option<Vec<Coding>> {
    let mut codings = Vec::new();
    for field in headers.get_all(header::CONTENT_ENCODING) {
        for name in field.to_str().ok()?.split(',').map(str::trim) {
            let coding = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" if cfg!(feature = "gzip") => Coding::Gzip,
                "deflate" if cfg!(feature = "gzip") => Coding::Deflate,
                "br" if cfg!(feature = "br") => Coding::Brotli,
                "zstd" if cfg!(feature = "zstd") => Coding::Zstd,
                _ => return None,
            };
            codings.push(coding);
        }
    }
    (codings.len() <= CODINGS).then_some(codings)
}

const CUT: &str = "it ends in the middle";

/// Undoes one coding, a bounded step at a time.
trait Undo {
    /// Takes some of `input` and adds to `output` what that gives: at most
    /// some hundred kilobytes.
    fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, String>;

    /// Whether a step would give something without more input.
    fn more(&self) -> bool {
        false
    }

    /// Whether the content is complete; what follows is nobody's.
    fn is_over(&self) -> bool;

    /// There is no more input: whether that is the end, and a good one.
    /// `false` if a step's worth came out and more may.
    fn end(&mut self, _output: &mut Vec<u8>) -> Result<bool, String> {
        match self.is_over() {
            true => Ok(true),
            false => Err(CUT.into()),
        }
    }
}

struct Stage {
    undo: Box<dyn Undo>,
    pending: Bytes,
    begun: bool,
    ended: bool,
}

/// Undoes all codings of a body.
pub(crate) struct Decoder {
    /// In the order they have to be undone.
    stages: Vec<Stage>,
    taken: u64,
    given: u64,
    /// The body may grow to so many times its size, once it has grown to so
    /// many bytes.
    ratio: u64,
    free: u64,
    input_over: bool,
}

impl Decoder {
    /// For codings in the order they were applied.
    pub(crate) fn new(codings: &[Coding], ratio: u64, free: u64) -> Decoder {
        let stage = |coding: &Coding| Stage {
            undo: undo(*coding),
            pending: Bytes::new(),
            begun: false,
            ended: false,
        };
        Decoder {
            stages: codings.iter().rev().map(stage).collect(),
            taken: 0,
            given: 0,
            ratio,
            free,
            input_over: false,
        }
    }

    /// Gives a piece of the encoded body; only after `next` said `None`.
    pub(crate) fn feed(&mut self, piece: Bytes) {
        self.taken += piece.len() as u64;
        self.stages[0].pending = piece;
    }

    /// The encoded body is over.
    pub(crate) fn finish(&mut self) {
        self.input_over = true;
    }

    /// The next decoded piece. `None`: give more input, or, after `finish`,
    /// that was all.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, String> {
        let last = self.stages.len() - 1;
        while let Some(at) = self.ready() {
            let output = self.stages[at].run()?;
            if output.is_empty() {
                continue;
            }
            if at < last {
                self.stages[at + 1].pending = output.into();
                continue;
            }
            self.given += output.len() as u64;
            if self.given > self.free && self.given / self.ratio > self.taken {
                let ratio = self.ratio;
                return Err(format!("it grows to more than {ratio} times its size"));
            }
            return Ok(Some(output.into()));
        }
        Ok(None)
    }

    /// The stage to run: the last that can; else, at the end of all input,
    /// the first that has not ended.
    fn ready(&self) -> Option<usize> {
        let fed = |stage: &Stage| !stage.pending.is_empty() || stage.undo.more();
        self.stages.iter().rposition(fed).or_else(|| {
            let unended = |stage: &Stage| !stage.ended;
            self.input_over
                .then(|| self.stages.iter().position(unended))?
        })
    }
}

impl Stage {
    fn run(&mut self) -> Result<Vec<u8>, String> {
        let mut output = Vec::new();
        if self.pending.is_empty() && !self.undo.more() {
            // No content at all is what many servers send with a 204 or an
            // error, whatever the field says.
            self.ended = !self.begun || self.undo.end(&mut output)?;
            return Ok(output);
        }
        self.begun = true;
        if !self.undo.is_over() {
            let taken = self.undo.step(&self.pending, &mut output)?;
            self.pending.advance(taken);
        }
        if self.undo.is_over() {
            // Browsers and curl drop what follows as well, and so what looks
            // like another beginning behind it.
            self.pending.clear();
        }
        Ok(output)
    }
}

fn undo(coding: Coding) -> Box<dyn Undo> {
    match coding {
        #[cfg(feature = "gzip")]
        Coding::Gzip => Box::new(flate::Gzip::default()),
        #[cfg(feature = "gzip")]
        Coding::Deflate => Box::new(flate::Deflate::default()),
        #[cfg(feature = "br")]
        Coding::Brotli => Box::new(brotli::Brotli::new()),
        #[cfg(feature = "zstd")]
        Coding::Zstd => Box::new(zstd::Zstd::new()),
        #[allow(unreachable_patterns)]
        _ => unreachable!("`applied` gives no coding of another build"),
    }
}

#[cfg(all(test, feature = "gzip"))]
mod tests;
