//! Addresses of a name, as getaddrinfo(3) of glibc 2.36 finds them for `AF_UNSPEC`, `SOCK_STREAM` and `AI_ADDRCONFIG`:
//! literals, then the sources of nsswitch.conf(5), then the order of RFC 6724.
//!
//! A machine with IPv4 alone goes another way in glibc (`gethostbyname2_r`), with other codes for the same failures.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::rc::Rc;

use evcore::Emitter;

use crate::config::hosts::Wanted;
use crate::config::nsswitch::{Action, Module, Status};
use crate::error::{Error, ErrorKind};
use crate::event::{HandedOver, SYSTEM};
use crate::files::interface_index;
use crate::interfaces::{Families, Interfaces};
use crate::literal::{self, Literal, Scoped};
use crate::name::Name;
use crate::query::answer::{Answer, Lack, lack};
use crate::search::{Miss, Search};
use crate::state::{Answers, State};
use crate::wire::{A, AAAA, NOERROR, Type};

/// One look-up.
pub(crate) struct LookUp {
    state: Rc<State>,
    name: String,
    emitter: Emitter,
    families: Families,
}

/// Addresses, and for how many seconds they are known to be right.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) addresses: Vec<Scoped>,
    pub(crate) ttl: u32,
}

/// What one source said.
struct Said {
    status: Status,
    lack: Option<Lack>,
    found: Found,
    why: Option<String>,
}

impl Said {
    fn found(addresses: Vec<Scoped>, ttl: u32) -> Said {
        Said {
            status: Status::Success,
            lack: None,
            found: Found { addresses, ttl },
            why: None,
        }
    }

    fn nothing(status: Status, lack: Lack) -> Said {
        Said {
            status,
            lack: Some(lack),
            found: Found {
                addresses: Vec::new(),
                ttl: 0,
            },
            why: None,
        }
    }
}

const UNMERGED: &str = "nsswitch.conf says merge, which addresses of hosts can't be";

/// What hosts(5) says is read again whenever it changes.
const HOSTS_TTL: u32 = 1;

