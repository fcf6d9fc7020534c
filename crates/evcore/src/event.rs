//! The names of events: typed, arbitrary, from any crate. Who listens and who
//! emits is `promise/listen.rs`.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;

/// The name of something a promise may tell while it is pending, with the
/// type of what is told.
///
/// Any crate may make one; the core knows nothing of it. Two events are the
/// same if name, payload type and kind are. Names that leave a crate carry
/// the crate's name as a prefix by custom: `"evhttp.progress"`.
///
/// ```
/// use evcore::{Event, Promise};
///
/// const CHAPTER: Event<u32> = Event::new("chapter");
///
/// let (book, resolver) = Promise::pending();
/// let book = book.on(CHAPTER, |n| println!("chapter {n}"));
/// resolver.emit(CHAPTER, 1);
/// resolver.resolve("the end");
/// assert_eq!(evcore::run(book)?, "the end");
/// # Ok::<(), evcore::Error>(())
/// ```
pub struct Event<P> {
    name: &'static str,
    latest: bool,
    payload: PhantomData<fn(P)>,
}

impl<P> Event<P> {
    /// An event of which every emission is told, to those who listen then.
    pub const fn new(name: &'static str) -> Event<P> {
        Event {
            name,
            latest: false,
            payload: PhantomData,
        }
    }

    /// An event of which only the newest payload matters, as of a progress
    /// bar: emissions that come faster than they are delivered are merged
    /// into one, and a new listener is told the last payload first.
    ///
    /// ```
    /// use evcore::{Event, Promise};
    ///
    /// const LEVEL: Event<u32> = Event::latest("tank.level");
    ///
    /// let (tank, resolver) = Promise::<()>::pending();
    /// let tank = tank.on(LEVEL, |&n| assert_eq!(n, 1_000)); // once
    /// (1..=1_000).for_each(|n| resolver.emit(LEVEL, n));
    /// resolver.resolve(());
    /// evcore::run(tank)?;
    /// # Ok::<(), evcore::Error>(())
    /// ```
    pub const fn latest(name: &'static str) -> Event<P> {
        Event {
            name,
            latest: true,
            payload: PhantomData,
        }
    }

    /// The name it was made with.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn is_latest(&self) -> bool {
        self.latest
    }
}

impl<P> Clone for Event<P> {
    fn clone(&self) -> Event<P> {
        *self
    }
}

impl<P> Copy for Event<P> {}

impl<P> fmt::Debug for Event<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({:?})", self.name)
    }
}

impl<P: 'static> Event<P> {
    /// What tells it from other events.
    pub(crate) fn key(self) -> Key {
        Key {
            name: self.name,
            payload: TypeId::of::<P>(),
            latest: self.latest,
        }
    }
}

/// Two events with equal keys are the same (rule P17).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    name: &'static str,
    payload: TypeId,
    latest: bool,
}
