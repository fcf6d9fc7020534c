//! Attaching a reactor and letting it go; what is done when GLib asks. How
//! GLib asks, its C interface, lives in `source.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use evcore::Reactor;
use evcore::reactor::WeakReactor;
use glib::{MainContext, Priority};

use crate::source::Source;

/// The priority of a source that is not told another, as a number for
/// [`Priority::from`]: just below GTK's painting (`GDK_PRIORITY_REDRAW`, 120).
pub const PRIORITY: i32 = 121;

/// What GLib's source knows of its reactor. It does not keep it open.
pub(crate) struct Guest {
    reactor: WeakReactor,
    /// A turn is due, whatever the descriptor says.
    due: Cell<bool>,
    deadline: Cell<Option<Instant>>,
    longest: Cell<Duration>,
}

/// What GLib is told before it sleeps.
pub(crate) enum Sleep {
    NotAtAll,
    For(Duration),
    UntilReadable,
}

impl Guest {
    /// How long GLib may sleep.
    pub(crate) fn sleep(&self) -> Sleep {
        if self.due.get() {
            return Sleep::NotAtAll;
        }
        let Some(deadline) = self.deadline.get() else {
            return Sleep::UntilReadable;
        };
        // The reactor's own clock: it may not be the real one.
        let now = self.reactor.upgrade().map(|reactor| reactor.now());
        match now.map(|now| deadline.saturating_duration_since(now)) {
            None | Some(Duration::ZERO) => Sleep::NotAtAll,
            Some(left) => Sleep::For(left),
        }
    }

    /// One turn. True if it ended with work left; `None` once the reactor has
    /// closed.
    pub(crate) fn turn(&self) -> Option<bool> {
        let reactor = self.reactor.upgrade()?;
        // A loop that a callback runs inside this turn has to turn on at once:
        // nothing will become readable for what is in the queue already.
        self.due.set(true);
        let began = reactor.now();
        let turned = reactor.turn(Duration::ZERO);
        let now = reactor.now();
        self.longest
            .set(self.longest.get().max(now.saturating_duration_since(began)));
        self.due.set(turned.more);
        self.deadline.set(turned.next.map(|next| now + next));
        Some(turned.more)
    }
}

/// The reactor's place for its source: it goes when the reactor closes, and
/// before the descriptor does.
type Seat = RefCell<Option<Rc<Source>>>;

/// A reactor's place in a GLib main context; see [`attach()`].
///
/// Dropping it changes nothing: the reactor stays attached until
/// [`detach`](Attachment::detach) is called or it closes.
#[derive(Clone)]
pub struct Attachment {
    reactor: WeakReactor,
    source: Weak<Source>,
    guest: Weak<Guest>,
}

impl Attachment {
    /// Takes the reactor out of the context. It may be called from anywhere
    /// on the reactor's thread, callbacks included: the turn under way is then
    /// the last. What is pending stays so, and goes on when the reactor is
    /// attached again or turned otherwise. Does nothing the second time, or
    /// if the reactor has been attached anew since.
    pub fn detach(&self) {
        let (Some(reactor), true) = (self.reactor.upgrade(), self.is_attached()) else {
            return;
        };
        reactor.on_wake(|| ());
        let source = reactor.local(Seat::default).take();
        drop(source);
    }

    /// The longest time a turn has held the loop since this was last asked,
    /// callbacks included: where to look when a window stutters. Zero if there
    /// was none, or the reactor is not attached any more.
    pub fn take_longest_turn(&self) -> Duration {
        let guest = self.guest.upgrade();
        guest.map_or(Duration::ZERO, |guest| guest.longest.take())
    }

    /// Whether the reactor is turned by the context.
    pub fn is_attached(&self) -> bool {
        self.source.strong_count() > 0
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("reactor", &self.reactor)
            .field("attached", &self.is_attached())
            .finish()
    }
}

/// Has the current reactor turned by this thread's main context: its
/// thread-default one, which in a GTK program's main thread is the one GTK
/// runs. See [`attach_to`] for the rest.
///
/// ```
/// let attachment = evglib::attach();
/// let job = evcore::sleep(evcore::ms(1)).then(|_| 3);
/// while !job.is_settled() {
///     glib::MainContext::default().iteration(true);
/// }
/// attachment.detach();
/// ```
///
/// # Panics
/// Where [`attach_to`] fails: the context belongs to another thread.
#[track_caller]
pub fn attach() -> Attachment {
    let main = MainContext::ref_thread_default();
    let attached = attach_to(&Reactor::current(), &main, PRIORITY.into());
    attached.unwrap_or_else(|error| panic!("evglib::attach: {error}"))
}

/// Has `reactor` turned by `main`, at `priority`.
///
/// A reactor is attached once at most: attaching it again moves it. It is no
/// reason for the reactor to stay open; when its last handle is dropped it
/// leaves the context. It uses [`Reactor::on_wake`], so nothing else should.
///
/// ```
/// use evcore::Reactor;
/// use glib::{MainContext, Priority};
///
/// let (reactor, context) = (Reactor::new()?, MainContext::new());
/// evglib::attach_to(&reactor, &context, Priority::DEFAULT)?;
/// let entered = reactor.enter();
/// let job = evcore::sleep(evcore::ms(1)).then(|_| 3);
/// while !job.is_settled() {
///     context.iteration(true);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if another thread owns the context: promises
/// live on one thread. [`io::ErrorKind::Unsupported`] if the reactor's poller
/// has no descriptor, or the reactor has closed.
pub fn attach_to(
    reactor: &Reactor,
    main: &MainContext,
    priority: Priority,
) -> io::Result<Attachment> {
    let ours = main.acquire().map_err(|_| {
        let text = "the main context belongs to another thread";
        io::Error::new(io::ErrorKind::WouldBlock, text)
    });
    let _ours = ours?;
    let fd = reactor.as_fd().ok_or_else(|| {
        let text = "this reactor has no descriptor to watch";
        io::Error::new(io::ErrorKind::Unsupported, text)
    })?;
    let guest = Rc::new(Guest {
        reactor: reactor.downgrade(),
        due: Cell::new(true), // what came up before is waiting
        deadline: Cell::new(None),
        longest: Cell::default(),
    });
    let (told, seen) = (guest.clone(), Rc::downgrade(&guest));
    reactor.on_wake(move || told.due.set(true));
    let source = Rc::new(Source::attach(guest, fd, main, priority));
    let attachment = Attachment {
        reactor: reactor.downgrade(),
        source: Rc::downgrade(&source),
        guest: seen,
    };
    let old = reactor.local(Seat::default).replace(Some(source));
    drop(old);
    Ok(attachment)
}
