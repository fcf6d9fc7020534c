//! evhttp through squid, tinyproxy, microsocks and dante: plain and in a tunnel, with the right password, a wrong one and
//! none.

use bed::proxies::{Asks, RunningProxy};
use bed::tls::TlsServer;
use bed::{Authority, Raw};
use evcore::{run, secs};
use evhttp::evtls::Connector;
use evhttp::{Client, Proxies, Response};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What is behind the proxies: one name for both, which the proxy finds too.
struct Servers {
    plain: Raw,
    secure: TlsServer,
    authority: Authority,
}

impl Servers {
    fn new() -> Servers {
        let authority = Authority::new();
        let secure = TlsServer::answer(authority.issue(&["localhost"]).server(), OK);
        let plain = Raw::answer(OK);
        Servers {
            plain,
            secure,
            authority,
        }
    }

    fn urls(&self) -> [String; 2] {
        let plain = format!("http://localhost:{}/", self.plain.address().port());
        [plain, self.secure.url("localhost", "/")]
    }

    fn client(&self, proxy: &str) -> Client {
        let tls = Connector::builder()
            .only_own_roots()
            .root_certificates(self.authority.pem());
        let proxies = Proxies::all(proxy.parse().unwrap());
        Client::builder()
            .proxies(proxies)
            .tls(tls.build().unwrap())
            .build()
    }
}

fn fetch(client: &Client, url: &str) -> evcore::Result<Response> {
    run(client.get(url).deadline(secs(20)).send())
}

/// Both kinds of URL come through, twice, the second time on the kept connection.
fn all_pass(servers: &Servers, proxy: &str) {
    let client = servers.client(proxy);
    for url in servers.urls() {
        for _ in 0..2 {
            let page = fetch(&client, &url).unwrap_or_else(|error| panic!("{proxy}: {error}"));
            assert_eq!(
                (page.status().as_u16(), &*page.text().unwrap()),
                (200, "ok"),
                "{proxy} {url}"
            );
        }
    }
}

/// The tunnel's error ends so; a document's answer is the proxy's own 407.
fn is_refused(servers: &Servers, proxy: &str, cause: &str) {
    let client = servers.client(proxy);
    let [plain, secure] = servers.urls();
    let line = fetch(&client, &secure).unwrap_err().to_string();
    assert!(
        line.starts_with("connect localhost:") && line.ends_with(cause),
        "{proxy}: {line}"
    );
    assert!(
        !line.contains("secret") && !line.contains("wrong"),
        "{line}"
    );
    match proxy.starts_with("socks") {
        true => assert!(
            fetch(&client, &plain)
                .unwrap_err()
                .to_string()
                .ends_with(cause)
        ),
        false => assert_eq!(fetch(&client, &plain).unwrap().status(), 407, "{proxy}"),
    }
}

const WANTED: &str = "the proxy wants a user name and password (407)";
const WRONG: &str = "the proxy refused the user name and password (407)";

#[test]
fn tinyproxy() {
    let servers = Servers::new();
    let open = RunningProxy::tinyproxy(false);
    all_pass(&servers, &format!("http://{}", open.address()));
    let closed = RunningProxy::tinyproxy(true);
    let at = closed.address();
    all_pass(&servers, &format!("http://me:secret@{at}"));
    is_refused(&servers, &format!("http://{at}"), WANTED);
    // What it answers a wrong password is a 401, to curl as well.
    let client = servers.client(&format!("http://me:wrong@{at}"));
    let [plain, secure] = servers.urls();
    let line = fetch(&client, &secure).unwrap_err().to_string();
    assert!(
        line.ends_with("the proxy answered 401 Unauthorized"),
        "{line}"
    );
    assert_eq!(fetch(&client, &plain).unwrap().status(), 401);
}

#[test]
fn squid() {
    let servers = Servers::new();
    for asks in [Asks::Nothing, Asks::Basic, Asks::Digest] {
        let squid = RunningProxy::squid(asks, None);
        let at = squid.address();
        all_pass(&servers, &format!("http://me:secret@{at}"));
        if asks != Asks::Nothing {
            is_refused(&servers, &format!("http://{at}"), WANTED);
            is_refused(&servers, &format!("http://me:wrong@{at}"), WRONG);
        }
    }
}

#[test]
fn squid_inside_tls() {
    let servers = Servers::new();
    let identity = servers.authority.issue(&["127.0.0.1"]);
    let squid = RunningProxy::squid(Asks::Basic, Some(&identity));
    let at = squid.address();
    all_pass(&servers, &format!("https://me:secret@{at}"));
    is_refused(&servers, &format!("https://{at}"), WANTED);
    is_refused(&servers, &format!("https://me:wrong@{at}"), WRONG);
    // One whose certificate nobody here has signed is not shown the password.
    let stranger = Authority::new().issue(&["127.0.0.1"]);
    let squid = RunningProxy::squid(Asks::Basic, Some(&stranger));
    let at = squid.address();
    let client = servers.client(&format!("https://me:secret@{at}"));
    for url in servers.urls() {
        let line = fetch(&client, &url).unwrap_err().to_string();
        assert!(
            line.starts_with("secure ")
                && line.contains(&at.to_string())
                && !line.contains("secret"),
            "{line}"
        );
        assert!(line.ends_with("the certificate is signed by nobody who is trusted here"));
    }
}

#[test]
fn microsocks() {
    let servers = Servers::new();
    let open = RunningProxy::microsocks(false);
    for scheme in ["socks5", "socks5h"] {
        all_pass(&servers, &format!("{scheme}://{}", open.address()));
    }
    let closed = RunningProxy::microsocks(true);
    let at = closed.address();
    all_pass(&servers, &format!("socks5h://me:secret@{at}"));
    is_refused(
        &servers,
        &format!("socks5h://{at}"),
        "the proxy wants a user name and password",
    );
    is_refused(
        &servers,
        &format!("socks5h://me:wrong@{at}"),
        "the proxy refused the user name and password",
    );
}

#[test]
fn dante_with_passwords() {
    let servers = Servers::new();
    let dante = RunningProxy::dante_asking();
    let at = dante.address();
    for scheme in ["socks5", "socks5h"] {
        all_pass(&servers, &format!("{scheme}://me:secret@{at}"));
        for wrong in ["me:wrong", "you:secret"] {
            is_refused(
                &servers,
                &format!("{scheme}://{wrong}@{at}"),
                "the proxy refused the user name and password",
            );
        }
        is_refused(
            &servers,
            &format!("{scheme}://{at}"),
            "the proxy wants a user name and password",
        );
    }
}

#[test]
fn dante() {
    let servers = Servers::new();
    let dante = RunningProxy::dante();
    for scheme in ["socks5", "socks5h"] {
        all_pass(&servers, &format!("{scheme}://{}", dante.address()));
    }
    // It takes addresses over SOCKS 4 and refuses names (4a), curl's as well.
    let client = servers.client(&format!("socks4a://{}", dante.address()));
    let page = fetch(&client, &servers.plain.url("/")).unwrap();
    assert_eq!(page.text().unwrap(), "ok");
    // Nobody listens on port 1.
    for (scheme, cause) in [
        ("socks5h", "the proxy refused: connection refused"),
        ("socks4a", "the proxy refused, or could not connect"),
    ] {
        let client = servers.client(&format!("{scheme}://{}", dante.address()));
        let line = fetch(&client, "http://127.0.0.1:1/")
            .unwrap_err()
            .to_string();
        assert!(line.ends_with(cause), "{scheme}: {line}");
    }
}
