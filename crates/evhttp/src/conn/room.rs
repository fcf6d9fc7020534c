//! Room for one more connection: waited for in the queue, held as long as
//! the connection lives. Which connection goes where is the keeper's matter.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::drive::Connection;
use super::origin::Origin;
use super::queue::{Full, Heir, Queue};

/// The places of a client's connections.
pub(crate) struct Room {
    queue: RefCell<Queue<Origin, Rc<Slot>>>,
}

/// What somebody who waits is given.
pub(crate) enum Grant {
    /// A connection that has become free.
    Kept(Box<Connection>),
    /// The right to open one.
    Open(Permit),
}

/// Where it is put for him.
#[derive(Default)]
struct Slot {
    grant: RefCell<Option<Grant>>,
    waker: RefCell<Option<Waker>>,
}

/// A place, taken until this is dropped: by a connection, or by who dials.
pub(crate) struct Permit {
    room: Rc<Room>,
    origin: Origin,
}

impl Room {
    pub(crate) fn new(per_origin: usize, in_all: usize) -> Rc<Room> {
        let queue = RefCell::new(Queue::new(per_origin, in_all));
        Rc::new(Room { queue })
    }

    /// A place at once, or why there is none.
    pub(crate) fn open(self: &Rc<Room>, origin: &Origin) -> Result<Permit, Full> {
        self.queue.borrow_mut().open(origin)?;
        Ok(self.permit(origin.clone()))
    }

    /// Waits for a place, or for a connection to `origin` that becomes free.
    pub(crate) fn wait(self: &Rc<Room>, origin: &Origin) -> Waiting {
        let slot = Rc::new(Slot::default());
        let ticket = self.queue.borrow_mut().join(origin, slot.clone());
        Waiting {
            room: self.clone(),
            origin: origin.clone(),
            slot,
            ticket,
        }
    }

    /// Hands a free connection to who has a claim to it. Given back if it is
    /// to be kept; closed if somebody else needs its place.
    pub(crate) fn pass_on(
        &self,
        origin: &Origin,
        connection: Box<Connection>,
    ) -> Option<Box<Connection>> {
        if !self.queue.borrow().is_waited_for() {
            return Some(connection);
        }
        let heir = self.queue.borrow_mut().heir(origin);
        match heir {
            Heir::Nobody => return Some(connection),
            Heir::Takes(slot) => slot.put(Grant::Kept(connection)),
            Heir::WantsRoom => drop(connection),
        }
        None
    }

    fn permit(self: &Rc<Room>, origin: Origin) -> Permit {
        let room = self.clone();
        Permit { room, origin }
    }
}

impl Drop for Permit {
    /// The place goes to who has waited longest for one like it.
    fn drop(&mut self) {
        let next = {
            let mut queue = self.room.queue.borrow_mut();
            queue.close(&self.origin);
            queue.admit()
        };
        if let Some((origin, slot)) = next {
            slot.put(Grant::Open(self.room.permit(origin)));
        }
    }
}

impl Slot {
    fn put(&self, grant: Grant) {
        *self.grant.borrow_mut() = Some(grant);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A place in the queue. Dropped, it is given up at once, and what was
/// granted meanwhile goes to the next.
pub(crate) struct Waiting {
    room: Rc<Room>,
    origin: Origin,
    slot: Rc<Slot>,
    ticket: u64,
}

impl Future for Waiting {
    type Output = Grant;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Grant> {
        let grant = self.slot.grant.take();
        if grant.is_none() {
            *self.slot.waker.borrow_mut() = Some(cx.waker().clone());
        }
        grant.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let left = self
            .room
            .queue
            .borrow_mut()
            .leave(&self.origin, self.ticket);
        drop(left);
    }
}
