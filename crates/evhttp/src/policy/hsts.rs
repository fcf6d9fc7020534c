//! Who has asked to be spoken to by https alone (RFC 6797), and for how long.
//! The time since 1970 is an argument.

use std::collections::{HashMap, HashSet};
use std::net::Ipv6Addr;
use std::time::Duration;

use url::{Host, Url};

use crate::limits::HSTS_HOSTS;

#[derive(Debug, Default)]
pub(crate) struct Hsts {
    hosts: HashMap<String, Known>,
    /// Whom the user wants asked by https alone, and all below them. No server
    /// has a say in it, nor has the clock.
    insisted: HashSet<String>,
}

#[derive(Debug)]
struct Known {
    until: Duration,
    below: bool,
}

impl Hsts {
    /// A Strict-Transport-Security field that came from `url` (§8.1): heard
    /// only over https, and only from a name.
    pub(crate) fn heard(&mut self, url: &Url, field: &str, now: Duration) {
        let Some(Host::Domain(host)) = url.host() else {
            return;
        };
        let Some((age, below)) = parse(field).filter(|_| url.scheme() == "https") else {
            return;
        };
        let host = host.trim_end_matches('.');
        if age.is_zero() {
            self.hosts.remove(host);
            return;
        }
        if self.hosts.len() >= HSTS_HOSTS && !self.hosts.contains_key(host) {
            self.hosts.retain(|_, known| known.until > now);
        }
        if self.hosts.len() < HSTS_HOSTS || self.hosts.contains_key(host) {
            let until = now.saturating_add(age);
            self.hosts.insert(host.to_owned(), Known { until, below });
        }
    }

    /// The user wants `host`, a name or an address, asked by https alone.
    pub(crate) fn insist(&mut self, host: &str) {
        let host = match host.parse() {
            Ok(address) => format!("[{}]", Ipv6Addr::to_string(&address)),
            Err(_) => host.trim_end_matches('.').to_ascii_lowercase(),
        };
        self.insisted.insert(host);
    }

    /// Nobody is known: no time need be asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.insisted.is_empty()
    }

    /// The https twin of a URL that must not be asked by http (§8.3).
    pub(crate) fn upgraded(&self, url: &Url, now: Duration) -> Option<Url> {
        if url.scheme() != "http" || !self.wants_https(url, now) {
            return None;
        }
        let mut url = url.clone();
        // Both schemes have hosts and default ports; 80 becomes 443.
        url.set_scheme("https").ok()?;
        Some(url)
    }

    fn wants_https(&self, url: &Url, now: Duration) -> bool {
        let Some(Host::Domain(host)) = url.host() else {
            // §8.3 spares addresses, for what servers say.
            return url
                .host_str()
                .is_some_and(|host| self.insisted.contains(host));
        };
        let host = host.trim_end_matches('.');
        let known = |host: &str| self.hosts.get(host).filter(|known| known.until > now);
        let mut above = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
        known(host).is_some()
            || self.insisted.contains(host)
            || above
                .any(|host| self.insisted.contains(host) || known(host).is_some_and(|k| k.below))
    }
}

