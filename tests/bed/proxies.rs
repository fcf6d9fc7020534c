//! Real proxies on free loopback ports: squid, tinyproxy, microsocks, dante. Each lets `me` with `secret` through, or
//! everybody.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::command::Running;
use crate::temp::TempDir;
use crate::tls::Identity;
use crate::wait::{free_port, listening, wait_until};

/// A proxy that runs until this is dropped.
pub struct RunningProxy {
    address: SocketAddr,
    dir: TempDir,
    _running: Running,
    /// What it needs outside its folder.
    _service: Option<(Service, TempDir)>,
}

/// `me` with `secret`, as `openssl passwd -6` has it.
const SHA512_CRYPT: &str = "me:$6$evbed$GQ4aZg3QWQX5B1tAkH6nIIzv/MfNpw5l8BxasB4RbxvPAtUpfdaPiwLN0tghG24MYo.PzPPxqYNMx7T9ryG29/\n";

/// A PAM service of the test's own: whoever asks it is asked for the name `me` and the password `secret`.
struct Service(PathBuf);

impl Service {
    fn new(dir: &TempDir) -> Service {
        let name = format!("evbed-{}", std::process::id());
        let path = Path::new("/etc/pam.d").join(name);
        // pam_exec would not do: dante takes its child's end away from it.
        let users = write(dir, "users", SHA512_CRYPT);
        let text = format!(
            "auth required pam_pwdfile.so pwdfile {users}\naccount required pam_permit.so\n"
        );
        fs::write(&path, text).expect("root writes PAM services");
        Service(path)
    }

    fn name(&self) -> String {
        let name = self.0.file_name().expect("it has one");
        name.to_string_lossy().into_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

/// What squid asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nothing.
    Nothing,
    /// A name and password.
    Basic,
    /// The same, not in the clear (MD5, which is what squid knows).
    Digest,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl RunningProxy {
    /// tinyproxy, with Basic or without.
    #[must_use]
    pub fn tinyproxy(asks: bool) -> RunningProxy {
        let start = |dir: &TempDir, port: u16| {
            let auth = if asks { "BasicAuth me secret\n" } else { "" };
            let log = dir.path().join("log");
            let text = format!(
                "Port {port}\nListen 127.0.0.1\nTimeout 60\nLogFile \"{}\"\n{auth}",
                log.display()
            );
            let path = write(dir, "tinyproxy.conf", &text);
            Running::start("tinyproxy", &["-d", "-c", &path])
        };
        RunningProxy::start("tinyproxy", start)
    }

    /// microsocks (SOCKS 5), with a password or without.
    #[must_use]
    pub fn microsocks(asks: bool) -> RunningProxy {
        let start = |_: &TempDir, port: u16| {
            let port = port.to_string();
            let mut arguments = vec!["-i", "127.0.0.1", "-p", &port];
            if asks {
                arguments.extend(["-u", "me", "-P", "secret"]);
            }
            Running::start("microsocks", &arguments)
        };
        RunningProxy::start("microsocks", start)
    }

    /// dante (SOCKS 4 and 5), for everybody.
    #[must_use]
    pub fn dante() -> RunningProxy {
        RunningProxy::dante_by("none", "")
    }

    /// dante (SOCKS 5), which asks for a name and a password. Those are PAM's, so this takes root.
    #[must_use]
    pub fn dante_asking() -> RunningProxy {
        let dir = TempDir::new("dante-pam");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let service = Service::new(&dir);
        let pass = format!(" pam.servicename: {}", service.name());
        let mut proxy = RunningProxy::dante_by("pam.username", &pass);
        proxy._service = Some((service, dir));
        proxy
    }

    /// By this method, with this said of who may pass.
    fn dante_by(method: &str, pass: &str) -> RunningProxy {
        let start = |dir: &TempDir, port: u16| {
            let text = format!(
                "logoutput: {}/log\ninternal: 127.0.0.1 port = {port}\nexternal: lo\nsocksmethod: {method}\nclientmethod: none\n\
                 user.privileged: root\nuser.unprivileged: nobody\n\
                 client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\nsocks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0{pass} }}\n",
                dir.path().display()
            );
            let path = write(dir, "danted.conf", &text);
            let pid = dir.path().join("pid").display().to_string();
            Running::start("danted", &["-f", &path, "-p", &pid])
        };
        RunningProxy::start("danted", start)
    }

    /// squid, which speaks TLS if it is given an identity.
    #[must_use]
    pub fn squid(asks: Asks, tls: Option<&Identity>) -> RunningProxy {
        let start = |dir: &TempDir, port: u16| {
            let at = dir.path().display().to_string();
            let auth = match asks {
                Asks::Nothing => "http_access allow all".to_owned(),
                Asks::Basic => format!(
                    "auth_param basic program /bin/sh {at}/basic\nacl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all"
                ),
                Asks::Digest => format!(
                    "auth_param digest program /usr/lib/squid/digest_file_auth {at}/plain\nauth_param digest realm proxy\n\
                     acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all"
                ),
            };
            write(dir, "plain", "me:secret\n");
            // squid's own helper wants hashes that only Apache's tools make: one line in, OK or ERR out.
            write(
                dir,
                "basic",
                "while read -r name password; do\n    [ \"$name $password\" = 'me secret' ] && echo OK || echo ERR\ndone\n",
            );
            let listens = match tls {
                None => format!("http_port 127.0.0.1:{port}"),
                Some(identity) => {
                    let both = format!("{}{}", identity.chain, identity.key);
                    let path = write(dir, "identity.pem", &both);
                    format!("https_port 127.0.0.1:{port} tls-cert={path}")
                }
            };
            let text = format!(
                "{listens}\n{auth}\ncache deny all\npid_filename {at}/pid\ncache_log {at}/cache.log\naccess_log none\n\
                 coredump_dir {at}\npinger_enable off\nshutdown_lifetime 0 seconds\nvisible_hostname bed\nvia off\n"
            );
            let path = write(dir, "squid.conf", &text);
            Running::start("squid", &["-N", "-f", &path])
        };
        RunningProxy::start("squid", start)
    }

    pub(crate) fn start(name: &str, start: impl Fn(&TempDir, u16) -> Running) -> RunningProxy {
        let dir = TempDir::new(name);
        // Those that stop being root still have to read and log here.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("ours");
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut running = start(&dir, port);
        let mut ended = false;
        let up = wait_until(PATIENCE, || {
            ended = running.wait(Duration::ZERO).is_some();
            ended || listening(address, Duration::ZERO)
        });
        let proxy = RunningProxy {
            address,
            dir,
            _running: running,
            _service: None,
        };
        assert!(up && !ended, "{name} does not run: {}", proxy.log());
        proxy
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has written about itself.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        ["log", "cache.log"].map(read).concat()
    }
}

pub(crate) fn write(dir: &TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    fs::write(&path, text).expect("space");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
    path.display().to_string()
}
