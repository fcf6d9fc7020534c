//! One turn, in named steps, and the end of a reactor: choose a timeout,
//! wait, collect, deliver, report (rule P22). Delivering itself is `turn.rs`.

use std::rc::Rc;
use std::time::Duration;

use super::core::Core;
use super::{Turned, current};
use crate::error::{Error, Kind, Result};
use crate::inbox::Post;
use crate::promise::state;
use crate::sleep::Alarm;
use crate::source::Direction;
use crate::sys::{Ready, Wait};
use crate::task::Task;
use crate::turn::{self, Entry};

impl Core {
    /// Turns until `done`, or until that can't come.
    pub(super) fn turn_until(self: &Rc<Self>, done: impl Fn() -> bool) -> Result<()> {
        while !done() {
            if self.closed.get() {
                return Err(Kind::Closed.into());
            }
            if self.is_idle() {
                return Err(Kind::Idle.into());
            }
            turn(self, None);
            if let Some(error) = self.hooks.take_wait_error() {
                return Err(Error::from(error).during("waiting for events"));
            }
        }
        Ok(())
    }

    /// Nothing is left that could ever settle a promise.
    fn is_idle(&self) -> bool {
        !self.queue.has_work()
            && self.timers.borrow().is_empty()
            && self.sources.borrow().is_empty()
            && !self.inbox.is_filled()
            && !self.inbox.has_remotes()
            && !self
                .tasks
                .borrow()
                .iter()
                .any(|(_, task)| task.waker_escaped())
    }

    /// How long the wait of this turn may be.
    fn choose_timeout(&self, asked: Option<Duration>) -> Option<Duration> {
        if self.queue.has_work() || self.queue.has_reports() {
            return Some(Duration::ZERO);
        }
        if asked.is_some_and(|asked| asked.is_zero()) {
            return asked;
        }
        match (asked, self.next_timer()) {
            (Some(asked), Some(next)) => Some(asked.min(next)),
            (asked, next) => asked.or(next),
        }
    }

    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let next = self.timers.borrow_mut().next_deadline()?;
        Some(next.saturating_duration_since(self.world.now()))
    }

    fn wait(&self, timeout: Option<Duration>) {
        let filled = self.inbox.fall_asleep();
        let timeout = if filled {
            Some(Duration::ZERO)
        } else {
            timeout
        };
        let may_leap = !self.inbox.has_remotes();
        let mut ready = self.ready.take();
        if let Err(error) = self.world.wait(Wait { timeout, may_leap }, &mut ready) {
            self.hooks.note_wait_error(error);
        }
        self.inbox.wake_up();
        self.ready.replace(ready);
    }

    /// Moves what has happened outside into the queue. Runs nobody's code.
    fn collect(self: &Rc<Self>, young: u64) {
        if self.inbox.is_filled() {
            self.collect_posts();
        }
        let due = |now| self.timers.borrow_mut().pop_due(now, young);
        if !self.timers.borrow().is_empty() {
            let now = self.world.now();
            while let Some(alarm) = due(now) {
                alarm.ring(self, now);
            }
        }
        let mut ready = self.ready.take();
        for told in ready.drain(..) {
            self.mark(told);
        }
        self.ready.replace(ready);
    }

    fn collect_posts(self: &Rc<Self>) {
        let posts = self.posts.borrow();
        let Some(posts) = &*posts else { return };
        self.inbox.take(posts, |post| match post {
            Post::Call(f) => self.queue.push(Entry::Call(f, None)),
            Post::Wake(token) => self.schedule(token),
        });
    }

    /// Wakes those who waited for what the outside told.
    fn mark(self: &Rc<Self>, told: Ready) {
        let token = told.token;
        if told.hangup {
            self.sources.borrow_mut().mark_hangup(token);
        }
        let mark = |direction| {
            let waiting = self.sources.borrow_mut().mark(token, direction);
            if let Some(wakeup) = waiting {
                self.wake(wakeup);
            }
        };
        if told.readable {
            mark(Direction::Read);
        }
        if told.writable {
            mark(Direction::Write);
        }
    }

    /// Does what must not wait for a turn that may never come. It is users'
    /// code, so it counts as inside one (rule P31).
    pub(super) fn finish_run(self: &Rc<Self>) {
        self.depth.set(self.depth.get() + 1);
        turn::clean_up(self);
        turn::report(self);
        self.depth.set(self.depth.get() - 1);
        // A host did not see these turns: timers made in them and posts left
        // over are news to it.
        let timed = !self.timers.borrow().is_empty();
        if timed || self.inbox.is_filled() || self.queue.has_work() || self.queue.has_reports() {
            self.nudge_host();
        }
    }

    /// Lets go of all that is queued, of a closed reactor.
    pub(super) fn empty(self: &Rc<Self>) {
        self.depth.set(self.depth.get() + 1);
        let hosting = self.hosting.replace(false);
        current::enter(self);
        turn::empty(self);
        current::leave(self);
        self.hosting.set(hosting);
        self.depth.set(self.depth.get() - 1);
    }
}

