//! Our client and a large body: in pieces, over TLS too, or whole.

use crate::area::Job;
use crate::flood::tls::root_pem;
use crate::measure::Sample;
use crate::peer::large::received;
use evcore::{Result, run};
use evhttp::evtls::Connector;
use evhttp::{Body, Client};

pub(crate) fn streamed(job: &Job) -> Sample {
    let url = job.url_of_all();
    let all = async move || pieces(evhttp::get(url).stream().await?.take_body()?).await;
    received(job, || run(all()).expect("the server answers"))
}

pub(crate) fn tls(job: &Job) -> Sample {
    let url = job.secure_url_of_all();
    let all = async move || -> Result<usize> {
        let tls = Connector::builder().root_certificates(root_pem());
        let client = Client::builder().tls(tls.only_own_roots().build()?).build();
        pieces(client.get(url).stream().await?.take_body()?).await
    };
    received(job, || run(all()).expect("the server answers"))
}

async fn pieces(mut body: Body) -> Result<usize> {
    let mut length = 0;
    while let Some(piece) = body.next().await? {
        length += piece.len();
    }
    Ok(length)
}

pub(crate) fn whole(job: &Job) -> Sample {
    received(job, || {
        let page = run(evhttp::fetch(job.url_of_all())).expect("the server answers");
        page.bytes().expect("it is whole").len()
    })
}
