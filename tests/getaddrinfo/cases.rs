//! Configurations and names, by dice: whatever the files may say and users may type, within what docs/dns.md promises.

/// So many names are looked up under each configuration.
pub(crate) const NAMES_A_CASE: usize = 12;

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// True once in so many times.
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }
}

/// One configuration, and names.
pub(crate) struct Case {
    resolv: String,
    hosts: &'static str,
    nsswitch: &'static str,
    gai: &'static str,
    multi: bool,
    /// What the file named by `HOSTALIASES` says.
    pub(crate) aliases: &'static str,
    pub(crate) names: Vec<String>,
    /// Some server is of no use, so that evdns would learn to step around it (difference 2 of docs/dns.md).
    pub(crate) servers_fail: bool,
}

const GOOD: &[&str] = &["127.0.0.1", "::1", "127.0.0.7", "127.1", "0x7f000001"];
/// SERVFAIL, nobody there, REFUSED, lame; the silent one (127.0.0.3) takes seconds.
const BAD: &[&str] = &["127.0.0.2", "127.0.0.4", "127.0.0.5", "127.0.0.6"];

const SEARCH: &[&str] = &[
    "",
    "",
    "search example\n",
    "search corp.test example\n",
    "search nowhere.test example\n",
    "domain example\n",
    "domain example\nsearch nowhere.test\n",
    "search nowhere.test\ndomain corp.test\n",
    "search .\n",
    "search example. nowhere.test\n",
    "search a-very.long.domain.that-nobody.has\tcorp.test\n",
    "search bad..domain example\n",
];

const OPTIONS: &[&str] = &[
    "ndots:0",
    "ndots:2",
    "ndots:3",
    "ndots:99",
    "rotate",
    "use-vc",
    "edns0",
    "single-request",
    "single-request-reopen",
    "no-tld-query",
    "no_tld_query",
    "no-aaaa",
    "trust-ad",
    "no-reload",
    "debug",
    "nonsense",
    "ndots:x",
];

const NSSWITCH: &[&str] = &[
    "hosts: files dns\n",
    "hosts: files dns\n",
    "hosts: files dns\n",
    "passwd: files\nhosts:\t\tfiles   dns # as usual\n",
    "hosts: dns files\n",
    "hosts: files\n",
    "hosts: dns\n",
    "hosts: files [NOTFOUND=return] dns\n",
    "hosts: files [!NOTFOUND=return] dns\n",
    "hosts: dns [!UNAVAIL=return] files\n",
    "hosts: dns [NOTFOUND=return] files\n",
    "hosts: dns [TRYAGAIN=return UNAVAIL=continue] files\n",
    "hosts: dns [SUCCESS=continue] files\n",
    "hosts: files [SUCCESS=continue] dns\n",
    "hosts: files dns [SUCCESS=merge]\n",
    "hosts: files [SUCCESS=merge UNAVAIL=return] dns\n",
    "hosts: files [NOTFOUND=merge] dns\n",
    "hosts: dns [!SUCCESS=merge] files\n",
    "hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
    "hosts: files resolve [!UNAVAIL=return] dns\n",
    "hosts: files dns [\n",
    "hosts: files [BOGUS=return] dns\n",
    "# nothing about hosts\n",
    "",
];

const GAI: &[&str] = &[
    "",
    "",
    "precedence ::ffff:0:0/96 100\n",
    "precedence ::ffff:0:0/96 100\nprecedence ::/0 40 # comment\nprecedence 2001:db8:77::/48 120\n",
    "label 2001:db8::/32 11\nlabel ::ffff:0:0/96 11\n",
    "scopev4 ::ffff:10.77.0.0/112 2\n",
    "scopev4 192.0.2.0/24 5\nscopev4 10.0.0.0/8 8\n",
    "label ::1/128 0\nlabel ::/0 1\nlabel 2002::/16 2\nnonsense\nprecedence x/8 1\n",
];

const HOSTS: &[&str] = &[
    "127.0.0.1 localhost\n::1 localhost ip6-localhost\n",
    "127.0.0.1\tlocalhost\n192.0.2.50 FileHost.example filehost # comment\n192.0.2.51 filehost\n2001:db8::50 filehost dual\n\
     10.77.0.50 dual\n::1 six\n::ffff:192.0.2.52 mapped6\nbogus dual\n192.0.2.53\n 192.0.2.54 indented both.example\n",
    "192.0.2.60 both both.example v4.corp.test\n2001:db8::60 v6.example none.example\n127.0.1.1 filehost.example filehost\n",
    "",
];

const ALIASES: &[&str] = &[
    "",
    "",
    "",
    "both v4.example\nv6\tmany.example. and more\n# both none\nnone both\nmissing\nyam\nfilehost v6.example\nalias none\n",
    "BOTH. both.corp.test\nsilent x\n v4 indented\n\nmany a_b.example\ncut a*b\nboth v6.example\nv4 v4",
];

const LABELS: &[&str] = &[
    "both",
    "v4",
    "v6",
    "none",
    "missing",
    "both",
    "many",
    "yam",
    "alias",
    "chain",
    "cut",
    "twice",
    "mapped",
    "halfnx",
    "halffail",
    "nxnone",
    "servfail",
    "refused",
    "notimp",
    "aliasonly",
    "aliasnx",
    "aliasodd",
    "circle",
    "junk",
    "halfjunk",
    "cutoff",
    "a_b",
    "BOTH",
    "dname",
];

