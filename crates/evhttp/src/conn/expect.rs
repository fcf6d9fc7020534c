//! Whether a server is asked, before a body is sent, if it wants it (RFC 9110 §10.1.1), where nobody has said so: what is
//! known of servers, and of the body. Pure; that it is asked, and how long it is waited for, is the exchange's matter.

use std::collections::HashMap;

use crate::limits::{EXPECT_FROM, EXPECT_ORIGINS};

/// What servers have made of the question so far, by origin and way.
#[derive(Default)]
pub(crate) struct Manners(HashMap<String, Answers>);

/// Whether a server answers the question, with a 100 or with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Yes,
    /// It refuses (417), it says nothing, or HTTP/1.0 is all it speaks.
    No,
}

/// A body that is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload {
    pub(crate) length: Option<u64>,
    /// It can be read once.
    pub(crate) once: bool,
    /// A refusal for which it would have to go again is likely: credentials that are asked for, or stale.
    pub(crate) doubtful: bool,
    /// Nothing has gone over its connection before.
    pub(crate) fresh: bool,
}

impl Upload {
    /// Whether there can be a reason to ask: small bodies never pay a round trip.
    pub(crate) fn is_worth_asking(&self) -> bool {
        let large = self.length.is_none_or(|length| length >= EXPECT_FROM);
        (large && self.fresh) || (self.doubtful && (large || self.once))
    }
}

impl Manners {
    /// Whether `whom` is asked before this body is sent, which is worth it.
    pub(crate) fn asks(&self, whom: &str, upload: &Upload) -> bool {
        match self.0.get(whom) {
            None => true,
            Some(Answers::Yes) => upload.doubtful,
            Some(Answers::No) => false,
        }
    }

    /// Remembers what has come of asking, or would. Who is forgotten is asked once more.
    pub(crate) fn note(&mut self, whom: String, answers: Answers) {
        if self.0.len() >= EXPECT_ORIGINS && !self.0.contains_key(&whom) {
            self.0.clear();
        }
        self.0.insert(whom, answers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Upload = Upload {
        length: Some(EXPECT_FROM - 1),
        once: false,
        doubtful: false,
        fresh: true,
    };

    #[test]
    fn a_body_is_worth_a_question_if_it_is_large_or_may_have_to_go_twice() {
        let (large, unknown) = (Some(EXPECT_FROM), None);
        let table = [
            (SMALL, false),
            (
                Upload {
                    once: true,
                    ..SMALL
                },
                false,
            ),
            (
                Upload {
                    doubtful: true,
                    ..SMALL
                },
                false,
            ),
            (
                Upload {
                    doubtful: true,
                    once: true,
                    fresh: false,
                    ..SMALL
                },
                true,
            ),
            (
                Upload {
                    length: large,
                    ..SMALL
                },
                true,
            ),
            (
                Upload {
                    length: unknown,
                    ..SMALL
                },
                true,
            ),
            (
                Upload {
                    length: large,
                    fresh: false,
                    ..SMALL
                },
                false,
            ),
            (
                Upload {
                    length: large,
                    fresh: false,
                    doubtful: true,
                    ..SMALL
                },
                true,
            ),
        ];
        for (upload, worth) in table {
            assert_eq!(upload.is_worth_asking(), worth, "{upload:?}");
        }
    }

    #[test]
    fn who_is_known_is_asked_only_where_it_is_doubtful_and_who_is_deaf_never() {
        let mut manners = Manners::default();
        let doubtful = Upload {
            doubtful: true,
            ..SMALL
        };
        manners.note("polite".into(), Answers::Yes);
        manners.note("deaf".into(), Answers::No);
        let asks = |whom| [&SMALL, &doubtful].map(|upload| manners.asks(whom, upload));
        assert_eq!(asks("stranger"), [true, true]);
        assert_eq!(asks("polite"), [false, true]);
        assert_eq!(asks("deaf"), [false, false]);
    }

    #[test]
    fn what_is_known_of_servers_has_a_limit() {
        let mut manners = Manners::default();
        for origin in 0..EXPECT_ORIGINS {
            manners.note(origin.to_string(), Answers::No);
        }
        assert!((0..EXPECT_ORIGINS).all(|origin| !manners.asks(&origin.to_string(), &SMALL)));
        manners.note("one more".into(), Answers::No);
        assert!(!manners.asks("one more", &SMALL));
        assert_eq!(manners.0.len(), 1);
    }
}
