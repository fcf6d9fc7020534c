//! Upgraded streams beside programs: Python's websockets as server and as client, nginx between, squid and tinyproxy on the
//! way.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use bed::Nginx;
use bed::proxies::{Asks, RunningProxy};
use evcore::{Result, run, secs, spawn};
use evhttp::{Client, Proxies, Server, serve};

#[path = "upgrade/websocket.rs"]
mod websocket;

use websocket::{converse, echoing, hear, open};

const LIMIT: Duration = secs(60);

fn python(script: &str) -> Command {
    let mut command = Command::new(bed::command::python("websockets"));
    command
        .arg(format!(
            "{}/websockets/{script}",
            env!("CARGO_MANIFEST_DIR")
        ))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Python's server, and its URL.
struct Echo {
    child: Child,
    _stdin: Option<ChildStdin>,
    url: String,
}

impl Echo {
    fn start() -> Echo {
        let mut command = python("server.py");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a Python");
        let mut port = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut port).unwrap();
        let port: u16 = port.trim().parse().expect("a Python that has websockets");
        Echo {
            _stdin: child.stdin.take(),
            child,
            url: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Has Python's client talk to `url` while our server turns; what it printed.
fn visited(url: &str) -> String {
    let mut child = python("client.py")
        .arg(url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a Python");
    let status = run(spawn(async move {
        loop {
            if child.try_wait().map_err(evcore::Error::from)?.is_some() {
                break;
            }
            evcore::sleep(Duration::from_millis(5)).await?;
        }
        let mut said = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut said)?;
        Ok(said)
    })
    .timeout(LIMIT));
    status.unwrap().trim().to_owned()
}

/// nginx that hands `/` on to `behind`, changes of protocol too.
fn nginx(behind: &str) -> Nginx {
    let directives = format!(
        "location /ws/ {{ proxy_pass {behind}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
         proxy_set_header Connection \"upgrade\"; }}"
    );
    Nginx::with(&directives)
}

fn ours() -> (Server, String) {
    let server = serve("127.0.0.1:0", echoing).unwrap();
    let address = server.local_addr().to_string();
    (server, address)
}

#[test]
fn python_serves_us() {
    let echo = Echo::start();
    let client = Client::new();
    converse(client.get(format!("{}/", echo.url)));
    // Its first frame may come with the head.
    let greeted: Result<_> = run(spawn({
        let request = client.get(format!("{}/greets", echo.url));
        async move {
            let mut socket = open(request).await?;
            let greeting = hear(&mut socket).await;
            socket.close(None).await.map_err(evcore::Error::new)?;
            while hear(&mut socket).await?.is_some() {}
            greeting
        }
    }));
    assert_eq!(greeted.unwrap(), Some(Message::text("welcome")));
    // A request that is none of its own gets an answer, and is told so.
    let page = run(client.fetch(&echo.url)).unwrap();
    assert_eq!(page.status(), 426);
    assert!(
        page.upgrade()
            .unwrap_err()
            .to_string()
            .contains("426 Upgrade Required")
    );
}

#[test]
fn we_serve_python() {
    let (server, address) = ours();
    assert_eq!(visited(&format!("ws://{address}/")), "101 websocket 1000");
    run(evcore::sleep(Duration::from_millis(100))).unwrap();
    assert_eq!(server.connections(), 0);
}

#[test]
fn nginx_between_them() {
    let echo = Echo::start();
    let front = nginx(&echo.url);
    converse(Client::new().get(front.url("/ws/")));
    let (_server, address) = ours();
    let front = nginx(&format!("http://{address}"));
    converse(Client::new().get(front.url("/ws/")));
    assert_eq!(
        visited(&front.url("/ws/").replace("http", "ws")),
        "101 websocket 1000"
    );
    // Without the two directives nginx passes the field on to nobody.
    let front = Nginx::with(&format!("location /ws/ {{ proxy_pass http://{address}; }}"));
    let page = run(Client::new()
        .get(front.url("/ws/"))
        .upgrade("websocket")
        .send())
    .unwrap();
    assert_eq!(page.status(), 426);
}

#[test]
fn proxies_open_a_tunnel_for_it() {
    let echo = Echo::start();
    let url = format!("{}/", echo.url);
    let through = |proxy: String| {
        let proxies = Proxies::all(proxy.parse().unwrap());
        Client::builder().proxies(proxies).build()
    };
    for asks in [Asks::Nothing, Asks::Basic] {
        let squid = RunningProxy::squid(asks, None);
        converse(through(format!("http://me:secret@{}", squid.address())).get(&url));
    }
    let tinyproxy = RunningProxy::tinyproxy(false);
    converse(through(format!("http://{}", tinyproxy.address())).get(&url));
    let microsocks = RunningProxy::microsocks(false);
    converse(through(format!("socks5h://{}", microsocks.address())).get(&url));
}