impl LookUp {
    pub(crate) fn new(state: Rc<State>, name: &str, emitter: Emitter) -> LookUp {
        LookUp {
            state,
            name: name.to_owned(),
            emitter,
            families: Interfaces::now().families(),
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(&self.name, kind)
    }

    pub(crate) async fn run(mut self) -> Result<Found, Error> {
        if self.name.is_empty() || self.name == "*" || self.name.contains('\0') {
            return Err(self.error(ErrorKind::NoName).because("not a name"));
        }
        if let Some(literal) = literal::parse(&self.name, interface_index) {
            return self.literal(literal);
        }
        if self.families == Families::V4 && looks_numeric(&self.name) {
            return Err(self
                .error(ErrorKind::NoName)
                .because("digits and dots, but no address"));
        }
        if !self.name.is_ascii() {
            let ascii = crate::idn::to_ascii(&self.name);
            self.name = ascii.map_err(|bad| self.error(ErrorKind::NoName).because(bad))?;
        }
        let found = self.ask_sources().await?;
        let addresses = self.state.sort(found.addresses);
        Ok(Found { addresses, ..found })
    }

    fn literal(&self, literal: Literal) -> Result<Found, Error> {
        let (ip, scope) = match literal {
            Literal::BadScope(ip) => (IpAddr::V6(ip), None),
            Literal::Address((ip, scope)) => (ip, Some(scope)),
        };
        let ip = match (self.families, ip) {
            (Families::V6, IpAddr::V4(_)) => return Err(self.error(ErrorKind::AddressFamily)),
            (Families::V4, IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
                Some(ip) => ip.into(),
                None => return Err(self.error(ErrorKind::AddressFamily)),
            },
            _ => ip,
        };
        let Some(scope) = scope else {
            return Err(self.error(ErrorKind::NoName).because("no such interface"));
        };
        Ok(Found {
            addresses: vec![(ip, scope)],
            ttl: 0,
        })
    }

    async fn ask_sources(&self) -> Result<Found, Error> {
        let state = self.state.clone();
        let Ok(sources) = &state.configuration.sources else {
            let kind = match self.families {
                Families::V4 => ErrorKind::System,
                Families::Both | Families::V6 => ErrorKind::NoName,
            };
            return Err(self
                .error(kind)
                .because("nsswitch.conf has a line that is not understood"));
        };
        let mut last = Said::nothing(Status::Unavailable, Lack::Internal);
        let mut to_merge = false;
        for (n, (source, installed)) in sources
            .iter()
            .zip(&state.configuration.installed)
            .enumerate()
        {
            if !installed && self.families == Families::V4 {
                // What can't be loaded is passed over there.
                match source.action(Status::Unavailable) {
                    Action::Continue => continue,
                    _ => break,
                }
            }
            last = match &source.module {
                _ if !installed => Said::nothing(Status::Unavailable, Lack::Internal),
                Module::Files => self.files(),
                Module::Dns => self.dns(&state).await,
                Module::Resolve => match state.of_resolved() {
                    Some(resolved) => self.dns(&resolved).await,
                    None => Said::nothing(Status::Unavailable, Lack::NoName),
                },
                Module::MdnsMinimal(module) => self.multicast(module),
                Module::MyHostname if !self.is_own_name() => {
                    Said::nothing(Status::NotFound, Lack::NoName)
                }
                Module::MyHostname => {
                    return self
                        .by_system("myhostname answers for this machine's own names")
                        .await;
                }
                Module::Other(module) => {
                    return self
                        .by_system(&format!("{module} in nsswitch.conf is not known"))
                        .await;
                }
            };
            if self.families == Families::V4 {
                let merges = source.action(Status::Success) == Action::Merge;
                last = self.unmerged(last, merges, &mut to_merge)?;
            }
            match source.action(last.status) {
                Action::Return => break,
                Action::Merge if self.families != Families::V4 && n + 1 < sources.len() => {
                    return Err(self.merged(last));
                }
                Action::Continue | Action::Merge => {}
            }
        }
        match last.found.addresses.is_empty() {
            false => Ok(last.found),
            true => Err(self.failed(last)),
        }
    }

    /// Answers of hosts can't be merged with the next source's: glibc drops them, whatever they say.
    fn merged(&self, last: Said) -> Error {
        let kind = match (last.status, last.lack) {
            (Status::Unavailable | Status::TryAgain, _) => ErrorKind::System,
            (_, Some(Lack::NoRecords)) => ErrorKind::NoRecords,
            (_, Some(Lack::TryAgain)) => ErrorKind::TryAgain,
            _ => ErrorKind::NoName,
        };
        self.error(kind).because(UNMERGED)
    }

    /// What `gethostbyname2_r` makes of merging: an answer that is to be kept for it, or added to one, makes its source
    /// unavailable. If there is nothing to add, it returns whatever its buffer holds by then (docs/dns.md, difference 5);
    /// here that is no address.
    fn unmerged(&self, said: Said, merges: bool, to_merge: &mut bool) -> Result<Said, Error> {
        let success = said.status == Status::Success;
        match (std::mem::take(to_merge), success) {
            (true, false) => Err(self.error(ErrorKind::NoRecords).because(UNMERGED)),
            (false, false) => Ok(said),
            (false, true) if !merges => Ok(said),
            (before, true) => {
                *to_merge = !before;
                let why = Some(UNMERGED.to_owned());
                let nothing = Said::nothing(Status::Unavailable, Lack::NoRecords);
                Ok(Said { why, ..nothing })
            }
        }
    }

    /// The code for what the last source said.
    fn failed(&self, last: Said) -> Error {
        let lost = matches!(last.status, Status::Unavailable | Status::TryAgain);
        let kind = match (self.families, last.lack) {
            (_, Some(Lack::Internal)) if lost => ErrorKind::System,
            (_, Some(Lack::NoRecords)) => ErrorKind::NoRecords,
            (Families::V4, Some(Lack::TryAgain)) if lost => ErrorKind::TryAgain,
            (Families::V4, Some(_)) if last.status == Status::TryAgain => ErrorKind::NoRecords,
            (Families::Both | Families::V6, Some(Lack::TryAgain)) => ErrorKind::TryAgain,
            _ => ErrorKind::NoName,
        };
        let error = self.error(kind);
        match last.why {
            Some(why) => error.because(why),
            None => error,
        }
    }

    fn files(&self) -> Said {
        let Some(hosts) = &self.state.configuration.hosts else {
            return Said::nothing(Status::Unavailable, Lack::NoRecords);
        };
        let wanted = match self.families {
            Families::Both => Wanted::Both,
            Families::V4 => Wanted::V4,
            Families::V6 => Wanted::V6,
        };
        let addresses = hosts.addresses(&self.name, wanted);
        match addresses.is_empty() {
            true => Said::nothing(Status::NotFound, Lack::NoName),
            false => Said::found(addresses.into_iter().map(|ip| (ip, 0)).collect(), HOSTS_TTL),
        }
    }

    /// nss-mdns answers for a single label in `.local`, by multicast: that is another protocol.
    fn multicast(&self, module: &str) -> Said {
        if is_multicast(&self.name) {
            let why = format!(
                "names in .local are for multicast DNS ({module} in nsswitch.conf), which is not spoken"
            );
            return Said {
                why: Some(why),
                ..Said::nothing(Status::NotFound, Lack::NoName)
            };
        }
        Said::nothing(Status::Unavailable, Lack::NoName)
    }

    fn is_own_name(&self) -> bool {
        let name = self.name.trim_end_matches('.').to_ascii_lowercase();
        let own = self.state.configuration.host_name.as_deref();
        let own = own.is_some_and(|own| own.eq_ignore_ascii_case(&name));
        let known = [
            "localhost",
            "localhost.localdomain",
            "_gateway",
            "_outbound",
        ]
        .contains(&name.as_str());
        own || known || name.ends_with(".localhost") || name.ends_with(".localhost.localdomain")
    }

    /// getaddrinfo(3) on a helper thread.
    async fn by_system(&self, why: &str) -> Result<Found, Error> {
        let told = HandedOver {
            name: self.name.clone(),
            why: why.to_owned(),
        };
        self.emitter.emit(SYSTEM, told);
        let families = self.families;
        by_system(&self.name, families).await
    }

    fn types(&self) -> &'static [Type] {
        match self.families {
            Families::Both if !self.state.conf().no_aaaa => &[A, AAAA],
            Families::V6 if !self.state.conf().no_aaaa => &[AAAA],
            Families::Both | Families::V4 | Families::V6 => &[A],
        }
    }

