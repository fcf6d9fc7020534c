//! evcore as a guest in a GLib main context, and so in GTK's own loop: no
//! second loop, no thread, no channel.
//!
//! ```
//! let context = glib::MainContext::default();
//! let main_loop = glib::MainLoop::new(Some(&context), false);
//! evglib::attach(); // evcore turns inside this thread's context from now on
//!
//! evcore::sleep(evcore::ms(1)).then({
//!     let main_loop = main_loop.clone();
//!     move |_| main_loop.quit()
//! });
//! main_loop.run();
//! ```
//!
//! [`attach()`] does for nearly every program; [`attach_to`] chooses reactor,
//! context and priority. Callbacks, listeners and coroutines run when the
//! context dispatches, on its thread, so they may touch widgets.
//!
//! One `GSource` watches the reactor's descriptor and keeps its next deadline.
//! It makes no system call of its own, and none at all while nothing happens.
//!
//! A promise is awaited in GLib's executor like any other future:
//!
//! ```
//! evglib::attach();
//! let job = glib::spawn_future_local(async { evcore::sleep(evcore::ms(1)).then(|_| 3).await });
//! let three = glib::MainContext::default().block_on(job).expect("it was not aborted")?;
//! assert_eq!(three, 3);
//! # Ok::<(), evcore::Error>(())
//! ```
//!
//! **Priority.** GLib dispatches only the sources of the highest priority
//! that is ready. GTK paints at 120; whatever has work all the time above
//! that, if only a little at a time, stops painting altogether. [`PRIORITY`]
//! is therefore just below. A source attached above keeps its place for what
//! is short, and goes below painting while a turn has left work undone.
//! Sources of lower priority still, idle ones at 200 among them, get their
//! turn whenever the reactor has none.
//!
//! **A turn's limit** is evcore's (see `evcore::limits`): after it the
//! context looks at its other sources again.

mod guest;
mod source;

pub use guest::{Attachment, PRIORITY, attach, attach_to};
