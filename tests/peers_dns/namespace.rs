//! A test that has a network and an /etc of its own, which go with its process. It takes root.

use std::process::Command;
use std::time::Duration;

use bed::command;

/// Addresses of this machine in there, beside the loopback's.
pub(crate) const OWN_V4: &str = "10.77.0.1";
pub(crate) const OWN_V6: &str = "2001:db8:77::1";

/// Set in there.
const INSIDE: &str = "EVDNS_ALONE";

/// Runs `test`, which is the test of this name in `broken.rs`, in a process of its own.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let setup = format!(
        "set -e
        mount -t tmpfs none /etc
        echo 'hosts: files dns' >/etc/nsswitch.conf
        echo '127.0.0.1 localhost' >/etc/hosts
        ip link set lo up
        ip link add v0 type veth peer name v1
        ip link set v0 up
        ip link set v1 up
        ip addr add {OWN_V4}/24 dev v0
        ip addr add {OWN_V6}/64 dev v0 nodad
        {INSIDE}=1 exec \"$0\" --exact --nocapture peers_dns::broken::{name}"
    );
    let program = std::env::current_exe().expect("it runs");
    let program = program.display().to_string();
    let arguments = ["--net", "--mount", "sh", "-c", &setup, &program];
    let finished = command::run("unshare", &arguments, Duration::from_secs(120)).success();
    let said = finished.text();
    assert!(said.contains("1 passed"), "{said}");
    println!("{said}");
}

/// Has the shell run `script`.
pub(crate) fn sh(script: &str) {
    let status = Command::new("sh").args(["-ec", script]).status();
    assert!(status.is_ok_and(|status| status.success()), "{script}");
}
