//! What a call does, as an HTTP archive that browsers' developer tools read.
//!
//!     cargo run --example har                  # a redirect on a server of its own
//!     cargo run --example har -- URL > a.har
//!
//! Every request that the client sends has an entry: hops, failures, times.

use std::process::ExitCode;

use evcore::Result;
use evhttp::har::Recorder;
use evhttp::http::{HeaderValue, StatusCode, header::LOCATION};
use evhttp::{Client, Response};

fn main() -> ExitCode {
    let recorder = Recorder::new().bodies(1 << 20);
    let client = Client::builder().wire_layer(recorder.clone()).build();
    let outcome = evcore::run(job(client, std::env::args().nth(1)));
    // A call that failed has its entry as well.
    println!("{}", recorder.to_json());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("har: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn job(client: Client, url: Option<String>) -> Result<()> {
    if let Some(url) = url {
        return client.fetch(url).await.map(drop);
    }
    let server = evhttp::serve(
        "127.0.0.1:0",
        |request: evhttp::server::Request| match request.path() {
            "/new" => Response::plain("here I am"),
            _ => Response::new(StatusCode::FOUND)
                .with_header(LOCATION, HeaderValue::from_static("/new")),
        },
    )?;
    let url = format!("http://{}/old?a=b", server.local_addr());
    client.fetch(url).await?;
    server.close();
    Ok(())
}
