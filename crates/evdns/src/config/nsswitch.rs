//! The `hosts` line of nsswitch.conf(5): which sources are asked for a name, and what their answers lead to. Pure.

/// What a source said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    NotFound,
    Unavailable,
    TryAgain,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Return,
    Continue,
    /// Joins the next source's answer in other databases; that of hosts does not support it, and fails.
    Merge,
}

/// A source by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Module {
    Files,
    Dns,
    /// systemd's: this machine's own names.
    MyHostname,
    /// systemd's: its resolver, which also listens on 127.0.0.53.
    Resolve,
    /// Multicast DNS for `.local`, under the name it has in the file.
    MdnsMinimal(String),
    /// Anything else.
    Other(String),
}

/// A source and what its statuses lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) module: Module,
    actions: [Action; 4],
}

const STATUSES: [(&str, Status); 4] = [
    ("success", Status::Success),
    ("notfound", Status::NotFound),
    ("unavail", Status::Unavailable),
    ("tryagain", Status::TryAgain),
];

const ACTIONS: [(&str, Action); 3] = [
    ("return", Action::Return),
    ("continue", Action::Continue),
    ("merge", Action::Merge),
];

impl Source {
    fn new(name: &str) -> Source {
        let module = match name {
            "files" => Module::Files,
            "dns" => Module::Dns,
            "myhostname" => Module::MyHostname,
            "resolve" => Module::Resolve,
            "mdns_minimal" | "mdns4_minimal" | "mdns6_minimal" => {
                Module::MdnsMinimal(name.to_owned())
            }
            _ => Module::Other(name.to_owned()),
        };
        let mut actions = [Action::Continue; 4];
        actions[Status::Success as usize] = Action::Return;
        Source { module, actions }
    }

    /// What glibc loads for it: `libnss_NAME.so.2`.
    pub(crate) fn library(&self) -> Option<String> {
        let name = match &self.module {
            Module::Files | Module::Dns => return None,
            Module::MyHostname => "myhostname",
            Module::Resolve => "resolve",
            Module::MdnsMinimal(name) | Module::Other(name) => name,
        };
        Some(format!("libnss_{name}.so.2"))
    }

    /// What is next after `status`.
    pub(crate) fn action(&self, status: Status) -> Action {
        self.actions[status as usize]
    }

    /// `[!STATUS=ACTION ...]`, without the brackets. False if it is not understood.
    fn set(&mut self, criteria: &str) -> bool {
        let spaced = criteria.replace('=', " = ");
        let mut words = spaced.split_ascii_whitespace();
        while let Some(status) = words.next() {
            let (not, status) = match status.strip_prefix('!') {
                Some(status) => (true, status),
                None => (false, status),
            };
            let (Some("="), Some(action)) = (words.next(), words.next()) else {
                return false;
            };
            let status = STATUSES
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(status));
            let action = ACTIONS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(action));
            let (Some((_, status)), Some((_, action))) = (status, action) else {
                return false;
            };
            let at = *status as usize;
            let before = self.actions[at];
            match not {
                true => {
                    self.actions = [*action; 4];
                    self.actions[at] = before;
                }
                false => self.actions[at] = *action,
            }
        }
        !criteria.trim().is_empty()
    }
}

/// A line that is not understood: glibc takes no look-up then, of whatever database the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotUnderstood;

const DATABASES: [&str; 18] = [
    "aliases",
    "ethers",
    "group",
    "group_compat",
    "gshadow",
    "hosts",
    "initgroups",
    "netgroup",
    "networks",
    "passwd",
    "passwd_compat",
    "protocols",
    "publickey",
    "rpc",
    "services",
    "shadow",
    "shadow_compat",
    "gshadow_compat",
];

/// The sources for names of hosts: `files dns` without a line.
pub(crate) fn parse(text: &str) -> Result<Vec<Source>, NotUnderstood> {
    let mut found = None;
    for line in text.lines() {
        let line = line.trim_start();
        let Some(end) = line.find(|c: char| c.is_ascii_whitespace() || c == ':') else {
            continue;
        };
        let (database, rest) = line.split_at(end);
        if !DATABASES.contains(&database) {
            continue;
        }
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ':');
        let sources = sources(rest).ok_or(NotUnderstood)?;
        // The last line for a database counts.
        if database == "hosts" {
            found = Some(sources);
        }
    }
    Ok(found.unwrap_or_else(|| vec![Source::new("files"), Source::new("dns")]))
}

fn sources(line: &str) -> Option<Vec<Source>> {
    let mut found: Vec<Source> = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || c == '[')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            break;
        }
        let mut source = Source::new(name);
        rest = after.trim_start();
        if let Some(inside) = rest.strip_prefix('[') {
            let (criteria, after) = inside.split_once(']')?;
            if !source.set(criteria) {
                return None;
            }
            rest = after.trim_start();
        }
        found.push(source);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(text: &str) -> Vec<Module> {
        let sources = parse(text).unwrap();
        sources.into_iter().map(|source| source.module).collect()
    }

    #[test]
    fn the_line_of_a_desktop() {
        let sources = parse("passwd: files\nhosts:  files mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns wins\n").unwrap();
        let expected = [
            Module::Files,
            Module::MdnsMinimal("mdns4_minimal".into()),
            Module::Resolve,
            Module::Dns,
            Module::Other("wins".into()),
        ];
        assert!(sources.iter().map(|source| &source.module).eq(&expected));
        let action = |n: usize, status| sources[n].action(status);
        assert_eq!(action(0, Status::Success), Action::Return);
        assert_eq!(action(0, Status::NotFound), Action::Continue);
        assert_eq!(action(1, Status::NotFound), Action::Return);
        assert_eq!(action(1, Status::Unavailable), Action::Continue);
        assert_eq!(action(2, Status::NotFound), Action::Return);
        assert_eq!(action(2, Status::TryAgain), Action::Return);
        assert_eq!(action(2, Status::Unavailable), Action::Continue);
    }

    #[test]
    fn the_last_line_counts() {
        assert_eq!(modules("hosts: dns\nhosts : files\n"), [Module::Files]);
        assert_eq!(
            modules("#hosts: dns\n hosts:files dns"),
            [Module::Files, Module::Dns]
        );
    }

    #[test]
    fn without_a_line_it_is_files_and_dns() {
        for text in ["", "passwd: files\n", "sudoers: [\n"] {
            assert_eq!(modules(text), [Module::Files, Module::Dns], "{text}");
        }
        assert!(modules("hosts:\n").is_empty());
    }

    #[test]
    fn a_line_that_is_not_understood_spoils_all() {
        for text in [
            "hosts: files [NOTFOUND]",
            "hosts: files [X=return]",
            "hosts: files [",
            "hosts: dns\npasswd: files [\n",
        ] {
            assert_eq!(parse(text), Err(NotUnderstood), "{text}");
        }
    }

    #[test]
    fn several_criteria_in_one_bracket() {
        let sources =
            parse("hosts: dns [SUCCESS=merge TRYAGAIN = return !success=continue] files").unwrap();
        assert_eq!(sources[0].action(Status::Success), Action::Merge);
        assert_eq!(sources[0].action(Status::TryAgain), Action::Continue);
    }
}
