//! resolv.conf(5), `LOCALDOMAIN` and `RES_OPTIONS`, as glibc 2.36 reads them. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::limits::{ATTEMPTS, MOST_ATTEMPTS, MOST_NDOTS, MOST_TIMEOUT, SERVERS, TIMEOUT};
use crate::literal;

/// How to ask: which servers, in which manner, and what to add to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResolvConf {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) search: Vec<String>,
    pub(crate) ndots: u32,
    /// Seconds.
    pub(crate) timeout: u32,
    pub(crate) attempts: u32,
    pub(crate) rotate: bool,
    pub(crate) use_vc: bool,
    pub(crate) edns0: bool,
    pub(crate) single_request: bool,
    pub(crate) no_tld_query: bool,
    pub(crate) no_reload: bool,
    pub(crate) no_aaaa: bool,
    pub(crate) trust_ad: bool,
    /// Network and mask, in the order of preference.
    pub(crate) sortlist: Vec<(Ipv4Addr, Ipv4Addr)>,
}

impl Default for ResolvConf {
    fn default() -> ResolvConf {
        ResolvConf {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: TIMEOUT,
            attempts: ATTEMPTS,
            rotate: false,
            use_vc: false,
            edns0: false,
            single_request: false,
            no_tld_query: false,
            no_reload: false,
            no_aaaa: false,
            trust_ad: false,
            sortlist: Vec::new(),
        }
    }
}

/// What stands outside the file and counts too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// `LOCALDOMAIN`: a search list instead of the file's.
    pub(crate) local_domain: Option<String>,
    /// `RES_OPTIONS`: options after the file's.
    pub(crate) options: Option<String>,
    /// This machine's name: what follows its first dot is the search list if there is no other.
    pub(crate) host_name: Option<String>,
}

const DNS: u16 = 53;

pub(crate) fn parse(
    text: &str,
    around: &Surroundings,
    index_of: impl Fn(&str) -> Option<u32>,
) -> ResolvConf {
    let mut conf = ResolvConf::default();
    let overridden = around.local_domain.as_deref();
    if let Some(domains) = overridden {
        let line = domains.split('\n').next().unwrap_or_default();
        conf.search = list(line);
    }
    for line in text.split('\n') {
        // A comment has its mark in the first column, and a keyword begins there.
        let Some((keyword, rest)) = line.split_once([' ', '\t']) else {
            continue;
        };
        match keyword {
            "nameserver" => conf.servers.extend(server(rest, &index_of)),
            "domain" if overridden.is_none() => {
                conf.search = list(rest).into_iter().take(1).collect();
            }
            "search" if overridden.is_none() && !rest.trim_matches(BLANK).is_empty() => {
                conf.search = list(rest);
            }
            "sortlist" => conf.sortlist.extend(sortlist(rest)),
            "options" => conf.set_options(rest),
            _ => {}
        }
    }
    conf.servers.truncate(SERVERS);
    if conf.servers.is_empty() {
        conf.servers.push((Ipv4Addr::LOCALHOST, DNS).into());
    }
    if conf.search.is_empty() && overridden.is_none() {
        let domain = around
            .host_name
            .as_deref()
            .and_then(|name| name.split_once('.'));
        conf.search
            .extend(domain.map(|(_, domain)| domain.to_owned()));
    }
    if let Some(options) = &around.options {
        conf.set_options(options);
    }
    conf
}

const BLANK: [char; 2] = [' ', '\t'];

fn list(line: &str) -> Vec<String> {
    let words = line.split(BLANK).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

fn server(rest: &str, index_of: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let word = rest.trim_start_matches(BLANK).split(BLANK).next()?;
    if let Some(ip) = literal::parse_v4(word) {
        return Some((ip, DNS).into());
    }
    let (address, scope) = word.split_once('%').unwrap_or((word, ""));
    let ip: Ipv6Addr = address.parse().ok()?;
    // A scope that makes no sense is dropped, not the server.
    let scope = match literal::parse(word, index_of) {
        Some(literal::Literal::Address((IpAddr::V6(_), index))) if !scope.is_empty() => index,
        _ => 0,
    };
    Some(SocketAddrV6::new(ip, DNS, 0, scope).into())
}

fn sortlist(rest: &str) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
    let rest = rest.split(';').next().unwrap_or_default();
    rest.split_ascii_whitespace().filter_map(|word| {
        let (net, mask) = match word.split_once(['/', '&']) {
            Some((net, mask)) => (net, literal::parse_v4(mask)),
            None => (word, None),
        };
        let net = literal::parse_v4(net)?;
        Some((net, mask.unwrap_or_else(|| class_mask(net))))
    })
}