/// One turn, for a host: what it needs to know to come back in time.
pub(super) fn turn_once(core: &Rc<Core>, timeout: Option<Duration>) -> Turned {
    turn(core, timeout);
    let filled = core.inbox.is_filled();
    let more = filled || core.queue.has_work() || core.queue.has_reports();
    let next = core.next_timer();
    match core.closed.get() {
        true => Turned {
            more: false,
            next: None,
        },
        false => Turned { more, next },
    }
}

fn turn(core: &Rc<Core>, timeout: Option<Duration>) {
    if core.closed.get() {
        return;
    }
    core.depth.set(core.depth.get() + 1);
    core.hosting.set(false);
    current::enter(core);
    turn::clean_up(core);
    let young = core.timers.borrow().sequence();
    let timeout = core.choose_timeout(timeout);
    core.wait(timeout);
    core.collect(young);
    turn::deliver(core);
    turn::clean_up(core);
    turn::report(core);
    current::leave(core);
    core.depth.set(core.depth.get() - 1);
    core.hosting.set(core.depth.get() > 0);
    if core.closed.get() {
        // Closed by one of the callbacks: what came after it goes too.
        core.empty();
    }
    core.hooks.turned();
    core.inbox.fall_asleep();
}

/// Cancels all that is pending: takes it out and drops it, in loops; no
/// callback runs (rule P29).
pub(super) fn close(core: &Rc<Core>) {
    if core.closed.replace(true) {
        return;
    }
    core.depth.set(core.depth.get() + 1);
    core.hosting.set(false);
    // What users' drops make meanwhile is this reactor's, and closed.
    current::enter(core);
    core.inbox.close();
    if let Some(posts) = core.posts.take() {
        while let Ok(post) = posts.try_recv() {
            turn::bury(core, post);
        }
        // Somebody may just have looked whether it was closed.
        turn::bury(core, posts);
    }
    loop {
        let tasks: Vec<Task> = core.tasks.borrow_mut().drain().collect();
        let alarms = core.timers.borrow_mut().drain();
        let pending = core.pending();
        let done = tasks.is_empty() && alarms.is_empty() && pending.is_empty();
        // All are cancelled before the first closure goes: a resolver in one
        // of them must not reject a promise that is next to be cancelled.
        turn::bury_after(core, || {
            tasks.into_iter().for_each(Task::stop);
            alarms.into_iter().for_each(Alarm::stop);
            pending.into_iter().for_each(state::cancel);
        });
        turn::empty(core);
        let locals = core.locals.take();
        turn::bury(core, locals);
        if done && !core.queue.has_work() {
            break;
        }
    }
    turn::report(core);
    let hook = core.on_unhandled.take();
    turn::bury(core, hook);
    core.hooks.clear(core);
    current::leave(core);
    core.depth.set(core.depth.get() - 1);
}
