//! Which URLs go through which proxy, as tables.

use super::*;

fn chosen(variables: &[(&str, &str)], url: &str) -> Option<String> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(set, _)| *set == name);
        found.map(|(_, value)| value.to_string())
    };
    let proxies = Proxies::from_variables(variable);
    let chosen = proxies.choose(&Url::parse(url).unwrap()).unwrap();
    chosen.map(|proxy| proxy.to_string())
}

#[test]
fn the_environment_is_read_as_others_do() {
    let (one, two) = ("http://one.example:1", "http://two.example:2");
    let (http, https) = ("http://a.example/", "https://a.example/");
    let table: [(&[(&str, &str)], &str, Option<&str>); 10] = [
        (&[], http, None),
        (&[("http_proxy", one)], http, Some(one)),
        (&[("http_proxy", one)], https, None),
        (&[("HTTP_PROXY", one)], http, Some(one)),
        (
            &[("HTTP_PROXY", one), ("REQUEST_METHOD", "GET")],
            http,
            None,
        ),
        (
            &[("HTTPS_PROXY", one), ("REQUEST_METHOD", "GET")],
            https,
            Some(one),
        ),
        (&[("http_proxy", two), ("HTTP_PROXY", one)], http, Some(two)),
        (&[("ALL_PROXY", one)], https, Some(one)),
        (&[("all_proxy", one), ("https_proxy", "")], https, Some(one)),
        (&[("all_proxy", "one.example:1")], http, Some(one)),
    ];
    for (variables, url, expected) in table {
        assert_eq!(
            chosen(variables, url).as_deref(),
            expected,
            "{variables:?} {url}"
        );
    }
}

#[test]
fn exceptions_are_hosts_networks_and_ports() {
    let table = [
        ("a.example", "http://a.example/", true),
        ("a.example", "http://b.a.example/", true),
        (".a.example", "http://b.a.example/", true),
        (".a.example", "http://a.example/", true),
        ("*.a.example", "http://b.a.example/", true),
        ("a.example", "http://nota.example/", false),
        ("A.Example", "http://a.example/", true),
        ("b.example, a.example", "http://a.example/", true),
        ("a.example:8080", "http://a.example:8080/", true),
        ("a.example:8080", "http://a.example/", false),
        ("a.example:80", "http://a.example/", true),
        ("a.example:443", "https://a.example/", true),
        ("*", "http://a.example/", true),
        ("10.0.0.0/8", "http://10.200.3.4/", true),
        ("10.0.0.0/8", "http://11.0.0.1/", false),
        ("10.0.0.0/8", "http://10.example/", false),
        ("192.168.1.128/25", "http://192.168.1.127/", false),
        ("192.168.1.128/25", "http://192.168.1.200/", true),
        ("0.0.0.0/0", "http://8.8.8.8/", true),
        ("10.1.2.3", "http://10.1.2.3/", true),
        ("10.1.2.3:81", "http://10.1.2.3/", false),
        ("10.1.2.3:81", "http://10.1.2.3:81/", true),
        ("10.0.0.0/33", "http://10.0.0.0/", false),
        ("fd00::/8", "http://[fd12::1]/", true),
        ("fd00::/8", "http://[fe12::1]/", false),
        ("::/0", "http://[fe12::1]/", true),
        ("[fd12::1]:81", "http://[fd12::1]:81/", true),
        ("[fd12::1]:81", "http://[fd12::1]/", false),
        ("fd12::1", "http://[fd12::1]/", true),
        ("", "http://a.example/", false),
        (",", "http://a.example/", false),
    ];
    for (except, url, direct) in table {
        let variables = [("all_proxy", "proxy.example"), ("no_proxy", except)];
        assert_eq!(chosen(&variables, url).is_none(), direct, "{except} {url}");
        let by = Proxies::from_fn(|_| "proxy.example".parse().ok()).except(except);
        let url = Url::parse(url).unwrap();
        assert_eq!(by.choose(&url).unwrap().is_none(), direct, "{except} {url}");
    }
}

#[test]
fn this_machine_is_reached_directly_if_the_environment_chooses() {
    let variables = [("all_proxy", "proxy.example")];
    for url in [
        "http://localhost/",
        "http://a.localhost/",
        "http://127.0.0.9/",
        "http://[::1]/",
    ] {
        assert_eq!(chosen(&variables, url), None, "{url}");
        let all = Proxies::all("proxy.example".parse().unwrap());
        assert!(
            all.choose(&Url::parse(url).unwrap()).unwrap().is_some(),
            "{url}"
        );
    }
}

#[test]
fn addresses_of_proxies_are_urls_and_keep_their_secrets() {
    let table = [
        ("proxy.example", "http://proxy.example:80"),
        ("PROXY.example:3128", "http://proxy.example:3128"),
        ("https://proxy.example", "https://proxy.example:443"),
        ("socks4://127.0.0.1", "socks4a://127.0.0.1:1080"),
        ("socks5://[::1]:9050", "socks5://[::1]:9050"),
        ("socks://proxy.example", "socks5h://proxy.example:1080"),
        (
            "socks5h://m%40e:se%3Acret@127.0.0.1/",
            "socks5h://127.0.0.1:1080",
        ),
    ];
    for (text, shown) in table {
        let proxy: Proxy = text.parse().unwrap();
        assert_eq!(proxy.to_string(), shown);
    }
    let proxy: Proxy = table[6].0.parse().unwrap();
    assert_eq!(
        proxy.credentials().unwrap().pair(),
        Some(("m@e", "se:cret"))
    );
    for text in [
        "ftp://me:secret@a.example",
        "http://me:secret@",
        "http://me:secret@a b/",
    ] {
        let error = text.parse::<Proxy>().unwrap_err().to_string();
        assert!(
            error.starts_with("request: the proxy's address ") && !error.contains("secret"),
            "{error}"
        );
    }
}

#[test]
fn a_bad_environment_is_told_to_whom_it_concerns() {
    let variable = |name: &str| match name {
        "http_proxy" => Some("ftp://me:secret@a.example".to_owned()),
        "no_proxy" => Some("b.example".to_owned()),
        _ => None,
    };
    let proxies = Proxies::from_variables(variable);
    let error = proxies
        .choose(&Url::parse("http://a.example/").unwrap())
        .unwrap_err();
    let expected = "request: http_proxy in the environment: the proxy's address has the unknown scheme \"ftp\"";
    assert_eq!(error.to_string(), expected);
    assert!(
        proxies
            .choose(&Url::parse("http://b.example/").unwrap())
            .unwrap()
            .is_none()
    );
}
