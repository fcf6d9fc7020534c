//! Real servers on free loopback ports: httpbin, apache, lighttpd, caddy, haproxy. Where one asks for a password, `me` has
//! `secret` in the realm `bed`. nginx has a file of its own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use crate::command::{Running, python};
use crate::pattern;
use crate::proxies::{RunningProxy, write};
use crate::temp::TempDir;
use crate::tls::Identity;

/// A server that runs until this is dropped. It is started and stopped as a proxy is.
pub struct RunningServer(RunningProxy);

/// Name, realm, A1 and the hash of name and realm, of `me:bed:secret` (Python's hashlib).
const MD5: &str = "me:bed:a2a494cfdedf55de40f1806b40356f90:8ba05ba89c6b9b7726fc3ccb2f00e641\n";
const SHA_256: &str = "me:bed:699db9aa44f38e72545db4f794f9bbd41c0eef404e93143f0e2d5ac92964bd66:7097843352212ee5f018352dcf97c570bce5e955048c02b977ae3663fb64a083\n";
const SHA_512_256: &str = "me:bed:fd491aaf609762da54276e137b77da2d38522aa7605e8c7340ddd0a0858e7245:1871f31209b937d8c2da82393fd0600b0cdff5e4bf783b9df6d0cf33da7f9420\n";

impl RunningServer {
    /// httpbin 0.10 in gunicorn.
    #[must_use]
    pub fn httpbin() -> RunningServer {
        let start = |dir: &TempDir, port: u16| {
            let address = format!("127.0.0.1:{port}");
            let log = dir.join("log").display().to_string();
            let arguments = [
                "-m",
                "gunicorn",
                "-b",
                &address,
                "-k",
                "gthread",
                "--threads",
                "8",
                "--keep-alive",
                "30",
                "--log-file",
                &log,
                "httpbin:app",
            ];
            Running::start(python("httpbin"), &arguments)
        };
        RunningServer(RunningProxy::start("httpbin", start))
    }

    /// apache2: `/plain/mib` (1 MiB), the same under `/digest` (MD5), WebDAV in `/dav/`. Three requests a connection.
    #[must_use]
    pub fn apache() -> RunningServer {
        let start = |dir: &TempDir, port: u16| {
            files(dir);
            write(dir, "users", MD5.rsplit_once(':').expect("four").0);
            let at = dir.path().display();
            let modules: String = [
                "mpm_event",
                "authn_core",
                "authn_file",
                "authz_core",
                "authz_user",
                "auth_digest",
                "dav",
                "dav_fs",
            ]
            .map(|name| {
                format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
            })
            .concat();
            let text = format!(
                "{modules}ServerName localhost\nListen 127.0.0.1:{port}\nUser nobody\nGroup nogroup\n\
                 DefaultRuntimeDir {at}\nPidFile {at}/pid\nMutex file:{at} default\nErrorLog {at}/log\nDocumentRoot {at}/files\n\
                 MaxKeepAliveRequests 3\nFileETag Digest\nDavLockDB {at}/files/lock\n<Directory {at}/files>\nRequire all granted\n</Directory>\n\
                 <Location /dav>\nDav On\n</Location>\n\
                 <Location /digest>\nAuthType Digest\nAuthName bed\nAuthDigestProvider file\nAuthUserFile {at}/users\n\
                 Require valid-user\n</Location>\n"
            );
            let path = write(dir, "apache.conf", &text);
            Running::start("apache2", &["-X", "-f", &path])
        };
        RunningServer(RunningProxy::start("apache2", start))
    }

