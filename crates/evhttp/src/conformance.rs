//! What every [`Layer`] has to keep to, as a test that takes any layer: yours
//! as well as the built-in ones. No network: below the layer is a level that
//! answers by a script and watches what becomes of its answers.
//!
//! With the feature `conformance`, for the tests of who writes layers:
//!
//! ```
//! use evhttp::{Answer, Call, Layer, Next, conformance};
//! use std::rc::Rc;
//!
//! struct Logged;
//!
//! impl Layer for Logged {
//!     fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
//!         println!("{} {}", call.method, call.url);
//!         next.send(call)
//!     }
//! }
//!
//! conformance::check(|| Logged)?;
//! # Ok::<(), conformance::Breach>(())
//! ```

use std::fmt;
use std::rc::Rc;

use crate::call::Layer;

mod below;
mod play;
mod rules;
#[cfg(test)]
mod tests;

/// A rule of [`check`]. Its text is the rule in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// A call that is given up is given up below as well, and stays so.
    Cancel,
    /// An answer that is dropped, unread or half read, leaves nothing behind.
    Drop,
    /// What is sent again has its whole body and says that it is another
    /// attempt or hop.
    Replay,
    /// The answer is there as soon as its head is; the body may never come.
    HeadFirst,
    /// A body that nobody asks for is not read: that is what slows a sender.
    Unread,
    /// An answer to HEAD, a 204 and a 304 have no body, whatever their fields say.
    Bodiless,
    /// What stops a body half way comes out of it, and never looks like its end.
    CutShort,
    /// A body that comes bit by bit comes whole, as long as it said, and with
    /// its trailers.
    Pieces,
    /// The stream behind a change of protocol (101) is passed on, or goes with
    /// its response.
    Stream,
    /// One layer serves many calls: one after the other, side by side, one
    /// inside the other.
    Again,
    /// Events that are told below reach the user.
    Events,
    /// No call hangs or panics while what is below answers.
    Ends,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Cancel => "a call that is given up is given up below as well",
            Rule::Drop => "an answer that is dropped leaves nothing behind",
            Rule::Replay => "what is sent again is whole and says that it is",
            Rule::HeadFirst => "the answer is there as soon as its head is",
            Rule::Unread => "a body that nobody asks for is not read",
            Rule::Bodiless => "an answer without a body is passed on as it is",
            Rule::CutShort => "what stops a body half way comes out of it",
            Rule::Pieces => "a body that comes bit by bit comes whole",
            Rule::Stream => "the stream behind a 101 is passed on",
            Rule::Again => "one layer serves many calls",
            Rule::Events => "events that are told below reach the user",
            Rule::Ends => "no call hangs or panics",
        })
    }
}

/// A rule that a layer does not keep: which, in what case, and what was seen
/// instead.
#[derive(Clone, Debug)]
pub struct Breach {
    rule: Rule,
    case: String,
    seen: String,
}

impl Breach {
    /// The rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Breach { rule, case, seen } = self;
        write!(f, "{rule}; {case}: {seen}")
    }
}

impl std::error::Error for Breach {}

impl From<Breach> for evcore::Error {
    fn from(breach: Breach) -> evcore::Error {
        evcore::Error::new(breach)
    }
}

/// Checks a layer by all rules; `make` makes it anew for each case.
///
/// Every case is one exchange, on a reactor of its own and by a clock that
/// leaps, so that waits cost no time. Calls are GET, HEAD and POST, with
/// bodies that can be sent again and others that can't; answers are such as
/// layers act upon: redirects, challenges, refusals, compressed ones. A layer
/// that never asks below passes the rules about what is below.
///
/// # Errors
/// The first rule that was not kept.
///
/// # Panics
/// If no reactor can be made, or from inside a running one.
///
/// ```
/// use evhttp::conformance::{Rule, check};
/// use evhttp::{Answer, Call, Layer, Next, Response};
/// use std::rc::Rc;
///
/// /// Reads every body to its end before it answers.
/// struct Greedy;
///
/// impl Layer for Greedy {
///     fn send(self: Rc<Self>, call: Call, next: Next) -> Answer {
///         Answer::later(async move {
///             let response = next.send(call).await?;
///             let body = response.take_body()?.collect(1 << 20).await?;
///             Ok(response.with_body(body))
///         })
///     }
/// }
///
/// let breach = check(|| Greedy).unwrap_err();
/// assert_eq!(breach.rule(), Rule::HeadFirst);
/// assert_eq!(
///     breach.to_string(),
///     "the answer is there as soon as its head is; GET answered with 200 OK: no answer after an hour, \
///      though its head was there at once",
/// );
/// ```
pub fn check<L: Layer>(make: impl Fn() -> L) -> Result<(), Breach> {
    check_stack(&|| vec![Rc::new(make()) as Rc<dyn Layer>])
}

/// The same for several layers on top of each other, outermost first.
pub(crate) fn check_stack(make: &dyn Fn() -> Vec<Rc<dyn Layer>>) -> Result<(), Breach> {
    rules::ALL.iter().try_for_each(|rule| rule(make))
}
