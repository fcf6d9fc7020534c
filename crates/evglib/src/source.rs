//! The one `GSource`, by GLib's C interface: the `glib` crate has no safe way
//! to make one that may recurse, and a nested main loop is exactly that. What
//! a turn is, and when one is due, lives in `guest.rs`.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint, c_void};
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;

use glib::ffi;
use glib::thread_guard::ThreadGuard;
use glib::translate::{IntoGlib, from_glib_full};
use glib::{MainContext, Priority};

use crate::guest::{Guest, PRIORITY, Sleep};

/// A source in its context. Dropping it takes it out.
pub(crate) struct Source(glib::Source);

/// GLib allocates it, knows its first field, and frees it.
#[repr(C)]
struct Raw {
    base: ffi::GSource,
    tag: *mut c_void,
    priority: c_int,
    /// Boxed; GLib may let go of a source on a thread that must not touch it.
    guest: *mut ThreadGuard<Rc<Guest>>,
}

static FUNCS: Funcs = Funcs(ffi::GSourceFuncs {
    prepare: Some(prepare),
    check: Some(check),
    dispatch: Some(dispatch),
    finalize: Some(finalize),
    closure_callback: None,
    closure_marshal: None,
});

struct Funcs(ffi::GSourceFuncs);

// SAFETY: four pointers to functions and two nulls; GLib only reads them.
unsafe impl Sync for Funcs {}

impl Source {
    pub(crate) fn attach(
        guest: Rc<Guest>,
        fd: BorrowedFd<'_>,
        main: &MainContext,
        priority: Priority,
    ) -> Source {
        let guest = Box::into_raw(Box::new(ThreadGuard::new(guest)));
        let funcs = (&raw const FUNCS.0).cast_mut();
        // SAFETY: the size is that of `Raw`, whose first field is a GSource, so GLib's
        // memory holds a `Raw`; all fields of ours are written before anybody reads
        // them. `funcs` lives for ever and is not written to. The descriptor stays
        // open while it is watched: `Source` lies in the reactor, which drops it
        // before it closes the descriptor.
        let source: glib::Source = unsafe {
            let base = ffi::g_source_new(funcs, size_of::<Raw>() as c_uint);
            let raw = base.cast::<Raw>();
            (*raw).guest = guest;
            (*raw).priority = priority.into_glib();
            (*raw).tag = ffi::g_source_add_unix_fd(base, fd.as_raw_fd(), ffi::G_IO_IN);
            ffi::g_source_set_name(base, c"evcore".as_ptr());
            ffi::g_source_set_can_recurse(base, ffi::GTRUE);
            ffi::g_source_set_priority(base, priority.into_glib());
            from_glib_full(base)
        };
        source.attach(Some(main));
        Source(source)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.destroy(); // allowed inside the source's own dispatch
    }
}

/// The guest, unless the context is run by a thread that is not the reactor's:
/// then the source sleeps.
///
/// SAFETY: `source` has to be one of ours, and not finalized.
unsafe fn guest(source: *mut ffi::GSource) -> Option<Rc<Guest>> {
    // SAFETY: as demanded; the box is freed by `finalize` alone.
    let guard = unsafe { &*(*source.cast::<Raw>()).guest };
    guard.is_owner().then(|| guard.get_ref().clone())
}

// SAFETY: only GLib calls it, with a source made of `FUNCS`.
unsafe extern "C" fn prepare(source: *mut ffi::GSource, timeout: *mut c_int) -> ffi::gboolean {
    // SAFETY: GLib calls it with our source, and a place for the timeout.
    let (guest, timeout) = unsafe { (guest(source), &mut *timeout) };
    let sleep = guest.map_or(Sleep::UntilReadable, |guest| guest.sleep());
    // Rounded up: a turn before the deadline would find nothing to do.
    *timeout = match sleep {
        Sleep::NotAtAll => 0,
        Sleep::For(left) => left
            .as_nanos()
            .div_ceil(1_000_000)
            .try_into()
            .unwrap_or(c_int::MAX),
        Sleep::UntilReadable => -1,
    };
    ffi::gboolean::from(*timeout == 0)
}

// SAFETY: only GLib calls it, with a source made of `FUNCS`.
unsafe extern "C" fn check(source: *mut ffi::GSource) -> ffi::gboolean {
    // SAFETY: GLib calls it with our source; the tag is the one it gave for it.
    let (guest, readable) = unsafe {
        let tag = (*source.cast::<Raw>()).tag;
        (guest(source), ffi::g_source_query_unix_fd(source, tag) != 0)
    };
    let due = |guest: Rc<Guest>| readable || matches!(guest.sleep(), Sleep::NotAtAll);
    ffi::gboolean::from(guest.is_some_and(due))
}

// SAFETY: only GLib calls it, with a source made of `FUNCS`.
unsafe extern "C" fn dispatch(
    source: *mut ffi::GSource,
    _: ffi::GSourceFunc,
    _: ffi::gpointer,
) -> ffi::gboolean {
    // SAFETY: GLib calls it with our source and holds a reference meanwhile.
    let (guest, wanted) = unsafe { (guest(source), (*source.cast::<Raw>()).priority) };
    let Some(more) = guest.and_then(|guest| guest.turn()) else {
        return ffi::G_SOURCE_REMOVE;
    };
    let priority = if more { wanted.max(PRIORITY) } else { wanted };
    // SAFETY: the reference GLib holds keeps the source, destroyed or not.
    unsafe {
        if ffi::g_source_get_priority(source) != priority {
            ffi::g_source_set_priority(source, priority);
        }
    }
    ffi::G_SOURCE_CONTINUE
}

// SAFETY: only GLib calls it, with a source made of `FUNCS`.
unsafe extern "C" fn finalize(source: *mut ffi::GSource) {
    // SAFETY: GLib calls it once, at the end; the box came from `Box::into_raw`.
    let guard = unsafe { Box::from_raw((*source.cast::<Raw>()).guest) };
    if !guard.is_owner() {
        // The reactor's thread has ended without letting go, or another one
        // destroyed the context: counts that are not atomic stay untouched.
        std::mem::forget(guard);
    }
}
