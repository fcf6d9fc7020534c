//! The rules one by one, with the examples of RFC 6724 §10.2.

use super::*;

/// `destination<source`, the source with marks: `!` deprecated, `~` home, `/n` prefix.
fn candidate(text: &str) -> Candidate {
    let (to, from) = text.split_once('<').unwrap_or((text, ""));
    let source = (!from.is_empty()).then(|| {
        let (from, prefix) = from.split_once('/').unwrap_or((from, "0"));
        Origin {
            address: from.trim_end_matches(['!', '~']).parse().unwrap(),
            deprecated: from.ends_with('!'),
            home: from.ends_with('~'),
            prefix: prefix.parse().unwrap(),
        }
    });
    Candidate {
        address: to.parse().unwrap(),
        scope_id: 0,
        source,
    }
}

#[track_caller]
fn expect(conf: &str, best: &str, other: &str) {
    let conf = GaiConf::parse(conf);
    for pair in [[best, other], [other, best]] {
        let mut sorted = pair.map(candidate);
        sort(&mut sorted, &conf);
        assert_eq!(sorted[0], candidate(best), "{pair:?}");
    }
}

#[test]
fn rule_1_unusable_destinations_come_last() {
    expect("", "192.0.2.1<192.0.2.9", "2001:db8::1");
}

#[test]
fn rule_2_matching_scope() {
    // RFC 6724 §10.2: a site without a global IPv6 address.
    expect("", "198.51.100.121<198.51.100.117", "2001:db8:1::1<fe80::1");
    expect(
        "",
        "2001:db8:1::1<2001:db8:1::2",
        "198.51.100.121<169.254.13.78",
    );
}

#[test]
fn rule_3_and_4_deprecated_and_home_sources() {
    expect("", "2001:db8::1<2001:db8::2", "2001:db8::1<2001:db8::3!");
    expect("", "2001:db8::1<2001:db8::3~", "2001:db8:1::1<2001:db8::2");
}

#[test]
fn rule_5_matching_label() {
    expect(
        "",
        "2002:c633:6401::1<2002:c633:6401::2",
        "2001:db8:1::1<2002:c633:6401::2",
    );
}

#[test]
fn rule_6_precedence_and_gai_conf() {
    expect("", "2001:db8:1::1<2001:db8:1::2", "10.1.2.3<10.1.2.4");
    expect(
        "precedence ::ffff:0:0/96 100",
        "10.1.2.3<10.1.2.4",
        "2001:db8:1::1<2001:db8:1::2",
    );
}

#[test]
fn rule_8_smaller_scope() {
    expect("", "fe80::1<fe80::2", "2001:db8:1::1<2001:db8:1::2");
}

#[test]
fn rule_9_longest_prefix() {
    expect(
        "",
        "2001:db8:1::1<2001:db8:1::2",
        "2001:db8:3ffe::1<2001:db8:3f44::2",
    );
    expect("", "192.0.2.9<192.0.2.8/24", "192.0.2.100<192.0.2.8/24");
    // On another network nothing is shared: the order stays.
    let mut sorted = ["198.51.100.1<192.0.2.8/24", "192.1.2.1<192.0.2.8/24"].map(candidate);
    sort(&mut sorted, &GaiConf::default());
    assert_eq!(sorted[0].address.to_string(), "198.51.100.1");
}

#[test]
fn rule_10_equals_stay() {
    let mut sorted = ["198.51.100.2<192.0.2.8/24", "198.51.100.1<192.0.2.8/24"].map(candidate);
    sort(&mut sorted, &GaiConf::default());
    assert_eq!(sorted[0].address.to_string(), "198.51.100.2");
}

#[test]
fn families_take_turns() {
    let mixed = |text: &str| {
        interleave(text.chars().collect(), |c| c.is_ascii_digit())
            .into_iter()
            .collect::<String>()
    };
    assert_eq!(mixed("666444"), "666444");
    let mixed = |text: &str| {
        interleave(text.chars().collect(), |c| *c == '6')
            .into_iter()
            .collect::<String>()
    };
    assert_eq!(mixed("666644"), "646466");
    assert_eq!(mixed("4446"), "4644");
    assert_eq!(mixed(""), "");
}
