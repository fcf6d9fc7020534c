//! The house rules: the absences `docs/ARCHITECTURE.md` states, kept by an ordinary test.
//!
//! A rule is a function from sources to breaches, one line each. Beside each rule stands a sample that
//! breaks it, so that the rule is seen to be able to fail. No judgement of taste lives here: lengths are
//! printed, never judged (`just lengths`).

mod house {
    pub(crate) mod layers;
    pub(crate) mod layout;
    pub(crate) mod lengths;
    pub(crate) mod limits;
    pub(crate) mod owners;
    pub(crate) mod source;
    pub(crate) mod surface;
    pub(crate) mod words;
}

use std::collections::HashSet;

use house::source::{Source, root};
use house::{layers, layout, lengths, limits, owners, surface, words};

/// What a rule found wrong, one line each with file and line. Empty if it holds.
type Breaches = Vec<String>;

/// Fails with every breach of `rule` in the crates, and if `sample` (path, text) does not break it
/// or `clean`, its innocent twin, does.
#[track_caller]
fn keep(rule: fn(&[Source]) -> Breaches, sample: (&str, &str), clean: (&str, &str)) {
    let parse = |(path, text)| [Source::parse(path, text)];
    assert!(
        !rule(&parse(sample)).is_empty(),
        "the rule let its bad sample pass"
    );
    let wrong = rule(&parse(clean));
    assert!(
        wrong.is_empty(),
        "the rule condemned its clean sample:\n{}",
        wrong.join("\n")
    );

    let breaches = rule(&Source::read(&["crates"]));
    assert!(
        breaches.is_empty(),
        "{} breaches:\n{}",
        breaches.len(),
        breaches.join("\n")
    );
}

const CORE: &str = "crates/evcore/src/reactor.rs";

#[test]
fn everything_of_the_layout_exists() {
    let missing = layout::missing(&root());
    assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
    assert!(
        !layout::missing(&root().join("crates")).is_empty(),
        "the rule let an empty house pass"
    );
}

