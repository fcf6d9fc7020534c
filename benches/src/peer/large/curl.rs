//! libcurl's easy interface, with as large a buffer as it takes here. TLS is its own: OpenSSL, if the system's is such.

use super::{AT_ONCE, received};
use crate::area::Job;
use crate::flood::tls::root;
use crate::measure::Sample;
use curl::Version;
use curl::easy::{Easy2, Handler, WriteError};

struct Length(usize);

impl Handler for Length {
    fn write(&mut self, piece: &[u8]) -> Result<usize, WriteError> {
        self.0 += piece.len();
        Ok(piece.len())
    }
}

pub(crate) fn streamed(job: &Job) -> Sample {
    received(job, || perform(Easy2::new(Length(0)), &job.url_of_all()))
}

pub(crate) fn tls(job: &Job) -> Sample {
    let version = Version::get();
    let library = version.ssl_version().unwrap_or("no TLS");
    if !library.starts_with("OpenSSL") {
        // The last line of a run that failed is the reason in the report.
        eprintln!("libcurl here is built with {library}, not with OpenSSL");
        std::process::exit(1);
    }
    received(job, || {
        let mut easy = Easy2::new(Length(0));
        easy.cainfo(root()).expect("it has TLS");
        perform(easy, &job.secure_url_of_all())
    })
}

fn perform(mut easy: Easy2<Length>, url: &str) -> usize {
    easy.buffer_size(AT_ONCE).expect("up to 512 KiB");
    easy.url(url).expect("it is a URL");
    easy.perform().expect("the server answers");
    easy.get_ref().0
}
