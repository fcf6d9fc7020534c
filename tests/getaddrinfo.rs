//! evdns beside glibc: generated configurations and names, in network namespaces of four kinds, many at once. Every
//! address, its place and every error code have to be the same; what differs on purpose is listed in docs/dns.md and
//! not generated.

mod getaddrinfo {
    pub(crate) mod cases;
    pub(crate) mod namespace;
}

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bed::{TempDir, command};
use getaddrinfo::cases::{Case, Dice, NAMES_A_CASE};
use getaddrinfo::namespace::{Kind, Namespace};

/// Names looked up in all; `EVDNS_CASES` asks for more or fewer.
const LOOK_UPS: usize = 3_000;
/// Namespaces of each kind. Most of a look-up's time is waiting.
const OF_EACH_KIND: usize = 8;

#[test]
fn evdns_says_what_glibc_says() {
    let wanted =
        std::env::var("EVDNS_CASES").map_or(LOOK_UPS, |text| text.parse().expect("a number"));
    let seed = std::env::var("EVDNS_SEED").map_or(1, |text| text.parse().expect("a number"));
    let folder = TempDir::new("getaddrinfo");
    let caller = compile(&folder.join("caller"));
    let (done, next, wrong) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        Mutex::new(Vec::new()),
    );
    std::thread::scope(|scope| {
        for n in 0..4 * OF_EACH_KIND {
            let (caller, done, next, wrong) = (&caller, &done, &next, &wrong);
            scope.spawn(move || {
                let namespace = Namespace::new(n, Kind::ALL[n % 4]);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number * NAMES_A_CASE >= wanted {
                        return;
                    }
                    let case = Case::generate(&mut Dice::new(seed * 1_000_003 + number as u64));
                    let differences = compare(&namespace, &case, caller);
                    done.fetch_add(case.names.len(), Ordering::Relaxed);
                    if !differences.is_empty() {
                        let told = format!(
                            "case {number}, {:?}\n{}{}",
                            namespace.kind,
                            case.shown(),
                            differences.concat()
                        );
                        wrong.lock().expect("no panic with it").push(told);
                    }
                }
            });
        }
    });
    let (done, wrong) = (
        done.into_inner(),
        wrong.into_inner().expect("all threads are done"),
    );
    println!(
        "{done} look-ups compared, {} configurations with differences",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(done >= wanted);
}

/// One line for each name that the two answer differently.
fn compare(namespace: &Namespace, case: &Case, caller: &Path) -> Vec<String> {
    namespace.configure(case);
    let names: Vec<&str> = case.names.iter().map(String::as_str).collect();
    let theirs = namespace.run(caller, &names);
    let fresh: &[&str] = if case.servers_fail { &["--fresh"] } else { &[] };
    let looking = Path::new(env!("CARGO_BIN_EXE_looking"));
    let ours = namespace.run(looking, &[fresh, &names].concat());
    let (theirs, ours): (Vec<&str>, Vec<&str>) = (theirs.lines().collect(), ours.lines().collect());
    assert_eq!(
        (theirs.len(), ours.len()),
        (names.len(), names.len()),
        "{theirs:?} {ours:?}"
    );
    let pairs = theirs
        .iter()
        .zip(&ours)
        .filter(|(theirs, ours)| theirs != ours);
    pairs
        .map(|(theirs, ours)| format!("  glibc {theirs}\n  evdns {ours}\n"))
        .collect()
}

fn compile(to: &Path) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/getaddrinfo/caller.c");
    let to_text = to.display().to_string();
    let arguments = ["-D_GNU_SOURCE", "-O1", "-Wall", "-o", &to_text, source];
    command::run("cc", &arguments, Duration::from_secs(60)).success();
    to.to_owned()
}
