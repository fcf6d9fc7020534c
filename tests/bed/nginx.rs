//! nginx as the origin server: files of every size, in every framing, fast and slow, and its own word
//! on what it sent. One process per guard, its configuration and files in a temporary folder.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::command::Running;
use crate::pattern;
use crate::temp::TempDir;
use crate::wait::{free_port, listening, wait_until};

/// Where a file lies decides how it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// With Content-Length.
    Plain,
    /// In chunks, with the trailer field `X-Trail: end`.
    Chunked,
    /// Without a length: the end of the connection is the end of the body.
    UntilClose,
    /// With Content-Length, at [`SLOW_RATE`].
    Slow,
}

/// Bytes a second under [`How::Slow`].
pub const SLOW_RATE: u32 = 256 * 1024;

/// The files there are from the start: name, length. [`Nginx::gib`] makes one more.
pub const FILES: [(&str, u64); 4] = [
    ("empty", 0),
    ("one", 1),
    ("small", 10_000),
    ("mib", 1 << 20),
];

/// The answers `/status/N` can give.
pub const STATUSES: [u16; 5] = [404, 410, 429, 500, 503];

/// One line of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// `GET`, ...
    pub method: String,
    /// The request target as sent.
    pub target: String,
    /// 200, ...
    pub status: u16,
    /// Body bytes nginx handed to the kernel.
    pub sent: u64,
    /// nginx's number for the connection.
    pub connection: u64,
    /// The how-manieth request of that connection this was, from 1.
    pub request: u64,
    /// Whether nginx thinks the answer was complete.
    pub complete: bool,
}

/// A running nginx.
pub struct Nginx {
    address: SocketAddr,
    running: Running,
    dir: TempDir,
    gib: OnceLock<u64>,
}

impl Nginx {
    /// Starts one.
    ///
    /// # Panics
    /// If it is not installed or does not come up.
    #[track_caller]
    #[must_use]
    pub fn start() -> Nginx {
        Nginx::with("")
    }

    /// Starts one with more directives for the server block, such as `keepalive_timeout 1s;`.
    ///
    /// # Panics
    /// If it is not installed or does not come up.
    #[track_caller]
    #[must_use]
    pub fn with(directives: &str) -> Nginx {
        let mut said = String::new();
        // The port was free a moment ago; somebody else may have taken it since.
        for _ in 0..5 {
            match Nginx::try_start(directives) {
                Ok(nginx) => return nginx,
                Err(text) => said = text,
            }
        }
        panic!("nginx does not come up: {said}");
    }

    fn try_start(directives: &str) -> Result<Nginx, String> {
        let dir = TempDir::new("nginx");
        fs::create_dir(dir.join("files")).expect("a fresh folder");
        for (name, length) in FILES {
            pattern::write_file(&dir.join("files").join(name), length).expect("space for a file");
        }
        let port = free_port();
        fs::write(
            dir.join("nginx.conf"),
            configuration(&dir, port, directives),
        )
        .expect("space for a file");
        let path = |name: &str| dir.join(name).display().to_string();
        let running = Running::start(
            "nginx",
            &[
                "-p",
                &path(""),
                "-e",
                &path("error.log"),
                "-c",
                &path("nginx.conf"),
            ],
        );
        let mut nginx = Nginx {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            running,
            dir,
            gib: OnceLock::new(),
        };
        let mut ended = false;
        let up = wait_until(Duration::from_secs(30), || {
            ended = nginx.running.wait(Duration::ZERO).is_some();
            ended || listening(nginx.address, Duration::ZERO)
        });
        match up && !ended {
            true => Ok(nginx),
            false => Err(fs::read_to_string(nginx.dir.join("error.log")).unwrap_or_default()),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL on it; `path` begins with a slash. `/hello` answers 12 bytes, `/status/404` (of [`STATUSES`]) an error,
    /// `/to/small` redirects to the file, `PUT /put/name` stores one.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of a file, sent one way or another.
    #[must_use]
    pub fn file(&self, how: How, name: &str) -> String {
        let folder = match how {
            How::Plain => "plain",
            How::Chunked => "chunked",
            How::UntilClose => "close",
            How::Slow => "slow",
        };
        self.url(&format!("/{folder}/{name}"))
    }

    /// The hash of a file's content.
    ///
    /// # Panics
    /// If there is none of that name.
    #[must_use]
    pub fn hash(&self, name: &str) -> u64 {
        let path = self.dir.join("files").join(name);
        pattern::Hash::of(
            &fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
    }

    /// Makes the file `gib`, 1 GiB of pattern, at the first call (some seconds); its hash.
    ///
    /// # Panics
    /// If there is no space.
    #[must_use]
    pub fn gib(&self) -> u64 {
        let write = || pattern::write_file(&self.dir.join("files").join("gib"), 1 << 30);
        *self.gib.get_or_init(|| write().expect("space for a GiB"))
    }

    /// Where a file uploaded with `PUT /put/name` lies.
    #[must_use]
    pub fn uploaded(&self, name: &str) -> PathBuf {
        self.dir.join("put").join(name)
    }

    /// The access log up to now. nginx writes a line when an answer is over.
    ///
    /// # Panics
    /// If a line is not understood.
    #[must_use]
    pub fn log(&self) -> Vec<Logged> {
        let text = fs::read_to_string(self.dir.join("access.log")).unwrap_or_default();
        text.lines()
            .map(|line| read_line(line).unwrap_or_else(|| panic!("access log: {line}")))
            .collect()
    }

    /// The log, once it has `count` lines or `limit` is over.
    #[must_use]
    pub fn log_of(&self, count: usize, limit: Duration) -> Vec<Logged> {
        let _ = wait_until(limit, || self.log().len() >= count);
        self.log()
    }

    /// Stops it now, with all its connections.
    pub fn stop(self) {
        drop(self.running);
    }
}

fn read_line(line: &str) -> Option<Logged> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    Some(Logged {
        method: word()?.into(),
        target: word()?.into(),
        status: word()?.parse().ok()?,
        sent: word()?.parse().ok()?,
        connection: word()?.parse().ok()?,
        request: word()?.parse().ok()?,
        complete: word()? == "OK",
    })
}

/// SSI with nothing to include takes the length away: nginx then sends chunks, or ends with the connection.
fn configuration(dir: &TempDir, port: u16, directives: &str) -> String {
    let dir = dir.path().display();
    // `return` takes no variable.
    let statuses: String = STATUSES
        .iter()
        .map(|status| format!("location = /status/{status} {{ return {status}; }} "))
        .collect();
    format!(
        r#"
daemon off;
master_process off;
pid {dir}/nginx.pid;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
    log_format bed '$request_method $request_uri $status $body_bytes_sent $connection $connection_requests $request_completion';
    access_log {dir}/access.log bed;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    gzip off;
    sendfile on;
    keepalive_requests 1000000;
    client_max_body_size 0;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /plain/ {{ alias {dir}/files/; }}
        location /chunked/ {{ alias {dir}/files/; ssi on; ssi_types *; add_trailer X-Trail end; }}
        location /close/ {{ alias {dir}/files/; ssi on; ssi_types *; chunked_transfer_encoding off; }}
        location /slow/ {{ alias {dir}/files/; limit_rate {SLOW_RATE}; }}
        location /put/ {{ alias {dir}/put/; dav_methods PUT DELETE; create_full_put_path on; }}
        location = /hello {{ return 200 "hello, world"; }}
        {statuses}
        location ~ ^/to/(.*)$ {{ return 302 /plain/$1; }}
        {directives}
    }}
}}
"#
    )
}
