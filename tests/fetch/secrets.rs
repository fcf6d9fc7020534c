//! Nothing that is printed gives a password, a token or a cookie away: lines of errors, events, `Debug`, the reactor's
//! dump. Who asks for the whole URL gets it.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use bed::raw::{Raw, Step, send};
use evcore::{Reactor, ms, run};
use evhttp::{
    AUTH, CONNECTED, Client, DONE, Error, HEAD, INFORMATIONAL, Phase, REDIRECT, RETRY, Request,
    SENT,
};

use crate::OK;

/// What stands in what is asked and answered here, and must stand nowhere else.
const SECRETS: [&str; 6] = ["hunter2", "t0ken", "fr4gment", "s3ssion", "b4ked", "k3y"];

fn clean(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// A URL with a password, a query and a fragment.
fn signed(raw: &Raw) -> String {
    let url = raw.url("/a?key=t0ken#fr4gment");
    url.replace("http://", "http://ada:hunter2@")
}

fn asked(client: &Client, raw: &Raw) -> Request {
    let request = client.get(signed(raw)).header("x-b", "seen");
    request
        .header("cookie", "id=s3ssion")
        .header("proxy-authorization", "Basic k3y")
}

fn whole(error: &evcore::Error) -> Option<&str> {
    error.downcast_ref::<Error>()?.url().map(|url| url.as_str())
}

#[test]
fn errors_show_neither_password_nor_query() {
    let closes = || vec![Step::ReadHead, Step::Close];
    let half = send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    let odd = send(
        "HTTP/1.1 302 Found\r\nLocation: http://ada:hunter2@a b/?t0ken\r\nContent-Length: 0\r\n\r\n",
    );
    let scripts = [
        closes(),
        vec![Step::ReadHead, half, Step::Close],
        vec![Step::ReadHead, odd],
        vec![Step::ReadHead, Step::Pause(crate::LIMIT)],
    ];
    for script in scripts {
        let raw = Raw::serve(script);
        let request = asked(&Client::new(), &raw).time_limit(Phase::Head, ms(300));
        let error = run(request.send()).unwrap_err();
        clean(&format!(
            "{error} {error:?} {:?}",
            error.downcast_ref::<Error>()
        ));
        assert!(error.to_string().contains("/a?..."), "{error}");
        assert_eq!(whole(&error), Some(&*raw.url("/a?key=t0ken#fr4gment")));
    }
    // What can't be sent at all.
    let raw = Raw::answer(OK);
    for request in [
        asked(&Client::new(), &raw).header("a b", "k3y"),
        evhttp::get("ftp://ada:hunter2@a.example/?t0ken"),
        evhttp::get("ada:hunter2@a.example/?t0ken"),
        evhttp::get("http://ada:hunter2@a.example:port/?t0ken"),
    ] {
        clean(&format!("{request:?}"));
        clean(&run(request.send()).unwrap_err().to_string());
    }
}

#[test]
fn nor_does_debug_nor_do_events() {
    let answers = [
        "HTTP/1.1 103 Early\r\nSet-Cookie: c=b4ked\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /a?key=t0ken\r\nSet-Cookie: c=b4ked\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie: c=b4ked\r\nX-B: seen\r\nContent-Length: 2\r\n\r\nok",
    ];
    let script = [
        vec![Step::ReadHead, send(answers[0]), send(answers[1])],
        answers[2..]
            .iter()
            .flat_map(|a| [Step::ReadHead, send(a)])
            .collect(),
    ];
    let raw = Raw::serve(script.concat());
    let printed = Rc::new(RefCell::new(Vec::new()));
    fn note<P: Debug>(list: &Rc<RefCell<Vec<String>>>) -> impl Fn(&P) + 'static {
        let list = list.clone();
        move |payload| {
            list.borrow_mut()
                .push(format!("{payload:?} {}", Reactor::current().dump()))
        }
    }
    let request = asked(&Client::builder().retries(1).build(), &raw);
    let shown = format!("{request:?}");
    assert!(
        shown.contains("/a?...") && shown.contains(r#""x-b": "seen""#),
        "{shown}"
    );
    clean(&shown);
    let call = request
        .send()
        .on(INFORMATIONAL, note(&printed))
        .on(REDIRECT, note(&printed))
        .on(AUTH, note(&printed))
        .on(RETRY, note(&printed))
        .on(CONNECTED, note(&printed))
        .on(SENT, note(&printed))
        .on(HEAD, note(&printed))
        .on(DONE, note(&printed));
    let page = run(call).unwrap();
    clean(&format!("{page:?}"));
    let printed = printed.take();
    for event in ["Informational", "Redirect", "Auth", "Retry", "Head", "Done"] {
        assert!(
            printed.iter().any(|text| text.starts_with(event)),
            "{event}"
        );
    }
    printed.iter().for_each(|text| clean(text));
    assert!(printed.iter().any(|text| text.contains(r#""x-b": "seen""#)));
}

#[test]
fn nor_does_a_server_print_what_it_was_shown() {
    let server = evhttp::serve("127.0.0.1:0", |request: evhttp::server::Request| {
        format!("{request:?}")
    });
    let url = format!("http://{}/a?key=t0ken", server.unwrap().local_addr());
    let request = evhttp::get(url)
        .bearer("k3y")
        .header("cookie", "id=s3ssion");
    let text = run(request.send()).unwrap().text().unwrap().into_owned();
    assert!(text.contains("/a?..."), "{text}");
    clean(&text);
}
