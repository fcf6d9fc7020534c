//! The duty to look at an error (rule P11): shared by every promise that
//! carries the same rejection, reported once if nobody looked.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use crate::error::{Error, Kind};
use crate::promise::state::{Base, Place};
use crate::reactor::Core;

/// An error nobody looked at, or a panic that had no promise to go to.
///
/// ```
/// use evcore::{Promise, Reactor};
///
/// Reactor::current().on_unhandled(|report| assert_eq!(report.error.to_string(), "lost"));
/// drop(Promise::<u32>::failed("lost"));
/// evcore::run(evcore::sleep(evcore::ms(1)))?;
/// # Ok::<(), evcore::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unhandled {
    /// What went wrong.
    pub error: Error,
    /// Where the last promise that carried it was made, or where the callback
    /// that panicked was attached: in the user's code, if that is known.
    pub place: Option<&'static Location<'static>>,
}

impl std::fmt::Display for Unhandled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unhandled error: {}", self.error)?;
        match self.place {
            // A panic's own text says already where its callback was attached.
            Some(place) if self.error.place() != Some(place) => write!(f, " ({place})"),
            _ => Ok(()),
        }
    }
}

/// A promise's error, with the duty that comes with it.
pub(crate) struct Failure {
    pub(crate) error: Error,
    duty: Option<Rc<Duty>>,
}

impl Clone for Failure {
    fn clone(&self) -> Failure {
        Failure {
            error: self.error.clone(),
            duty: self.duty.clone(),
        }
    }
}

impl Failure {
    /// A rejection somebody has to look at. Cancellation is no fault, so it
    /// carries no duty.
    pub(crate) fn new(core: &Rc<Core>, error: Error) -> Failure {
        if error.is_cancelled() {
            return Failure::quiet(error);
        }
        let place = Cell::new(None);
        let duty = Duty {
            error: error.clone(),
            looked: Cell::new(false),
            place,
            core: core.clone(),
        };
        Failure {
            error,
            duty: Some(Rc::new(duty)),
        }
    }

    /// A rejection that nobody needs to look at.
    pub(crate) fn quiet(error: Error) -> Failure {
        Failure { error, duty: None }
    }

    /// Nothing of the user's is in it, nor a duty.
    pub(crate) fn is_plain(&self) -> bool {
        self.duty.is_none() && self.error.is_bare()
    }

    pub(crate) fn look(&self) {
        if let Some(duty) = &self.duty {
            duty.looked.set(true);
        }
    }

    /// The promise was settled already, that is, cancelled: a rejection then
    /// does nothing (rule P13). A panic is a fault all the same.
    pub(crate) fn come_too_late(&self) {
        if self.error.kind() != Kind::Panicked {
            self.look();
        }
    }

    /// Notes that `base`'s promise carries the error now.
    pub(crate) fn carried_by(&self, base: &Base) {
        let Some(duty) = &self.duty else { return };
        if base.is_looked() {
            duty.looked.set(true);
        }
        if duty.place.get().is_none() || is_users(base.place) {
            duty.place.set(Some(base.place));
        }
    }
}

struct Duty {
    error: Error,
    looked: Cell<bool>,
    place: Cell<Option<Place>>,
    core: Rc<Core>,
}

impl Drop for Duty {
    fn drop(&mut self) {
        if !self.looked.get() {
            let error = self.error.clone();
            self.core.report_later(Unhandled {
                error,
                place: self.place.get(),
            });
        }
    }
}

/// Whether a place lies in the program's own sources: not in std, not in a
/// crate that lies beside this one (our own crates in the workspace, every
/// downloaded dependency in a registry's folder).
pub(crate) fn is_users(place: Place) -> bool {
    let file = place.file();
    let std = file.starts_with("/rustc/") || file.contains("/rustlib/src/");
    !std && !home().is_some_and(|home| file.starts_with(home))
}

/// The folder in which this crate's folder lies.
fn home() -> Option<&'static str> {
    const HERE: &str = file!();
    HERE.split_once("evcore")
        .map(|(home, _)| home)
        .filter(|home| !home.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_our_own_crates_are_not_the_users() {
        assert!(!is_users(Location::caller()));
    }
}