    /// What the servers of `state` say: those of resolv.conf, or systemd-resolved.
    async fn dns(&self, state: &Rc<State>) -> Said {
        if !self.name.parse::<Name>().is_ok_and(|name| name.is_host()) {
            return Said::nothing(Status::NotFound, Lack::NoName);
        }
        let mut search = self.search();
        let (mut unavailable, mut why) = (false, None);
        while let Some(text) = search.next() {
            let Ok(name) = text.parse::<Name>() else {
                unavailable = false;
                search.missed(Miss {
                    lack: Lack::Fail,
                    nobody: false,
                    servfail: false,
                });
                continue;
            };
            let mut answers = state.answers(&name, self.types(), &self.emitter).await;
            if self.families == Families::V6 && self.state.conf().no_aaaa {
                // Whether the name exists is asked by way of A, whose records are not wanted.
                answers.answers.iter_mut().flatten().for_each(Answer::empty);
            }
            let unreached = answers.answers.iter().all(Option::is_none);
            unavailable = unreached && !answers.closed;
            why = answers.trouble.clone();
            match self.lack(&answers, unreached) {
                None => return self.read(&answers, why),
                Some(lack) => search.missed(Miss {
                    lack,
                    nobody: unreached && answers.nobody,
                    servfail: answers.servfail,
                }),
            }
        }
        let status = if unavailable {
            Status::Unavailable
        } else {
            Status::NotFound
        };
        Said {
            why,
            ..Said::nothing(status, search.lack())
        }
    }

    /// The names to ask for. glibc replaces an alias twice: in the module, and once more in `res_search`, which then
    /// asks for that name alone.
    fn search(&self) -> Search {
        let aliases = &self.state.configuration.aliases;
        let name = aliases.target(&self.name).unwrap_or(&self.name);
        match aliases.target(name) {
            Some(once_more) => Search::only(once_more),
            None => Search::new(name, self.state.conf()),
        }
    }

    fn lack(&self, answers: &Answers, unreached: bool) -> Option<Lack> {
        match unreached {
            true => Some(Lack::TryAgain),
            false => lack(&answers.answers),
        }
    }

