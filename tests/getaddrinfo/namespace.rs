//! A network namespace with files of its own in /etc, addresses of one kind, and DNS servers inside. It goes with its
//! owner. It takes root.

use super::cases::Case;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Which addresses the namespace has beside the loopback's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    V4,
    V6,
    Both,
    None,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::V4, Kind::V6, Kind::Both, Kind::None];
}

pub(crate) struct Namespace {
    name: String,
    etc: PathBuf,
    /// The file that `HOSTALIASES` names.
    aliases: PathBuf,
    pub(crate) kind: Kind,
    servers: Child,
}

/// Seconds after which a program that hangs is ended.
const LIMIT: &str = "240";

impl Namespace {
    pub(crate) fn new(number: usize, kind: Kind) -> Namespace {
        let name = format!("evdns-{}-{number}", std::process::id());
        ip(&["netns", "add", &name]);
        let within = |arguments: &[&str]| ip(&[&["-n", &name], arguments].concat());
        within(&["link", "set", "lo", "up"]);
        within(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
        let has_v6 = matches!(kind, Kind::V6 | Kind::Both);
        if !has_v6 {
            // No link-local addresses either.
            let quiet = "for i in v0 v1; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done";
            ip(&["netns", "exec", &name, "sh", "-c", quiet]);
        }
        within(&["link", "set", "v0", "up"]);
        within(&["link", "set", "v1", "up"]);
        if matches!(kind, Kind::V4 | Kind::Both) {
            within(&["addr", "add", "10.77.0.2/24", "dev", "v0"]);
            within(&["route", "add", "default", "via", "10.77.0.1"]);
        }
        if has_v6 {
            within(&["addr", "add", "2001:db8:77::2/64", "dev", "v0", "nodad"]);
            within(&[
                "addr",
                "add",
                "fd00:77::2/64",
                "dev",
                "v0",
                "nodad",
                "preferred_lft",
                "0",
            ]);
            within(&[
                "-6",
                "route",
                "add",
                "default",
                "via",
                "2001:db8:77::1",
                "dev",
                "v0",
            ]);
        }
        let etc = Path::new("/etc/netns").join(&name);
        fs::create_dir_all(&etc).expect("root may write to /etc");
        let zone = env!("CARGO_BIN_EXE_dns_zone");
        let aliases = etc.with_extension("aliases");
        let mut servers = Command::new("ip")
            .args(["netns", "exec", &name, zone])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ip is installed");
        let mut ready = String::new();
        let said = BufReader::new(servers.stdout.take().expect("piped")).read_line(&mut ready);
        assert!(
            said.is_ok() && ready == "ready\n",
            "the servers do not start: {ready}"
        );
        Namespace {
            name,
            etc,
            aliases,
            kind,
            servers,
        }
    }

    /// Puts the case's files into place.
    pub(crate) fn configure(&self, case: &Case) {
        for (file, text) in case.files() {
            fs::write(self.etc.join(file), text).expect("root may write to /etc");
        }
        fs::write(&self.aliases, case.aliases).expect("root may write to /etc");
    }

    /// What a program says inside.
    pub(crate) fn run(&self, program: &Path, arguments: &[&str]) -> String {
        let program = program.display().to_string();
        let aliases = format!("HOSTALIASES={}", self.aliases.display());
        let within = ["netns", "exec", &self.name, "env", &aliases, &program];
        ip(&[&within[..], arguments].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // They end with their input.
        drop(self.servers.stdin.take());
        drop(self.servers.wait());
        drop(
            Command::new("ip")
                .args(["netns", "delete", &self.name])
                .status(),
        );
        drop(fs::remove_dir_all(&self.etc));
        drop(fs::remove_file(&self.aliases));
    }
}

/// Waits without asking all the time, as the test bed does: with so many at once that would take a processor.
fn ip(arguments: &[&str]) -> String {
    let output = Command::new("timeout")
        .arg(LIMIT)
        .arg("ip")
        .args(arguments)
        .output();
    let output = output.expect("timeout is part of every system");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "ip {arguments:?}: {} {told}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
