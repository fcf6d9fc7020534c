//! Names that are looked up: by whom, and what is done while one family's addresses are still to come (RFC 8305 §3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bed::{Raw, Refusing};
use evcore::{Promise, Result, ms, run, sleep, spawn_with};
use evdns::{PARTIAL, Partial};
use evhttp::limits::RESOLUTION_DELAY;
use evhttp::{CONNECTED, Client, Phase, Proxies, RESOLVED, get};

use crate::still::Still;
use crate::{LIMIT, OK, listing};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A look-up that tells of one address early, and of all after a while.
fn in_two_parts(
    early: IpAddr,
    after: std::time::Duration,
    whole: fn() -> Result<Vec<IpAddr>>,
) -> impl Fn(&str) -> Promise<Vec<IpAddr>> + 'static {
    move |_| {
        spawn_with(move |emitter| async move {
            emitter.emit(PARTIAL, Partial::new(vec![early]));
            sleep(after).await?;
            whole()
        })
    }
}

#[test]
fn a_name_is_found_with_and_without_the_system() {
    let raw = Raw::answer(OK);
    let url = format!("http://localhost:{}/", raw.address().port());
    for request in [get(&url), get(&url).system_resolver()] {
        let (resolved, add) = listing();
        let page = run(request.deadline(LIMIT).send().on(RESOLVED, add)).unwrap();
        assert_eq!(page.text().unwrap(), "ok");
        let found = resolved.take().remove(0).addresses;
        assert!(found.contains(&raw.address()), "{found:?}");
    }
}

#[test]
fn a_host_is_the_same_in_every_script_and_case() {
    let raw = Raw::answer(OK);
    let url = format!("http://b\u{fc}cher.example:{}/", raw.address().port());
    for host in [
        "b\u{fc}cher.example",
        "B\u{dc}CHER.example",
        "xn--bcher-kva.EXAMPLE",
    ] {
        let page = run(get(&url)
            .resolve(host, raw.address())
            .deadline(LIMIT)
            .send())
        .unwrap();
        assert_eq!(page.text().unwrap(), "ok");
        // Past a proxy that is not there.
        let proxies = Proxies::all("http://127.0.0.1:1".parse().unwrap()).except(host);
        let direct = get(&url).resolve(host, raw.address()).proxies(proxies);
        assert!(run(direct.deadline(LIMIT).send()).is_ok());
        let client = Client::builder().https_only(host).redirects(0).build();
        // The server speaks no TLS and says nothing.
        let secured = client
            .get(&url)
            .resolve(host, raw.address())
            .time_limit(Phase::Secure, ms(10));
        let error = run(secured.send()).unwrap_err().to_string();
        assert!(
            error.starts_with("secure xn--bcher-kva.example:"),
            "{error}"
        );
    }
}

#[test]
fn ipv4_waits_a_little_for_ipv6_and_no_longer() {
    let raw = Raw::answer(OK);
    let url = format!("http://a.example:{}/", raw.address().port());
    let never = in_two_parts(V4, LIMIT, || Ok(vec![V6, V4]));
    let (resolved, add) = listing();
    let still = Still::new();
    let call = get(&url).resolver(never).send().on(RESOLVED, add);
    still.rest();
    still.clock.advance(RESOLUTION_DELAY - ms(1));
    still.rest();
    assert!(resolved.borrow().is_empty());
    still.clock.advance(ms(1));
    still.rest();
    assert_eq!(resolved.take()[0].addresses, [raw.address()]);
    still.reactor.run(call).unwrap();
    drop(still);

    // In time, by a clock that stands still: the order is the look-up's, and told once.
    let still = Still::new();
    let soon = in_two_parts(V4, ms(0), || Ok(vec![V6, V4]));
    let (resolved, add) = listing();
    let request = get(&url).resolver(soon).deadline(LIMIT).send();
    still.reactor.run(request.on(RESOLVED, add)).unwrap();
    let told: Vec<_> = resolved.take().into_iter().map(|r| r.addresses).collect();
    let v6: SocketAddr = (V6, raw.address().port()).into();
    assert_eq!(told, [vec![v6, raw.address()]]);
}

#[test]
fn ipv6_goes_ahead_and_what_comes_later_is_tried_too() {
    let raw = Raw::answer(OK);
    let url = format!("http://a.example:{}/", raw.address().port());
    // Nobody listens there.
    let late = in_two_parts(V6, ms(300), || Ok(vec![V6, V4]));
    let (resolved, add) = listing();
    let (connected, add_connected) = listing();
    let request = get(&url).resolver(late).deadline(LIMIT).send();
    run(request.on(RESOLVED, add).on(CONNECTED, add_connected)).unwrap();
    let v6: SocketAddr = (V6, raw.address().port()).into();
    let told: Vec<_> = resolved.take().into_iter().map(|r| r.addresses).collect();
    assert_eq!(told, [vec![v6], vec![v6, raw.address()]]);
    let peer = &connected.take()[0].peer;
    assert_eq!(peer.to_string(), raw.address().to_string());
}

#[test]
fn a_rest_that_fails_leaves_what_was_there() {
    let refusing = Refusing::tcp();
    let nobody = refusing.address();
    let url = format!("http://a.example:{}/", nobody.port());
    let failing = in_two_parts(V4, ms(200), || Err("no such name".into()));
    let failed = run(get(&url).resolver(failing).deadline(LIMIT).send());
    let line = failed.unwrap_err().to_string();
    let tried = format!("connect a.example:{} ({nobody}): ", nobody.port());
    assert!(line.starts_with(&tried), "{line}");
}