/// The mask of the class an address was in before 1993.
fn class_mask(net: Ipv4Addr) -> Ipv4Addr {
    match net.octets()[0] {
        0..128 => Ipv4Addr::new(255, 0, 0, 0),
        128..192 => Ipv4Addr::new(255, 255, 0, 0),
        _ => Ipv4Addr::new(255, 255, 255, 0),
    }
}

impl ResolvConf {
    fn set_options(&mut self, options: &str) {
        for word in options.split([' ', '\t', '\n']) {
            // What follows a known word is ignored, as glibc does.
            let has = |prefix: &str| word.starts_with(prefix);
            if let Some(number) = word.strip_prefix("ndots:") {
                self.ndots = up_to(number, MOST_NDOTS);
            } else if let Some(number) = word.strip_prefix("timeout:") {
                self.timeout = up_to(number, MOST_TIMEOUT);
            } else if let Some(number) = word.strip_prefix("attempts:") {
                self.attempts = up_to(number, MOST_ATTEMPTS);
            } else if has("rotate") {
                self.rotate = true;
            } else if has("edns0") {
                self.edns0 = true;
            } else if has("single-request") {
                self.single_request = true;
            } else if has("no_tld_query") || has("no-tld-query") {
                self.no_tld_query = true;
            } else if has("no-reload") {
                self.no_reload = true;
            } else if has("use-vc") {
                self.use_vc = true;
            } else if has("trust-ad") {
                self.trust_ad = true;
            } else if has("no-aaaa") {
                self.no_aaaa = true;
            }
        }
    }
}

/// As atoi(3): the digits in front, 0 if there are none.
fn up_to(number: &str, most: u32) -> u32 {
    let digits = number
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    match digits {
        "" => 0,
        digits => digits.parse().unwrap_or(most).min(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ResolvConf {
        parse(text, &Surroundings::default(), |name| {
            (name == "eth0").then_some(2)
        })
    }

    #[test]
    fn servers_in_their_order_and_no_more_than_three() {
        let conf = read(
            "nameserver 192.0.2.1 # first\nnameserver\t::1\nnameserver fe80::1%eth0\nnameserver 192.0.2.4\n",
        );
        let expected: Vec<SocketAddr> = vec![
            "192.0.2.1:53".parse().unwrap(),
            "[::1]:53".parse().unwrap(),
            "[fe80::1%2]:53".parse().unwrap(),
        ];
        assert_eq!(conf.servers, expected);
    }

    #[test]
    fn without_a_server_it_is_this_machine() {
        for text in [
            "",
            "nameserver not-an-address\n",
            "#nameserver 192.0.2.1\n",
            " nameserver 192.0.2.1\n",
        ] {
            assert_eq!(
                read(text).servers,
                vec!["127.0.0.1:53".parse().unwrap()],
                "{text}"
            );
        }
    }

    #[test]
    fn the_last_of_domain_and_search_wins() {
        assert_eq!(read("domain a.b\nsearch c.d e.f\n").search, ["c.d", "e.f"]);
        assert_eq!(read("search c.d e.f\ndomain a.b g.h\n").search, ["a.b"]);
        assert_eq!(
            read("search c.d\nsearch \n").search,
            ["c.d"],
            "an empty line changes nothing"
        );
    }

    #[test]
    fn options_and_their_bounds() {
        let conf = read(
            "options ndots:99 timeout:3x attempts:0 rotate edns0 single-request-reopen use-vc no-aaaa\n",
        );
        assert_eq!((conf.ndots, conf.timeout, conf.attempts), (15, 3, 0));
        assert!(conf.rotate && conf.edns0 && conf.single_request && conf.use_vc && conf.no_aaaa);
        assert!(!conf.no_tld_query && !conf.no_reload);
    }

    #[test]
    fn what_stands_around_the_file() {
        let around = Surroundings {
            local_domain: Some("x.y z\nignored".into()),
            options: Some("ndots:3".into()),
            host_name: Some("host.example.com".into()),
        };
        let conf = parse("search a\noptions ndots:2\n", &around, |_| None);
        assert_eq!(
            (conf.search, conf.ndots),
            (vec!["x.y".to_owned(), "z".to_owned()], 3)
        );
        let around = Surroundings {
            local_domain: None,
            options: None,
            ..around
        };
        assert_eq!(parse("", &around, |_| None).search, ["example.com"]);
    }

    #[test]
    fn sortlist_with_and_without_masks() {
        let conf = read("sortlist 130.155.160.0/255.255.240.0 130.155.0.0 10.0.0.0;x\n");
        let pair = |net: &str, mask: &str| (net.parse().unwrap(), mask.parse().unwrap());
        let expected: Vec<(Ipv4Addr, Ipv4Addr)> = vec![
            pair("130.155.160.0", "255.255.240.0"),
            pair("130.155.0.0", "255.255.0.0"),
            pair("10.0.0.0", "255.0.0.0"),
        ];
        assert_eq!(conf.sortlist, expected);
    }
}
