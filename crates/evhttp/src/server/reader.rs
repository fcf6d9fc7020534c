//! Who waits for more of a request's body. That may be a coroutine beside the conversation, and a socket wakes only one: so
//! what wakes one of the two wakes the other as well.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

/// The reader of one connection's bodies.
#[derive(Default)]
pub(super) struct Reader {
    waits: Cell<Waits>,
    /// How to wake the conversation, once a request with a body has come.
    conversation: OnceCell<Waker>,
    /// How to wake the reader, if that is somebody else. Taken out and put back: wakers may be somebody's code.
    apart: Cell<Option<Waker>>,
}

/// Who waits.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Waits {
    #[default]
    Nobody,
    /// The conversation itself.
    Inside,
    Apart,
}

impl Reader {
    /// A body begins, in a conversation that is polled with `cx`.
    pub(super) fn begin(&self, cx: &Context<'_>) {
        self.conversation.get_or_init(|| cx.waker().clone());
    }

    /// Who polls with `cx` waits for more; true if nobody has waited before.
    pub(super) fn wait(&self, cx: &Context<'_>) -> bool {
        let conversation = self.conversation.get();
        let inside = conversation.is_some_and(|waker| waker.will_wake(cx.waker()));
        let (waits, apart) = match inside {
            true => (Waits::Inside, None),
            false => (Waits::Apart, Some(cx.waker().clone())),
        };
        self.apart.set(apart);
        self.waits.replace(waits) == Waits::Nobody
    }

    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.waits.get() != Waits::Nobody
    }

    /// Nobody waits any more.
    pub(super) fn rest(&self) {
        self.waits.set(Waits::Nobody);
        self.apart.set(None);
    }

    /// There is no more to be had: who waits for it is told to look.
    #[inline]
    pub(super) fn let_go(&self) {
        if self.is_waiting() {
            self.waits.set(Waits::Nobody);
            self.apart.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Has `poll` wait for both, conversation and reader, if these are two: for all that is waited for while a body may be.
    #[inline]
    pub(super) fn both<T>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        match self.join() {
            None => poll(cx),
            Some(both) => poll(&mut Context::from_waker(&both)),
        }
    }

    /// Wakes the two of them.
    fn join(&self) -> Option<Waker> {
        let (conversation, reader) = (self.conversation.get()?, self.apart.take()?);
        let both = Both(conversation.clone(), reader.clone());
        self.apart.set(Some(reader));
        Some(Waker::from(Arc::new(both)))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.let_go();
    }
}

struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
        self.1.wake_by_ref();
    }
}
