//! The files that say how names are looked up, read when they have changed. What they mean is `config`'s business.
//!
//! They are found changed by statx(2), as glibc does: inotify would miss a new target of a symbolic link and a file
//! mounted over another, which is how containers and systemd-resolved change them.

use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::config::aliases::Aliases;
use crate::config::gai_conf::GaiConf;
use crate::config::host_conf;
use crate::config::hosts::Hosts;
use crate::config::nsswitch::{self, NotUnderstood, Source};
use crate::config::resolv_conf::{self, ResolvConf, Surroundings};
use crate::limits::FILE;

/// All that the files say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Configuration {
    pub(crate) resolv: ResolvConf,
    /// `None`: there is no hosts file, which is another answer than an empty one.
    pub(crate) hosts: Option<Hosts>,
    /// `Err`: the file is not understood.
    pub(crate) sources: Result<Vec<Source>, NotUnderstood>,
    /// For each source, whether glibc could load it.
    pub(crate) installed: Vec<bool>,
    pub(crate) gai: GaiConf,
    /// This machine's name.
    pub(crate) host_name: Option<String>,
    /// The user's own names.
    pub(crate) aliases: Aliases,
    pub(crate) resolved: Resolved,
}

/// Where systemd-resolved is to be found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolved {
    /// What is there while it runs: its own door.
    pub(crate) door: PathBuf,
    /// Where it answers as a server.
    pub(crate) stub: SocketAddr,
}

impl Default for Resolved {
    fn default() -> Resolved {
        Resolved {
            door: PathBuf::from("/run/systemd/resolve/io.systemd.Resolve"),
            stub: SocketAddr::from(([127, 0, 0, 53], 53)),
        }
    }
}

/// The files and what they were like when they were read.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    /// The file that `HOSTALIASES` names.
    aliases: Option<PathBuf>,
    stamps: Stamps,
}

/// Of the files in the folder, and of the aliases.
type Stamps = ([Option<Stamp>; NAMES.len()], Option<Stamp>);

const NAMES: [&str; 5] = [
    "resolv.conf",
    "hosts",
    "nsswitch.conf",
    "gai.conf",
    "host.conf",
];

/// Changes whenever a file does, or another file takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    identity: [i64; 4],
}

impl Files {
    /// Those in `/etc`.
    pub(crate) fn of_system() -> Files {
        Files {
            folder: PathBuf::from("/etc"),
            aliases: env::var_os("HOSTALIASES").map(PathBuf::from),
            stamps: Stamps::default(),
        }
    }

    /// Those in another folder.
    #[cfg(test)]
    pub(crate) fn of(folder: PathBuf) -> Files {
        Files {
            folder,
            aliases: None,
            stamps: Stamps::default(),
        }
    }

    /// Whether any of them is not what it was at the last reading.
    pub(crate) fn have_changed(&self) -> bool {
        self.stamp() != self.stamps
    }

    fn stamp(&self) -> Stamps {
        let aliases = self.aliases.as_deref().and_then(stamp);
        (NAMES.map(|name| stamp(&self.folder.join(name))), aliases)
    }

    /// Reads all of them. A file that can't be read is as one that is not there.
    pub(crate) fn read(&mut self) -> Configuration {
        // Before reading: a change meanwhile is seen the next time.
        self.stamps = self.stamp();
        let text = |name: &str| read(&self.folder.join(name));
        let variable = |name: &str| env::var(name).ok();
        let host_name = host_name();
        let around = Surroundings {
            local_domain: variable("LOCALDOMAIN"),
            options: variable("RES_OPTIONS"),
            host_name: host_name.clone(),
        };
        let multi = variable("RESOLV_MULTI");
        let multi = host_conf::multi(&text("host.conf").unwrap_or_default(), multi.as_deref());
        let resolv = text("resolv.conf").unwrap_or_default();
        let sources = nsswitch::parse(&text("nsswitch.conf").unwrap_or_default());
        let aliases = self.aliases.as_deref().and_then(read);
        let known = sources.as_deref().unwrap_or_default();
        let installed = known.iter().map(|source| {
            source
                .library()
                .is_none_or(|library| is_installed(&library))
        });
        Configuration {
            installed: installed.collect(),
            resolv: resolv_conf::parse(&resolv, &around, interface_index),
            hosts: text("hosts").map(|hosts| Hosts::parse(&hosts, multi)),
            sources,
            gai: GaiConf::parse(&text("gai.conf").unwrap_or_default()),
            host_name,
            aliases: Aliases::parse(&aliases.unwrap_or_default()),
            resolved: Resolved::default(),
        }
    }
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE).read_to_end(&mut bytes))
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn host_name() -> Option<String> {
    let name = read(Path::new("/proc/sys/kernel/hostname"))?;
    Some(name.trim_end().to_owned())
}

/// Whether the dynamic linker would find a library: where distributions put them, and the folders of each machine type.
fn is_installed(library: &str) -> bool {
    if library.contains('/') {
        return false;
    }
    let folders = ["/usr/lib", "/lib", "/usr/lib64", "/lib64", "/usr/local/lib"].map(PathBuf::from);
    let machines = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let machines = machines.filter(|entry| entry.file_name().to_string_lossy().contains("-linux-"));
    let all = folders
        .into_iter()
        .chain(machines.map(|entry| entry.path()));
    all.into_iter().any(|folder| folder.join(library).exists())
}

/// The number of an interface, by its name.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    // A name with a slash is none, and would lead elsewhere.
    let plain = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
    let path = Path::new("/sys/class/net").join(name).join("ifindex");
    plain
        .then(|| fs::read_to_string(path).ok()?.trim_end().parse().ok())
        .flatten()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: found.modified().ok(),
        length: found.len(),
        identity: identity(&found),
    })
}

#[cfg(unix)]
fn identity(found: &fs::Metadata) -> [i64; 4] {
    use std::os::unix::fs::MetadataExt;
    // Numbers that are only compared.
    [
        found.dev().cast_signed(),
        found.ino().cast_signed(),
        found.ctime(),
        found.ctime_nsec(),
    ]
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> [i64; 4] {
    [0; 4]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_or_replaced_has_changed() {
        let folder = env::temp_dir().join(format!("evdns-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut files = Files {
            folder: folder.clone(),
            aliases: Some(folder.join("aliases")),
            stamps: Stamps::default(),
        };
        assert!(!files.have_changed());
        fs::write(folder.join("hosts"), "192.0.2.1 a\n").unwrap();
        assert!(files.have_changed());
        assert!(files.read().hosts.is_some());
        assert!(!files.have_changed());
        fs::write(folder.join("other"), "192.0.2.2 a\n").unwrap();
        fs::rename(folder.join("other"), folder.join("hosts")).unwrap();
        assert!(files.have_changed());
        files.read();
        fs::write(folder.join("aliases"), "a b.example\n").unwrap();
        assert!(files.have_changed());
        assert_eq!(files.read().aliases.target("a"), Some("b.example"));
        fs::remove_file(folder.join("hosts")).unwrap();
        assert!(files.have_changed());
        assert!(files.read().hosts.is_none());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn interfaces_have_numbers() {
        #[cfg(target_os = "linux")]
        assert_eq!(interface_index("lo"), Some(1));
        assert_eq!(interface_index("../lo"), None);
        assert_eq!(interface_index(""), None);
    }
}