#[test]
fn no_file_has_a_banned_name() {
    let bad = [
        "crates/evcore/src/net/mod.rs",
        "crates/evhttp/src/util.rs",
        "tests/helpers/x.rs",
    ];
    for path in bad {
        assert!(
            !layout::banned_names(&[path.to_string()]).is_empty(),
            "{path} passed"
        );
    }
    let breaches = layout::banned_names(&house::source::files(&[
        "crates", "examples", "tests", "benches",
    ]));
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn each_file_opens_with_its_charter() {
    keep(
        words::charter,
        (CORE, "use std::rc::Rc;\n"),
        (CORE, "//! The parts.\nuse std::rc::Rc;\n"),
    );
}

#[test]
fn nothing_is_left_for_later() {
    keep(
        words::left_for_later,
        (CORE, "fn f() {} // FIXME later\n"),
        (CORE, "fn f() {} // XXXL is a size\n"),
    );
    let breaches = words::left_for_later(&Source::read(&["examples", "benches", "fuzz"]));
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn banned_words_name_nothing() {
    let clean = "fn poll(cx: &mut Context<'_>) { std::process::exit(metadata()) } struct Handle;";
    keep(words::banned, (CORE, "struct PoolManager;"), (CORE, clean));
    for bad in [
        "fn do_read() {}",
        "fn f(data: u8) {}",
        "enum E { ReadHandler }",
        "trait T { fn process(&self); }",
    ] {
        assert!(
            !words::banned(&[Source::parse(CORE, bad)]).is_empty(),
            "{bad}"
        );
    }
}

#[test]
fn only_the_turn_catches_panics() {
    let bad = "fn f() { let _ = std::panic::catch_unwind(|| ()); }";
    keep(
        owners::catch_unwind,
        (CORE, bad),
        ("crates/evcore/src/turn.rs", bad),
    );
}

#[test]
fn only_sys_names_a_poller() {
    let bad = "use mio::Poll;";
    keep(
        owners::pollers,
        (CORE, bad),
        ("crates/evcore/src/sys/mio.rs", bad),
    );
    for bad in [
        "fn f() { polling::Poller::new(); }",
        "use {std::io, polling};",
    ] {
        assert!(
            !owners::pollers(&[Source::parse(CORE, bad)]).is_empty(),
            "{bad}"
        );
    }
}

#[test]
fn only_the_clock_asks_the_time() {
    let bad = "use std::time::Instant; fn f() -> Instant { Instant::now() }";
    keep(
        owners::time,
        (CORE, bad),
        ("crates/evcore/src/clock.rs", bad),
    );
    for bad in [
        "fn f(t: Instant) { t.elapsed(); }",
        "fn f() { std::time::SystemTime::now(); }",
    ] {
        assert!(
            !owners::time(&[Source::parse(CORE, bad)]).is_empty(),
            "{bad}"
        );
    }
    let tests = "#[cfg(test)] mod tests { fn f() { Instant::now(); } }";
    assert!(
        owners::time(&[Source::parse(CORE, tests)]).is_empty(),
        "tests may ask the time"
    );
}

#[test]
fn only_current_has_a_thread_local() {
    let bad = "thread_local! { static X: u8 = 0; }";
    keep(
        owners::thread_local,
        (CORE, bad),
        ("crates/evcore/src/current.rs", bad),
    );
}

#[test]
fn only_foreign_interfaces_are_unsafe_and_say_why() {
    let bad = "fn f() { unsafe { g() } }";
    let good = "fn f() {\n    // SAFETY: deleted before it is closed.\n    unsafe { g() }\n}";
    keep(
        owners::unsafe_code,
        (CORE, good),
        ("crates/evcore/src/sys/polling.rs", good),
    );
    let silent = Source::parse("crates/evcore/src/sys/polling.rs", bad);
    assert!(!owners::unsafe_code(&[silent]).is_empty(), "no SAFETY note");
}

#[test]
fn pure_modules_see_no_socket_clock_or_promise() {
    let h1 = "crates/evhttp/src/h1/head.rs";
    keep(
        layers::pure,
        (h1, "use evcore::Promise;"),
        (h1, "use std::net::IpAddr; use std::io::{self, Write};"),
    );
    for bad in [
        "use std::{fmt, net::TcpStream};",
        "fn f(now: Instant) {}",
        "fn f() { std::net::UdpSocket::bind(x); }",
    ] {
        assert!(!layers::pure(&[Source::parse(h1, bad)]).is_empty(), "{bad}");
    }
    let query = Source::parse(
        "crates/evdns/src/query/servers.rs",
        "use std::time::Instant;",
    );
    assert!(!layers::pure(&[query]).is_empty());
    let policy = Source::parse(
        "crates/evhttp/src/policy/redirect.rs",
        "fn f(p: evcore::Promise<()>) {}",
    );
    assert!(!layers::pure(&[policy]).is_empty());
}

#[test]
fn layer_and_conn_know_only_call() {
    let layer = "crates/evhttp/src/layer/auth.rs";
    keep(
        layers::evhttp,
        (layer, "use crate::{call::Call, conn::pool};"),
        (layer, "use crate::call::Call;"),
    );
    let conn = Source::parse(
        "crates/evhttp/src/conn.rs",
        "fn f() { crate::layer::deadline::new(); }",
    );
    assert!(!layers::evhttp(&[conn]).is_empty());
}

#[test]
fn modules_of_the_core_import_only_what_lies_below() {
    let timer = "crates/evcore/src/timer.rs";
    keep(
        layers::evcore,
        (timer, "use super::{promise::Promise};"),
        (timer, "use crate::token::{Slab, Token};"),
    );
    for (path, bad) in [
        ("crates/evcore/src/net/stream.rs", "use crate::turn::Queue;"),
        (
            "crates/evcore/src/promise/state.rs",
            "use super::super::net;",
        ),
        ("crates/evcore/src/unheard_of.rs", ""),
    ] {
        assert!(
            !layers::evcore(&[Source::parse(path, bad)]).is_empty(),
            "{path}: {bad}"
        );
    }
}

#[test]
fn functions_that_return_a_promise_track_their_caller() {
    let bad = "impl X { pub fn f(&self) -> (Promise<u8>, u8) { g() } }";
    let good = "impl X { #[track_caller] pub fn f(&self) -> Promise<u8> { g() } pub fn q(&self) -> &Promise<u8> { h() } }";
    keep(surface::track_caller, (CORE, bad), (CORE, good));
    for bad in [
        "impl<T> Promise<T> { pub fn f() -> Self { g() } }",
        "pub trait T { fn f(&self) -> Promise<u8>; }",
    ] {
        assert!(
            !surface::track_caller(&[Source::parse(CORE, bad)]).is_empty(),
            "{bad}"
        );
    }
}

#[test]
fn the_core_hides_no_item() {
    keep(
        surface::hidden,
        (CORE, "#[doc(hidden)] pub fn back_door() {}"),
        (CORE, "#[doc(alias = \"hidden\")] pub fn f() {}"),
    );
}

/// Prints; fails only if there is nothing to measure.
#[test]
fn lengths_beside_the_models() {
    let sources = Source::read(&["crates"]);
    println!("{}", lengths::table(&sources));
    assert!(!sources.is_empty());
    let sample = [Source::parse(
        CORE,
        "//! x\nfn long() {\n    a();\n    b();\n}\n",
    )];
    assert!(
        lengths::table(&sample).contains("   4  crates/evcore/src/reactor.rs:2 long"),
        "{}",
        lengths::table(&sample)
    );
}

#[test]
fn every_limit_stands_in_a_document_with_its_number_and_its_test() {
    let source = "pub const A: usize = 2 << 10; pub const B: D = D::from_secs(3);";
    let good = "| l | d | of | test |\n|---|---|---|---|\n| `A` | 2 KiB | a | `here` |\n\n| `B` | 3 s | b |\n";
    let known = HashSet::from(["here".to_owned()]);
    let none: [String; 0] = [];
    assert_eq!(limits::breaches(source, good, &known), none);
    for bad in [
        good.replace("2 KiB", "3 KiB"),
        good.replace("`here`", "`there`"),
        good.replace("`B`", "`C`"),
    ] {
        assert_eq!(limits::breaches(source, &bad, &known).len(), 1, "{bad}");
    }
    let read = |path| std::fs::read_to_string(root().join(path)).unwrap();
    let (source, document) = (read("crates/evhttp/src/limits.rs"), read("docs/http.md"));
    let breaches = limits::breaches(&source, &document, &limits::tests());
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}
