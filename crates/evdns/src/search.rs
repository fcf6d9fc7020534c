//! Which names are asked for a name that may be short: `search` and `ndots` of resolv.conf(5), as glibc's `res_search`
//! goes through them. Pure.

use crate::config::resolv_conf::ResolvConf;
use crate::query::answer::Lack;

/// What one of the names came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Miss {
    pub(crate) lack: Lack,
    /// No server could be reached at all.
    pub(crate) nobody: bool,
    /// The servers answered SERVFAIL.
    pub(crate) servfail: bool,
}

/// Goes through the names.
#[derive(Debug)]
pub(crate) struct Search {
    /// Full names with the part they play, last one first.
    left: Vec<(String, Part)>,
    current: Part,
    /// What the name itself came to, if it was asked first.
    first: Option<Lack>,
    no_records: bool,
    servfail: bool,
    last: Lack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    AsIsFirst,
    /// With a trailing dot: nothing else is tried.
    Absolute,
    Domain,
    AsIsLast,
}

impl Search {
    pub(crate) fn new(name: &str, conf: &ResolvConf) -> Search {
        let dots = name.bytes().filter(|c| *c == b'.').count();
        let mut names = Vec::new();
        let absolute = name.ends_with('.');
        let enough = dots >= conf.ndots as usize;
        if absolute || enough {
            let part = if absolute {
                Part::Absolute
            } else {
                Part::AsIsFirst
            };
            names.push((name.to_owned(), part));
        }
        if !absolute {
            for domain in &conf.search {
                let domain = domain.strip_prefix('.').unwrap_or(domain);
                names.push((format!("{name}.{domain}"), Part::Domain));
            }
            let root_listed = conf
                .search
                .iter()
                .any(|domain| matches!(domain.as_str(), "." | ""));
            let alone_is_fine = dots > 0 || conf.search.is_empty() || !conf.no_tld_query;
            if !enough && !root_listed && alone_is_fine {
                names.push((name.to_owned(), Part::AsIsLast));
            }
        }
        names.reverse();
        Search {
            left: names,
            ..Search::only(name)
        }
    }

    /// This name and no other.
    pub(crate) fn only(name: &str) -> Search {
        Search {
            left: vec![(name.to_owned(), Part::Absolute)],
            current: Part::Absolute,
            first: None,
            no_records: false,
            servfail: false,
            last: Lack::NoName,
        }
    }

    /// The next name to ask for.
    pub(crate) fn next(&mut self) -> Option<String> {
        let (name, part) = self.left.pop()?;
        self.current = part;
        Some(name)
    }

    /// What the name just given came to.
    pub(crate) fn missed(&mut self, miss: Miss) {
        self.last = miss.lack;
        match self.current {
            Part::AsIsFirst => self.first = Some(miss.lack),
            Part::Domain if miss.nobody => {
                self.left.clear();
                self.last = Lack::TryAgain;
                // It returns here, whatever went before.
                (self.first, self.no_records, self.servfail) = (None, false, false);
            }
            Part::Domain => self.note(miss),
            Part::Absolute | Part::AsIsLast => {}
        }
    }

    fn note(&mut self, miss: Miss) {
        match miss.lack {
            Lack::NoName => {}
            Lack::NoRecords => self.no_records = true,
            Lack::TryAgain if miss.servfail => self.servfail = true,
            // Not the name is the problem: no other domain, only the name itself.
            _ => self.left.retain(|(_, part)| *part == Part::AsIsLast),
        }
    }

    /// What all of it came to.
    pub(crate) fn lack(&self) -> Lack {
        match (self.first, self.no_records, self.servfail) {
            (Some(lack), _, _) => lack,
            (None, true, _) => Lack::NoRecords,
            (None, false, true) => Lack::TryAgain,
            (None, false, false) => self.last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(search: &[&str], ndots: u32) -> ResolvConf {
        let search = search.iter().map(|&domain| domain.to_owned()).collect();
        ResolvConf {
            search,
            ndots,
            ..ResolvConf::default()
        }
    }

    const NOT_THERE: Miss = Miss {
        lack: Lack::NoName,
        nobody: false,
        servfail: false,
    };

    /// The names asked when all of them are missed like this.
    fn asked(name: &str, conf: &ResolvConf, miss: impl Fn(&str) -> Miss) -> (Vec<String>, Lack) {
        let (mut search, mut names) = (Search::new(name, conf), Vec::new());
        while let Some(name) = search.next() {
            search.missed(miss(&name));
            names.push(name);
        }
        (names, search.lack())
    }

    #[test]
    fn the_order_follows_dots() {
        let names = |name, conf: &ResolvConf| asked(name, conf, |_| NOT_THERE).0;
        let two = conf(&["x.y", "z"], 1);
        assert_eq!(names("a", &two), ["a.x.y", "a.z", "a"]);
        assert_eq!(names("a.b", &two), ["a.b", "a.b.x.y", "a.b.z"]);
        assert_eq!(names("a.", &two), ["a."]);
        assert_eq!(names("a.b", &conf(&["x"], 2)), ["a.b.x", "a.b"]);
        assert_eq!(names("a", &conf(&[], 1)), ["a"]);
        assert_eq!(names("a", &conf(&["x", "."], 1)), ["a.x", "a."]);
        assert_eq!(
            names(
                "a",
                &ResolvConf {
                    no_tld_query: true,
                    ..two
                }
            ),
            ["a.x.y", "a.z"]
        );
    }

    #[test]
    fn the_name_itself_decides_if_it_was_asked_first() {
        let miss = |name: &str| match name {
            "a.b" => NOT_THERE,
            _ => Miss {
                lack: Lack::NoRecords,
                ..NOT_THERE
            },
        };
        assert_eq!(asked("a.b", &conf(&["x"], 1), miss).1, Lack::NoName);
        assert_eq!(
            asked("a", &conf(&["x"], 1), |name| miss(if name == "a" {
                "a.b"
            } else {
                name
            }))
            .1,
            Lack::NoRecords
        );
    }

    #[test]
    fn servfail_goes_on_and_silence_does_not() {
        let fails = |servfail| {
            move |_: &str| Miss {
                lack: Lack::TryAgain,
                nobody: false,
                servfail,
            }
        };
        let two = conf(&["x", "y"], 1);
        assert_eq!(asked("a", &two, fails(true)).0, ["a.x", "a.y", "a"]);
        assert_eq!(asked("a", &two, fails(false)).0, ["a.x", "a"]);
        let nobody = |_: &str| Miss {
            lack: Lack::TryAgain,
            nobody: true,
            servfail: false,
        };
        assert_eq!(
            asked("a", &two, nobody),
            (vec!["a.x".to_owned()], Lack::TryAgain)
        );
    }
}
