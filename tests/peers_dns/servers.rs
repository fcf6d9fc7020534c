//! Every record type each server knows: what evdns gives is what dig gives.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bed::{Running, TempDir, command, free_port, wait_until};
use evcore::run;
use evdns::{Record, Resolver};

const ZONE: &str = "\
$TTL 300
@ IN SOA ns.zone.test. admin.zone.test. 1 3600 600 86400 60
@ IN NS ns.zone.test.
@ IN MX 10 mail.zone.test.
@ IN MX 20 mail2.zone.test.
@ IN TXT \"v=spf1 -all\" \"second; string\"
@ IN CAA 0 issue \"ca.example\"
ns IN A 192.0.2.1
mail IN A 192.0.2.2
mail IN AAAA 2001:db8::2
mail2 IN A 192.0.2.3
www IN CNAME mail.zone.test.
_sip._tcp IN SRV 1 2 5060 mail.zone.test.
naptr IN NAPTR 100 10 \"S\" \"SIP+D2T\" \"\" _sip._tcp.zone.test.
svc IN SVCB 1 mail.zone.test. alpn=\"h2,h3\" port=8443
web IN HTTPS 1 . alpn=\"h3\" ipv4hint=192.0.2.2 ipv6hint=2001:db8::2
ptr IN PTR mail.zone.test.
";

struct Server {
    name: &'static str,
    address: SocketAddr,
    _running: Running,
    _folder: TempDir,
}

fn start(
    name: &'static str,
    program: &str,
    arguments: impl Fn(u16, &Path) -> Vec<String>,
) -> Server {
    let (folder, port) = (TempDir::new(name), free_port());
    let path = folder.join("");
    // Some servers give up root's rights before they read.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&path, open).expect("ours");
    // 60 records of text do not fit a datagram.
    let large: String = (0..60)
        .map(|n| format!("large IN TXT \"{n} {}\"\n", "x".repeat(200)))
        .collect();
    fs::write(path.join("zone"), format!("{ZONE}{large}")).expect("a temporary file");
    let program = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(program));
    let program = program
        .iter()
        .find(|program| program.exists())
        .unwrap_or_else(|| panic!("{name} is not installed"));
    let running = Running::start(program, &arguments(port, &path));
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
    let answers = || dig(address, "mail.zone.test", "A") == ["192.0.2.2"];
    assert!(
        wait_until(Duration::from_secs(30), answers),
        "{name} does not answer"
    );
    Server {
        name,
        address,
        _running: running,
        _folder: folder,
    }
}

