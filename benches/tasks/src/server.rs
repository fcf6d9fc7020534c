//! The server that both ask, on a thread of its own, and what else tasks need: a file, an address where nobody listens. Each
//! answer says what was asked, so that two clients who asked the same get the same.

use evhttp::http::{HeaderValue, StatusCode, header};
use evhttp::server::Request;
use evhttp::{Response, serve};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

/// How long the largest document is.
const BIG: usize = 1 << 20;

pub(crate) struct Site {
    pub(crate) addr: SocketAddr,
    /// Nobody listens there.
    pub(crate) closed: String,
    /// A file to send.
    pub(crate) file: PathBuf,
    /// A file to write.
    pub(crate) saved: PathBuf,
}

impl Site {
    pub(crate) fn open() -> std::io::Result<Site> {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let server = serve("127.0.0.1:0", answer).expect("a free port");
            tell.send(server.local_addr())
                .expect("the other thread waits");
            // For as long as the program runs.
            evcore::run(std::future::pending::<evcore::Result<()>>())
        });
        let folder = std::env::temp_dir().join(format!("tasks-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("letter.txt");
        std::fs::write(&file, "Dear Ada")?;
        let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Site {
            addr: told.recv().expect("the server's address"),
            closed: format!("http://{closed}/"),
            saved: folder.join("saved.txt"),
            file,
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// A line of error without what differs from run to run.
    pub(crate) fn anonymous(&self, line: &str) -> String {
        let closed = self
            .closed
            .trim_start_matches("http://")
            .trim_end_matches('/');
        line.replace(&self.addr.to_string(), "127.0.0.1:8080")
            .replace(closed, "127.0.0.1:81")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(folder) = self.file.parent() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

async fn answer(request: Request) -> evcore::Result<Response> {
    let path = request.path().to_owned();
    let field = |name: header::HeaderName| {
        request
            .headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("")
            .to_owned()
    };
    let with = |response: Response, name, value| {
        response.with_header(name, HeaderValue::from_static(value))
    };
    Ok(match path.as_str() {
        "/hello" => Response::plain("hello"),
        "/json" => with(
            Response::new(StatusCode::OK),
            header::CONTENT_TYPE,
            "application/json",
        )
        .with_body(r#"{"name":"ada"}"#),
        "/moved" => with(Response::new(StatusCode::FOUND), header::LOCATION, "/hello"),
        "/cookie" if field(header::COOKIE).is_empty() => {
            with(Response::plain("new"), header::SET_COOKIE, "id=7")
        }
        "/cookie" => Response::plain(field(header::COOKIE)),
        "/secret" if field(header::AUTHORIZATION).is_empty() => with(
            Response::new(StatusCode::UNAUTHORIZED),
            header::WWW_AUTHENTICATE,
            r#"Basic realm="secret""#,
        ),
        "/secret" => Response::plain(field(header::AUTHORIZATION)),
        "/agent" => Response::plain(field(header::USER_AGENT)),
        "/range" => Response::plain(field(header::RANGE)).with_status(StatusCode::PARTIAL_CONTENT),
        "/named" => Response::plain(field(header::HeaderName::from_static("x-name"))),
        "/gzip" => with(
            Response::new(StatusCode::OK),
            header::CONTENT_ENCODING,
            "gzip",
        )
        .with_body(gzip("in few bytes")?),
        "/big" => Response::new(StatusCode::OK).with_body(vec![b'x'; BIG]),
        "/slow" => {
            evcore::sleep(evcore::secs(60)).await?;
            Response::plain("late")
        }
        "/echo" | "/there" => echo(request).await?,
        _ => Response::new(StatusCode::NOT_FOUND),
    })
}

/// Method, target and content; of a form with files only how many parts it has, for each client has its own boundary.
async fn echo(request: Request) -> evcore::Result<Response> {
    let (method, target) = (request.method.clone(), request.target.clone());
    let body = request.body.collect(1 << 20).await?;
    let text = String::from_utf8_lossy(&body);
    let text = match text.matches("form-data").count() {
        0 => text.into_owned(),
        parts => format!("{parts} parts, {}", text.contains("Dear Ada")),
    };
    Ok(Response::plain(format!("{method} {target} {text}")))
}

fn gzip(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
