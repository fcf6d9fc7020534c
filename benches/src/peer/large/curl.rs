//! libcurl's easy interface, with as large a buffer as it takes here.

use super::{AT_ONCE, received};
use crate::area::Job;
use crate::measure::Sample;
use curl::easy::{Easy2, Handler, WriteError};

struct Length(usize);

impl Handler for Length {
    fn write(&mut self, piece: &[u8]) -> Result<usize, WriteError> {
        self.0 += piece.len();
        Ok(piece.len())
    }
}

pub(crate) fn streamed(job: &Job) -> Sample {
    received(job, || {
        let mut easy = Easy2::new(Length(0));
        easy.buffer_size(AT_ONCE).expect("up to 512 KiB");
        easy.url(&job.url_of_all()).expect("it is a URL");
        easy.perform().expect("the server answers");
        easy.get_ref().0
    })
}
