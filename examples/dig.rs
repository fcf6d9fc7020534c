//! Asks the DNS and shows what happens on the way, as dig(1) does.
//!
//!     cargo run --example dig -- example.com             # addresses, as a program would get them
//!     cargo run --example dig -- example.com MX          # records of one type
//!     cargo run --example dig -- -x 192.0.2.1            # the name of an address
//!     cargo run --example dig -- @127.0.0.1:5353 example.com AAAA

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Instant;

use evcore::Promise;
use evdns::{ANSWER, PARTIAL, QUERY, RETRY, Record, Resolver, SYSTEM};

const USAGE: &str = "usage: dig [@SERVER[:PORT]] NAME [TYPE]\n       dig [@SERVER[:PORT]] -x ADDRESS\n\
    types: A AAAA CAA CNAME HTTPS MX NAPTR NS PTR SOA SRV SVCB TXT; without one, the addresses of a host";

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let server = words
        .iter()
        .position(|word| word.starts_with('@'))
        .map(|at| words.remove(at));
    let resolver = match server.map(|server| address(&server[1..])) {
        None => Resolver::current(),
        Some(Some(server)) => Resolver::builder().server(server).build(),
        Some(None) => return usage(),
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let began = Instant::now();
    let outcome = match words[..] {
        ["-x", ip] => match ip.parse() {
            Ok(ip) => evcore::run(reverse(&resolver, ip)),
            Err(_) => return usage(),
        },
        [name] if !name.starts_with('-') => evcore::run(host(&resolver, name)),
        [name, rtype] => match records(&resolver, name, &rtype.to_uppercase()) {
            Some(asked) => evcore::run(asked),
            None => return usage(),
        },
        _ => return usage(),
    };
    match outcome {
        Ok(lines) => {
            println!("{}", lines.join("\n"));
            println!(
                "; {} in {:.1} ms",
                counted(lines.len()),
                began.elapsed().as_secs_f64() * 1e3
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("; {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn counted(answers: usize) -> String {
    format!("{answers} answer{}", if answers == 1 { "" } else { "s" })
}

/// `ADDRESS` or `ADDRESS:PORT`, IPv6 with a port in brackets.
fn address(text: &str) -> Option<SocketAddr> {
    let ip = text.parse::<IpAddr>().map(|ip| (ip, 53).into());
    ip.or_else(|_| text.parse()).ok()
}

fn host(resolver: &Resolver, name: &str) -> Promise<Vec<String>> {
    watched(resolver.lookup(name)).then(|ips| ips.iter().map(ToString::to_string).collect())
}

fn reverse(resolver: &Resolver, ip: IpAddr) -> Promise<Vec<String>> {
    watched(resolver.reverse(ip)).then(|name| vec![name.to_string()])
}

fn records(resolver: &Resolver, name: &str, rtype: &str) -> Option<Promise<Vec<String>>> {
    use evdns::{A, Aaaa, Caa, Cname, Https, Mx, Naptr, Ns, Ptr, Soa, Srv, Svcb, Txt};
    macro_rules! choose {
        ($($record:ident)*) => {
            match rtype {
                $($record::NAME => Some(of_type::<$record>(resolver, name)),)*
                _ => None,
            }
        };
    }
    choose!(A Aaaa Caa Cname Https Mx Naptr Ns Ptr Soa Srv Svcb Txt)
}

fn of_type<R: Record + Display>(resolver: &Resolver, name: &str) -> Promise<Vec<String>> {
    let name = name.trim_end_matches('.').to_owned();
    watched(resolver.resolve::<R>(&name)).then(move |found| {
        let ttl = found.ttl().as_secs();
        found
            .iter()
            .map(|record| format!("{name}.\t{ttl}\tIN\t{}\t{record}", R::NAME))
            .collect()
    })
}

/// Shows what is told on the way.
fn watched<T: 'static>(promise: Promise<T>) -> Promise<T> {
    promise
        .on(QUERY, |query| println!("; asking {query}"))
        .on(ANSWER, |answer| println!("; answer {answer}"))
        .on(RETRY, |retry| println!("; no luck with {retry}"))
        .on(PARTIAL, |partial| println!("; so far {partial}"))
        .on(SYSTEM, |system| println!("; {system}"))
}