const AS_THEY_ARE: &[&str] = &[
    "localhost",
    "LocalHost",
    "ip6-localhost",
    "filehost",
    "FILEHOST.EXAMPLE",
    "dual",
    "six",
    "mapped6",
    "indented",
    "192.0.2.1",
    "127.1",
    "0x7f.1",
    "010.1.1.1",
    "1.2.3",
    "4294967295",
    "4294967296",
    "256.1.1.1",
    "1.2.3.4.5",
    "1.2.3.4.",
    "1.2.3.4x",
    "08.1.1.1",
    "0",
    "::1",
    "::ffff:192.0.2.9",
    "2001:db8::1",
    "fe80::1%lo",
    "fe80::1%v0",
    "fe80::1%3",
    "fe80::1%nowhere",
    "2001:db8::1%7",
    "2001:db8::1%v0",
    "ff02::1%v0",
    "::1%",
    "1:2",
    "abc:def",
    "fe80",
    "-both.example",
    "both-.example",
    "a b.example",
    "both..example",
    ".both.example",
    "both.example..",
    ".",
    "..",
    "a*b.example",
    "*",
    "both.example:80",
    "[::1]",
    "xn--bcher-kva.example",
    "10.77.0.2",
    "0127.0.0.1",
    "deadbeef",
    "a-label-that-is-longer-than-sixty-three-octets-which-is-more-than-it-may.example",
];

impl Case {
    pub(crate) fn generate(dice: &mut Dice) -> Case {
        let mut servers: Vec<&str> = Vec::new();
        let mut fail = false;
        let patient = dice.one_in(20);
        for _ in 0..1 + dice.below(3) {
            match dice.below(4) {
                0 if patient => servers.push("127.0.0.3"),
                0 => servers.push(dice.pick(BAD)),
                _ => servers.push(dice.pick(GOOD)),
            }
        }
        fail |= servers
            .iter()
            .any(|server| BAD.contains(server) || *server == "127.0.0.3");
        let lines: String = servers
            .iter()
            .map(|server| format!("nameserver {server}\n"))
            .collect();
        let lines = if dice.one_in(20) {
            String::new()
        } else {
            lines
        };
        let mut resolv = format!(
            "; generated\n{lines}{}options timeout:1 attempts:{}",
            dice.pick(SEARCH),
            1 + dice.below(2)
        );
        for _ in 0..dice.below(3) {
            let option = dice.pick(OPTIONS);
            // A list that rotates past a server of no use gives another answer each time.
            if !(fail && matches!(option, "rotate" | "no-aaaa")) {
                resolv.push(' ');
                resolv.push_str(option);
            }
        }
        resolv.push('\n');
        if dice.one_in(6) {
            resolv.push_str("sortlist 10.77.0.0/255.255.255.0 192.0.2.0\n");
        }
        let no_aaaa = resolv.contains("no-aaaa");
        let name = |dice: &mut Dice| {
            let name = name(dice);
            let failing = [
                "cutoff",
                "silent",
                "halfsilent",
                "servfail",
                "refused",
                "notimp",
            ];
            let label = name.split('.').next().unwrap_or_default();
            match failing.contains(&label) {
                // Who is asked next over TCP would depend on what was learned a moment ago.
                true if fail && label == "cutoff" => name.replace("cutoff", "cut"),
                // glibc reads a buffer nothing was written to (difference 5 of docs/dns.md).
                true if no_aaaa => name.replace(label, "none"),
                _ => name,
            }
        };
        let names = (0..NAMES_A_CASE).map(|_| name(dice)).collect();
        Case {
            resolv,
            hosts: dice.pick(HOSTS),
            nsswitch: dice.pick(NSSWITCH),
            gai: dice.pick(GAI),
            multi: !dice.one_in(4),
            aliases: dice.pick(ALIASES),
            names,
            servers_fail: fail,
        }
    }

    /// The files in /etc, by name.
    pub(crate) fn files(&self) -> [(&'static str, String); 5] {
        let multi = if self.multi {
            "multi on\n"
        } else {
            "multi off\n"
        };
        [
            ("resolv.conf", self.resolv.clone()),
            ("hosts", self.hosts.to_owned()),
            ("nsswitch.conf", self.nsswitch.to_owned()),
            ("gai.conf", self.gai.to_owned()),
            ("host.conf", multi.to_owned()),
        ]
    }

    pub(crate) fn shown(&self) -> String {
        let files = self
            .files()
            .map(|(name, text)| format!("  {name}: {text:?}\n"));
        files.concat() + &format!("  HOSTALIASES: {:?}\n", self.aliases)
    }
}

fn name(dice: &mut Dice) -> String {
    match dice.below(10) {
        0..3 => dice.pick(AS_THEY_ARE).to_owned(),
        3..6 => dice.pick(LABELS).to_owned(),
        _ => {
            // Those that cost glibc seconds are few.
            let label = match dice.below(60) {
                0 => "silent",
                1 => "halfsilent",
                _ => dice.pick(LABELS),
            };
            let domain = dice.pick(&[
                "example",
                "corp.test",
                "example.",
                "nowhere.test",
                "x.example",
            ]);
            format!("{label}.{domain}")
        }
    }
}
