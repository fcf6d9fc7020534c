//! Plays a command line with a program: a folder with the files it needs, the servers it is led to, and what it left behind.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use bed::raw::{Step, send};
use bed::{Authority, Raw, TempDir, TlsServer, wait_until};

use super::origin::Origin;

const PATIENCE: Duration = Duration::from_secs(60);

/// The servers that command lines name.
pub(crate) struct Stage {
    origin: Origin,
    empty: Raw,
    short: Raw,
    garbled: Raw,
    tls: TlsServer,
    asking: TlsServer,
    authority: Authority,
}

/// What a program did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    /// The files it made, by name, but for those that were there and are as they were.
    pub(crate) files: Vec<(String, String)>,
    /// What the origin got.
    pub(crate) log: Vec<String>,
}

/// What is in the folder before: name, content.
const FILES: [(&str, &str); 6] = [
    ("file", "a\nb\r\n"),
    ("part", "01234"),
    ("all", "0123456789"),
    ("fields", "X-A: 1\nX-B: 2\n"),
    ("format", " %{http_code}\\n"),
    (
        "cookies",
        "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tkept\tbefore\n",
    ),
];

impl Stage {
    pub(crate) fn new() -> Stage {
        let authority = Authority::new();
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsecured";
        let tls = TlsServer::answer(authority.issue(&["a.example"]).server(), answer);
        let known = answer
            .replace("secured", "known")
            .replace("Length: 7", "Length: 5");
        let judge = authority.issue(&["a.example"]);
        let judge = judge.server_of(rustls::ALL_VERSIONS, Some(&authority));
        let script = |text| vec![Step::ReadHead, send(text), Step::Close];
        Stage {
            origin: Origin::start(),
            empty: Raw::serve(vec![Step::ReadHead, Step::Close]),
            short: Raw::serve(script("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")),
            garbled: Raw::serve(script(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
            )),
            tls,
            asking: TlsServer::answer(judge, &known),
            authority,
        }
    }

    /// Runs `program`; the words may name servers and the folder.
    pub(crate) fn play(&self, program: &str, words: &[&str]) -> (Done, String) {
        let folder = TempDir::new("evcurl");
        for (name, content) in FILES {
            fs::write(folder.join(name), content).unwrap();
        }
        fs::write(folder.join("ca.pem"), self.authority.pem()).unwrap();
        let me = self.authority.issue_to_client("me");
        fs::write(folder.join("me.pem"), format!("{}{}", me.chain, me.key)).unwrap();
        let words: Vec<String> = words.iter().map(|word| self.placed(word)).collect();
        let mut child = Command::new(program)
            .args(&words)
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(fs::File::create(folder.join(".out")).unwrap())
            .stderr(fs::File::create(folder.join(".err")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let ended = wait_until(PATIENCE, || child.try_wait().unwrap().is_some());
        if !ended {
            child.kill().unwrap();
        }
        let code = child.wait().unwrap().code();
        assert!(ended, "{program} {words:?} did not end");
        let read = |name: &str| {
            String::from_utf8_lossy(&fs::read(folder.join(name)).unwrap()).into_owned()
        };
        let done = Done {
            code,
            out: read(".out"),
            files: made(&folder),
            log: self.origin.take_log(),
        };
        (done, read(".err"))
    }

    /// The same text with the servers' places in it.
    pub(crate) fn placed(&self, word: &str) -> String {
        let at = |address: std::net::SocketAddr| format!("http://{address}");
        word.replace("{u}", &format!("http://127.0.0.1:{}", self.origin.port))
            .replace("{host}", &format!("127.0.0.1:{}", self.origin.port))
            .replace("{port}", &self.origin.port.to_string())
            .replace("{empty}", &at(self.empty.address()))
            .replace("{short}", &at(self.short.address()))
            .replace("{garbled}", &at(self.garbled.address()))
            .replace("{tls}", &self.tls.address().to_string())
            .replace("{asking}", &self.asking.address().to_string())
            .replace("{tls-port}", &self.tls.address().port().to_string())
    }
}

fn made(folder: &TempDir) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let content = String::from_utf8_lossy(&fs::read(folder.join(&name)).unwrap()).into_owned();
        let known = FILES.contains(&(name.as_str(), content.as_str()));
        if !known && !name.starts_with('.') && name != "ca.pem" && name != "me.pem" {
            files.push((name, content));
        }
    }
    files.sort();
    files
}