    /// lighttpd, which asks for Digest by one algorithm (`MD5`, `SHA-256`, `SHA-512-256`) under `/digest`.
    #[must_use]
    pub fn lighttpd(algorithm: &str, userhash: bool) -> RunningServer {
        let start = |dir: &TempDir, port: u16| {
            files(dir);
            let users = match algorithm {
                "SHA-256" => SHA_256,
                "SHA-512-256" => SHA_512_256,
                _ => MD5,
            };
            write(dir, "users", users);
            let at = dir.path().display();
            let userhash = if userhash { "enable" } else { "disable" };
            let text = format!(
                "server.modules = (\"mod_auth\", \"mod_authn_file\")\nserver.document-root = \"{at}/files\"\n\
                 server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.errorlog = \"{at}/log\"\n\
                 auth.backend = \"htdigest\"\nauth.backend.htdigest.userfile = \"{at}/users\"\n\
                 auth.require = (\"/digest\" => (\"method\" => \"digest\", \"algorithm\" => \"{algorithm}\", \"realm\" => \"bed\",\n\
                 \"require\" => \"valid-user\", \"userhash\" => \"{userhash}\"))\n"
            );
            let path = write(dir, "lighttpd.conf", &text);
            Running::start("lighttpd", &["-D", "-f", &path])
        };
        RunningServer(RunningProxy::start("lighttpd", start))
    }

    /// caddy for `https://localhost`: `/plain/mib` packed as the client likes, and `/back/` handed on to `behind`.
    #[must_use]
    pub fn caddy(identity: &Identity, behind: SocketAddr) -> RunningServer {
        let start = |dir: &TempDir, port: u16| {
            files(dir);
            let (chain, key) = (
                write(dir, "chain", &identity.chain),
                write(dir, "key", &identity.key),
            );
            let at = dir.path().display();
            let text = format!(
                "{{\n admin off\n auto_https disable_redirects\n skip_install_trust\n storage file_system {at}\n \
                 log {{\n  output file {at}/log\n }}\n}}\n\
                 https://localhost:{port} {{\n tls {chain} {key}\n encode zstd gzip\n header /plain/* Content-Type text/plain\n \
                 handle /back/* {{\n  reverse_proxy {behind}\n }}\n handle {{\n  root * {at}/files\n  file_server\n }}\n}}\n"
            );
            let path = write(dir, "Caddyfile", &text);
            Running::start(
                "caddy",
                &["run", "--config", &path, "--adapter", "caddyfile"],
            )
        };
        RunningServer(RunningProxy::start("caddy", start))
    }

    /// haproxy in front of `behind`, inside TLS if it has an identity. As strict as it can be: invalid messages are
    /// refused both ways, which is its default, and names of fields that some server may take for another.
    #[must_use]
    pub fn haproxy(identity: Option<&Identity>, behind: SocketAddr) -> RunningServer {
        let start = |dir: &TempDir, port: u16| {
            let tls = identity.map_or_else(String::new, |identity| {
                let both = format!("{}{}", identity.chain, identity.key);
                format!(
                    " ssl alpn http/1.1 crt {}",
                    write(dir, "identity.pem", &both)
                )
            });
            let text = format!(
                "global\n    ssl-default-bind-options ssl-min-ver TLSv1.2\ndefaults\n    mode http\n    option http-restrict-req-hdr-names reject\n    timeout connect 10s\n    \
                 timeout client 60s\n    timeout server 60s\nfrontend front\n    bind 127.0.0.1:{port}{tls}\n    \
                 default_backend back\nbackend back\n    server one {behind}\n"
            );
            let path = write(dir, "haproxy.cfg", &text);
            Running::start("haproxy", &["-db", "-f", &path])
        };
        RunningServer(RunningProxy::start("haproxy", start))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// A URL on it; `path` begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The same inside TLS.
    #[must_use]
    pub fn secure_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address().port())
    }

    /// What it has written about itself.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }
}

/// A MiB of pattern in `plain/` and `digest/`, and an empty `dav/`, for a server that stops being root.
fn files(dir: &TempDir) {
    for name in ["files", "files/plain", "files/digest", "files/dav"] {
        fs::create_dir(dir.join(name)).expect("a fresh folder");
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o777)).expect("ours");
    }
    for name in ["files/plain/mib", "files/digest/mib"] {
        pattern::write_file(&dir.join(name), 1 << 20).expect("space for a file");
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o644)).expect("ours");
    }
}