    /// Addresses of the answers that say something; and what is said if there are none in them.
    fn read(&self, answers: &Answers, why: Option<String>) -> Said {
        let answers: Vec<&Answer> = answers.answers.iter().flatten().collect();
        let speaking = answers.iter().filter(|answer| answer.rcode == NOERROR);
        let mut addresses: Vec<Scoped> = speaking
            .flat_map(|answer| answer.addresses())
            .map(|ip| (ip, 0))
            .collect();
        let ttl = answers.iter().map(|answer| answer.ttl).min().unwrap_or(0);
        if !addresses.is_empty() {
            if self.families == Families::V4 {
                self.sort_by_list(&mut addresses);
            }
            return Said::found(addresses, ttl);
        }
        let said = match self.families {
            Families::Both => Said::nothing(Status::NotFound, Lack::NoName),
            Families::V4 | Families::V6 => Said::nothing(Status::TryAgain, Lack::Fail),
        };
        Said { why, ..said }
    }

    /// `sortlist` of resolv.conf(5), which glibc heeds for IPv4 alone.
    fn sort_by_list(&self, addresses: &mut [Scoped]) {
        let list = &self.state.conf().sortlist;
        let place = |(ip, _): &Scoped| {
            let IpAddr::V4(ip) = ip else {
                return list.len();
            };
            let within = |(net, mask): &(Ipv4Addr, Ipv4Addr)| ip & mask == *net;
            list.iter().position(within).unwrap_or(list.len())
        };
        if !list.is_empty() {
            addresses.sort_by_key(place);
        }
    }
}

/// Names that the minimal modules of nss-mdns take: those with more labels are for other sources, as Windows domains in
/// `.local` need it.
fn is_multicast(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.split_once('.')
        .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case("local"))
}

/// Names glibc takes for addresses that went wrong, when it looks for IPv4 alone.
fn looks_numeric(name: &str) -> bool {
    let first = name.bytes().next().unwrap_or_default();
    let digits = first.is_ascii_digit() && name.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    let colons = (first.is_ascii_hexdigit() && name.contains(':')) || first == b':';
    (digits && !name.ends_with('.')) || colons
}

/// The system's own look-up. It is asked without `AI_ADDRCONFIG` (std has no way to say it), so that is done here.
pub(crate) async fn by_system(name: &str, families: Families) -> Result<Found, Error> {
    let wanted = name.to_owned();
    let work = move || {
        let found = (wanted.as_str(), 0).to_socket_addrs().map(Vec::from_iter);
        found.map_err(|error| error.to_string())
    };
    let failed = |why: String| Error::new(name, ErrorKind::System).because(why);
    let found = evcore::blocking(work)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let found = found.map_err(|why| Error::new(name, kind_of(&why)).because(why))?;
    let fits = |addr: &std::net::SocketAddr| match families {
        Families::Both => true,
        Families::V4 => addr.is_ipv4(),
        Families::V6 => addr.is_ipv6(),
    };
    let scoped = |addr: std::net::SocketAddr| match addr {
        std::net::SocketAddr::V4(addr) => ((*addr.ip()).into(), 0),
        std::net::SocketAddr::V6(addr) => ((*addr.ip()).into(), addr.scope_id()),
    };
    let addresses: Vec<Scoped> = found.into_iter().filter(fits).map(scoped).collect();
    match addresses.is_empty() {
        true => Err(Error::new(name, ErrorKind::NoName)),
        false => Ok(Found { addresses, ttl: 0 }),
    }
}

/// std gives the text of the code alone (gai_strerror(3)).
fn kind_of(why: &str) -> ErrorKind {
    let texts = [
        ("Name or service not known", ErrorKind::NoName),
        ("No address associated", ErrorKind::NoRecords),
        ("Temporary failure", ErrorKind::TryAgain),
        ("Non-recoverable failure", ErrorKind::Fail),
        ("Address family for hostname", ErrorKind::AddressFamily),
    ];
    let found = texts.into_iter().find(|(text, _)| why.contains(text));
    found.map_or(ErrorKind::System, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multicast_is_for_names_of_two_labels() {
        for name in ["printer.local", "Printer.LOCAL."] {
            assert!(is_multicast(name), "{name}");
        }
        for name in [
            "dc1.corp.local",
            "local",
            ".local",
            "local.",
            "printer.locals",
        ] {
            assert!(!is_multicast(name), "{name}");
        }
    }
}
