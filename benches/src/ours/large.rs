//! Our client and a large body: in pieces, or whole.

use crate::area::Job;
use crate::measure::Sample;
use crate::peer::large::received;
use evcore::{Result, run};

pub(crate) fn streamed(job: &Job) -> Sample {
    let url = job.url_of_all();
    let pieces = async move || -> Result<usize> {
        let mut body = evhttp::get(url).stream().await?.take_body()?;
        let mut length = 0;
        while let Some(piece) = body.next().await? {
            length += piece.len();
        }
        Ok(length)
    };
    received(job, || run(pieces()).expect("the server answers"))
}

pub(crate) fn whole(job: &Job) -> Sample {
    received(job, || {
        let page = run(evhttp::fetch(job.url_of_all())).expect("the server answers");
        page.bytes().expect("it is whole").len()
    })
}