fn dig(server: SocketAddr, name: &str, rtype: &str) -> Vec<String> {
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let arguments = [
        &at, "-p", &port, "+short", "+time=2", "+tries=1", name, rtype,
    ];
    let said = command::run("dig", &arguments, Duration::from_secs(20)).text();
    let mut lines: Vec<String> = said
        .lines()
        .filter(|line| !line.starts_with(';'))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

fn ours<R: Record + std::fmt::Display>(resolver: &Resolver, name: &str) -> Vec<String> {
    let found = run(resolver.resolve::<R>(name)).unwrap_or_else(|error| panic!("{error}"));
    let mut lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

/// Compares all types, and what is said of names that are not there.
fn judge(server: &Server) {
    let resolver = Resolver::builder()
        .server(server.address)
        .timeout(Duration::from_secs(5))
        .build();
    macro_rules! same {
        ($($record:ident $name:literal;)*) => {$(
            let theirs = dig(server.address, $name, <evdns::$record as Record>::NAME);
            assert!(!theirs.is_empty(), "{}: {} {}", server.name, $name, stringify!($record));
            // dig prints the alias before what it leads to.
            let alias = |line: &String| <evdns::$record as Record>::TYPE != 5 && line == "mail.zone.test.";
            let theirs: Vec<String> = theirs.into_iter().filter(|line| $name != "www.zone.test" || !alias(line)).collect();
            assert_eq!(ours::<evdns::$record>(&resolver, $name), theirs, "{}", server.name);
        )*};
    }
    same! {
        A "mail.zone.test"; Aaaa "mail.zone.test"; A "www.zone.test"; Mx "zone.test"; Txt "zone.test";
        Srv "_sip._tcp.zone.test"; Caa "zone.test"; Naptr "naptr.zone.test"; Ptr "ptr.zone.test";
    }
    if server.name != "dnsmasq" {
        same! {
            Ns "zone.test"; Soa "zone.test"; Cname "www.zone.test"; Svcb "svc.zone.test"; Https "web.zone.test";
            Txt "large.zone.test";
        }
    }
    let error = run(resolver.resolve::<evdns::A>("missing.zone.test")).unwrap_err();
    let kind = error.downcast_ref::<evdns::Error>().map(evdns::Error::kind);
    assert_eq!(
        kind,
        Some(evdns::ErrorKind::NoName),
        "{}: {error}",
        server.name
    );
    let error = run(resolver.resolve::<evdns::Aaaa>("mail2.zone.test")).unwrap_err();
    let kind = error.downcast_ref::<evdns::Error>().map(evdns::Error::kind);
    assert_eq!(
        kind,
        Some(evdns::ErrorKind::NoRecords),
        "{}: {error}",
        server.name
    );
}

#[test]
fn nsd() {
    judge(&start("nsd", "nsd", |port, path| {
        let at = path.display();
        let conf = format!(
            "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n zonesdir: \"{at}\"\n database: \"\"\n pidfile: \"\"\n\
             \x20xfrdfile: \"{at}/xfrd\"\n zonelistfile: \"{at}/zones\"\nremote-control:\n control-enable: no\n\
             zone:\n name: zone.test\n zonefile: zone\n"
        );
        fs::write(path.join("conf"), conf).expect("a temporary file");
        vec!["-d".into(), "-c".into(), format!("{at}/conf")]
    }));
}

#[test]
fn knot() {
    judge(&start("knot", "knotd", |port, path| {
        let at = path.display();
        let conf = format!(
            "server:\n    rundir: {at}\n    listen: 127.0.0.1@{port}\ndatabase:\n    storage: {at}\n\
             zone:\n  - domain: zone.test\n    storage: {at}\n    file: zone\n"
        );
        fs::write(path.join("conf"), conf).expect("a temporary file");
        vec!["-c".into(), format!("{at}/conf")]
    }));
}

#[test]
fn bind9() {
    judge(&start("bind9", "named", |port, path| {
        let at = path.display();
        let conf = format!(
            "options {{ directory \"{at}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no;\
             pid-file \"{at}/pid\"; session-keyfile \"{at}/key\"; }};\ncontrols {{ }};\n\
             zone \"zone.test\" {{ type primary; file \"{at}/zone\"; }};\n"
        );
        fs::write(path.join("conf"), conf).expect("a temporary file");
        vec!["-g".into(), "-c".into(), format!("{at}/conf")]
    }));
}

#[test]
fn unbound() {
    judge(&start("unbound", "unbound", |port, path| {
        let at = path.display();
        let conf = format!(
            "server:\n interface: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n directory: \"{at}\"\n pidfile: \"\"\n\
             \x20use-syslog: no\n do-daemonize: no\n local-zone: \"test.\" nodefault\n rrset-roundrobin: no\n minimal-responses: no\nremote-control:\n control-enable: no\n\
             auth-zone:\n name: zone.test\n zonefile: \"{at}/zone\"\n for-downstream: yes\n for-upstream: no\n"
        );
        fs::write(path.join("conf"), conf).expect("a temporary file");
        vec!["-d".into(), "-c".into(), format!("{at}/conf")]
    }));
}

#[test]
fn dnsmasq() {
    judge(&start("dnsmasq", "dnsmasq", |port, _| {
        let arguments = [
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--no-round-robin",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
            "--local=/zone.test/",
            "--conf-file=/dev/null",
            "--pid-file=",
            "--host-record=mail.zone.test,192.0.2.2,2001:db8::2",
            "--host-record=mail2.zone.test,192.0.2.3",
            "--cname=www.zone.test,mail.zone.test",
            "--mx-host=zone.test,mail.zone.test,10",
            "--txt-record=zone.test,v=spf1 -all,second; string",
            "--srv-host=_sip._tcp.zone.test,mail.zone.test,5060,1,2",
            "--caa-record=zone.test,0,issue,ca.example",
            "--naptr-record=naptr.zone.test,100,10,S,SIP+D2T,,_sip._tcp.zone.test",
            "--ptr-record=ptr.zone.test,mail.zone.test",
        ];
        let port = [format!("--port={port}"), "--user=root".to_owned()];
        arguments
            .map(str::to_owned)
            .into_iter()
            .chain(port)
            .collect()
    }));
}
