//! Our server's Digest, judged by curl and by our client.

use std::thread;

use bed::command::curl;
use evcore::secs;
use evhttp::server::{Algorithm, Digest, Request};
use evhttp::{Body, Client, Response};

use super::super::send;

const NAME: &str = "J\u{e4}s\u{f8}n Doe";

/// Greets who may pass. It lives as long as the test's program.
fn greeting(make: impl FnOnce() -> Digest + Send + 'static, content: bool) -> String {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let digest = make()
            .user("me", "secret")
            .user(NAME, "secret")
            .content(content);
        let digest = std::rc::Rc::new(digest);
        let answer = move |mut request: Request| {
            let digest = digest.clone();
            async move {
                let body = std::mem::replace(&mut request.body, Body::empty())
                    .collect(1 << 20)
                    .await?;
                Ok::<Response, evcore::Error>(match digest.verify(&request, &body) {
                    Ok(user) => user.vouch(Response::plain(format!("hello, {user}"))),
                    Err(challenge) => challenge,
                })
            }
        };
        let server = evhttp::serve("127.0.0.1:0", answer).unwrap();
        tell.send(format!("http://{}/a?b=c", server.local_addr()))
            .unwrap();
        evcore::run(evcore::sleep(secs(3_600)))
    });
    told.recv().unwrap()
}

#[test]
fn curl_passes_with_the_password_and_without_it_does_not() {
    for algorithm in Algorithm::ALL {
        for (content, userhash) in [(false, false), (true, false), (false, true)] {
            let make = move || {
                Digest::new("a \"realm\"")
                    .algorithms([algorithm])
                    .userhash(userhash)
            };
            let url = greeting(make, content);
            let what = format!("{algorithm:?}, content {content}, userhash {userhash}");
            let status = |arguments: &[&str]| {
                let arguments = [arguments, &["-w", "%{http_code}", &url]].concat();
                assert_eq!(
                    curl(&arguments).success().text(),
                    "401",
                    "{what} {arguments:?}"
                );
            };
            // curl 7.88 says SHA-512-256 and computes SHA-256; lighttpd and our client judge that one.
            if matches!(
                algorithm,
                Algorithm::Sha512_256 | Algorithm::Sha512_256Session
            ) {
                status(&["--digest", "-u", "me:secret"]);
                continue;
            }
            // Twice over one connection: the nonce is used again, with a count of 2.
            let right = curl(&["--digest", "-u", "me:secret", &url, &url]).success();
            assert_eq!(right.text(), "hello, mehello, me", "{what}");
            status(&["--digest", "-u", "me:wrong"]);
            status(&["--basic", "-u", "me:secret"]);
            status(&[]);
        }
    }
    let url = greeting(|| Digest::new("realm"), false);
    let posted = curl(&[
        "-f",
        "--digest",
        "-u",
        &format!("{NAME}:secret"),
        "-d",
        "x=y",
        &url,
    ])
    .success();
    assert_eq!(posted.text(), format!("hello, {NAME}"));
}

#[test]
fn what_curl_said_can_not_be_said_again() {
    let url = greeting(|| Digest::new("realm"), false);
    let said = curl(&["-v", "--digest", "-u", "me:secret", &url]).success();
    let field = said
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("> Authorization: "));
    let field = format!("Authorization: {}", field.unwrap());
    let again = curl(&["-i", "-H", &field, &url]).success().text();
    assert!(
        again.starts_with("HTTP/1.1 401 ") && again.contains(", stale=true"),
        "{again}"
    );
    let elsewhere = curl(&["-i", "-H", &field, &format!("{url}d")])
        .success()
        .text();
    assert!(elsewhere.starts_with("HTTP/1.1 400 "), "{elsewhere}");
}

#[test]
fn our_client_passes_by_the_strongest_and_vouches_for_its_content() {
    for content in [false, true] {
        for userhash in [false, true] {
            let url = greeting(
                move || {
                    Digest::new("realm")
                        .algorithms(Algorithm::ALL)
                        .userhash(userhash)
                },
                content,
            );
            let client = Client::new();
            for name in ["me", NAME] {
                for _ in 0..3 {
                    let page = send(
                        client
                            .post(&url)
                            .credentials(name, "secret")
                            .body("content"),
                    );
                    assert_eq!(page.text().unwrap(), format!("hello, {name}"));
                }
            }
            let wrong = send(Client::new().get(&url).credentials("me", "wrong"));
            assert_eq!(wrong.status(), 401);
        }
    }
}