/// §6.1: max-age is needed, nothing may be said twice.
fn parse(field: &str) -> Option<(Duration, bool)> {
    let (mut age, mut below) = (None, false);
    for part in field.split(';') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "max-age" if age.is_some() => return None,
            "max-age" => {
                let value = value.trim().trim_matches('"');
                age = Some(Duration::from_secs(value.parse().ok()?));
            }
            "includesubdomains" => below = true,
            _ => {}
        }
    }
    Some((age?, below))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn hosts_are_remembered_as_they_said() {
        let table = [
            (
                "https://a.example/",
                "max-age=10",
                "http://a.example/x",
                Some("https://a.example/x"),
            ),
            (
                "https://a.example/",
                "max-age=10",
                "http://a.example:80/",
                Some("https://a.example/"),
            ),
            (
                "https://a.example/",
                "max-age=10",
                "http://a.example:81/",
                Some("https://a.example:81/"),
            ),
            (
                "https://a.example/",
                "max-age=10",
                "http://b.a.example/",
                None,
            ),
            (
                "https://a.example/",
                "MAX-AGE=\"10\" ; includeSubDomains; x",
                "http://b.a.example/",
                Some("https://b.a.example/"),
            ),
            (
                "https://b.a.example/",
                "max-age=10; includeSubDomains",
                "http://a.example/",
                None,
            ),
            (
                "https://a.example/",
                "max-age=10; includeSubDomains",
                "http://xa.example/",
                None,
            ),
            ("http://a.example/", "max-age=10", "http://a.example/", None),
            (
                "https://127.0.0.1/",
                "max-age=10",
                "http://127.0.0.1/",
                None,
            ),
            (
                "https://a.example/",
                "includeSubDomains",
                "http://a.example/",
                None,
            ),
            (
                "https://a.example/",
                "max-age=1; max-age=2",
                "http://a.example/",
                None,
            ),
            ("https://a.example/", "max-age=x", "http://a.example/", None),
        ];
        for (from, field, to, expected) in table {
            let mut hsts = Hsts::default();
            hsts.heard(&url(from), field, NOW);
            let upgraded = hsts.upgraded(&url(to), NOW);
            assert_eq!(
                upgraded.as_ref().map(Url::as_str),
                expected,
                "{field} from {from} to {to}"
            );
        }
    }

    #[test]
    fn what_the_user_wants_no_server_takes_back() {
        for said in ["max-age=300", "max-age=0"] {
            let mut hsts = Hsts::default();
            hsts.insist("a.example");
            hsts.heard(&url("https://a.example/"), said, NOW);
            for host in ["a.example", "a.example.", "b.a.example"] {
                let plain = url(&format!("http://{host}/"));
                assert!(
                    hsts.upgraded(&plain, Duration::MAX).is_some(),
                    "{host} {said}"
                );
            }
            assert!(hsts.upgraded(&url("http://xa.example/"), NOW).is_none());
        }
    }

    /// RFC 6797 §8.3 spares addresses, for what servers say; a user may know better.
    #[test]
    fn a_user_may_name_an_address() {
        for host in ["127.0.0.1", "[::1]", "::1"] {
            let mut hsts = Hsts::default();
            hsts.insist(host);
            let wanted = if host == "127.0.0.1" { host } else { "[::1]" };
            let plain = url(&format!("http://{wanted}:81/"));
            assert!(hsts.upgraded(&plain, NOW).is_some(), "{host}");
            assert!(
                hsts.upgraded(&url("http://7.127.0.0.1.example/"), NOW)
                    .is_none()
            );
        }
    }

    #[test]
    fn whose_time_is_over_makes_room_and_a_last_dot_is_nothing() {
        let mut hsts = Hsts::default();
        for n in 0..HSTS_HOSTS {
            hsts.heard(&url(&format!("https://h{n}.example/")), "max-age=10", NOW);
        }
        let later = NOW + Duration::from_secs(10);
        let (dotted, plain) = (url("https://a.example./"), url("http://a.example/"));
        hsts.heard(&dotted, "max-age=10", NOW);
        assert!(hsts.upgraded(&plain, NOW).is_none(), "no room");
        hsts.heard(&dotted, "max-age=10", later);
        assert!(hsts.upgraded(&plain, later).is_some());
        hsts.heard(&dotted, "max-age=0", later);
        assert!(hsts.upgraded(&plain, later).is_none());
    }

    #[test]
    fn they_are_forgotten_in_time_and_on_demand() {
        let (mut hsts, host) = (Hsts::default(), url("https://a.example/"));
        let plain = url("http://a.example/");
        hsts.heard(&host, "max-age=10", NOW);
        assert!(
            hsts.upgraded(&plain, NOW + Duration::from_secs(9))
                .is_some()
        );
        assert!(
            hsts.upgraded(&plain, NOW + Duration::from_secs(10))
                .is_none()
        );
        hsts.heard(&host, "max-age=0", NOW);
        assert!(hsts.upgraded(&plain, NOW).is_none());
        for n in 0..HSTS_HOSTS + 9 {
            hsts.heard(&url(&format!("https://h{n}/")), "max-age=10", NOW);
        }
        assert_eq!(hsts.hosts.len(), HSTS_HOSTS);
    }
}
