//! The application with a reactor beside it: turns when winit has nothing
//! more to tell, and sees to it that winit sleeps no longer than it may. Who
//! waits meanwhile is evcore's `WaitingThread`, or lives in `pump.rs`.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use evcore::Reactor;
use evcore::reactor::WaitingThread;
use winit::application::ApplicationHandler;
use winit::event::{DeviceEvent, DeviceId, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoopProxy};
use winit::window::WindowId;

/// An application and the reactor that turns in its loop: hand it to
/// `EventLoop::run_app` in the application's stead. A thread waits for what the
/// reactor waits for; where there is `run`, that needs none. It ends when the
/// event loop exits, or when this is dropped.
///
/// ```no_run
/// # struct App;
/// # impl winit::application::ApplicationHandler for App {
/// #     fn resumed(&mut self, _: &winit::event_loop::ActiveEventLoop) {}
/// #     fn window_event(&mut self, _: &winit::event_loop::ActiveEventLoop, _: winit::window::WindowId, _: winit::event::WindowEvent) {}
/// # }
/// let event_loop = winit::event_loop::EventLoop::new()?;
/// let mut hosted = evwinit::Hosted::new(App, event_loop.create_proxy(), || ())?;
/// event_loop.run_app(&mut hosted)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Hosted<A> {
    app: A,
    pub(crate) reactor: Reactor,
    /// A turn is due, whatever the descriptor says.
    pub(crate) due: Rc<Cell<bool>>,
    /// What the application wants, while ours is set.
    theirs: Option<ControlFlow>,
    /// What the two want together: winit was asked for it at the end of a round.
    pub(crate) wanted: ControlFlow,
    /// winit has told something since this was last looked at.
    pub(crate) told: Cell<bool>,
    waiting: Option<WaitingThread>,
}

impl<A> Hosted<A> {
    /// `app` with the current reactor. `event` makes what `proxy` is to send
    /// when a turn is due: the application gets it as a `user_event` and need
    /// not do anything about it.
    ///
    /// # Errors
    /// Those of [`WaitingThread::start`].
    pub fn new<T: Send + 'static>(
        app: A,
        proxy: EventLoopProxy<T>,
        event: impl Fn() -> T + Send + Sync + 'static,
    ) -> io::Result<Hosted<A>> {
        let mut hosted = Hosted::alone(app);
        let proxy = Mutex::new(proxy); // not `Sync` on every system
        let wake = move || {
            let proxy = proxy.lock().unwrap_or_else(PoisonError::into_inner);
            // Fails only when the loop is over: nobody needs waking then.
            let _ = proxy.send_event(event());
        };
        hosted.waiting = Some(WaitingThread::start(&hosted.reactor, wake)?);
        Ok(hosted)
    }

    /// The application again.
    pub fn into_inner(self) -> A {
        self.app
    }

    /// Without a thread: whoever runs it waits for the descriptor.
    pub(crate) fn alone(app: A) -> Hosted<A> {
        let (reactor, due) = (Reactor::current(), Rc::new(Cell::new(true)));
        let told = due.clone();
        reactor.on_wake(move || told.set(true));
        Hosted {
            app,
            reactor,
            due,
            theirs: None,
            wanted: ControlFlow::Poll,
            told: Cell::new(false),
            waiting: None,
        }
    }

    /// One turn; when the next one is due, as far as is known.
    fn turn(&self) -> Option<Instant> {
        self.due.set(false);
        let turned = self.reactor.turn(Duration::ZERO);
        if turned.more {
            self.due.set(true);
        }
        turned.next.map(|next| self.reactor.now() + next)
    }

    /// How long winit may sleep: what the application wants, or less.
    fn sooner(&self, theirs: ControlFlow, deadline: Option<Instant>) -> ControlFlow {
        match (theirs, deadline) {
            _ if self.due.get() => ControlFlow::Poll,
            (ControlFlow::Wait, Some(ours)) => ControlFlow::WaitUntil(ours),
            (ControlFlow::WaitUntil(theirs), Some(ours)) => {
                ControlFlow::WaitUntil(theirs.min(ours))
            }
            (theirs, _) => theirs,
        }
    }
}

impl<T: 'static, A: ApplicationHandler<T>> ApplicationHandler<T> for Hosted<A> {
    fn new_events(&mut self, event_loop: &ActiveEventLoop, cause: StartCause) {
        if let Some(theirs) = self.theirs.take() {
            event_loop.set_control_flow(theirs);
        }
        self.app.new_events(event_loop, cause);
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        if let Some(waiting) = &self.waiting {
            // The thread knows the deadline, and calls for each turn.
            if waiting.is_due() {
                waiting.turn();
            }
            return self.app.about_to_wait(event_loop);
        }
        let deadline = self.turn();
        self.app.about_to_wait(event_loop);
        let theirs = event_loop.control_flow();
        self.theirs = Some(theirs);
        self.wanted = self.sooner(theirs, deadline);
        event_loop.set_control_flow(self.wanted);
    }

    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        self.told.set(true);
        self.app.resumed(event_loop);
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, event: T) {
        self.told.set(true);
        self.app.user_event(event_loop, event);
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        self.told.set(true);
        self.app.window_event(event_loop, id, event);
    }

    fn device_event(&mut self, event_loop: &ActiveEventLoop, id: DeviceId, event: DeviceEvent) {
        self.told.set(true);
        self.app.device_event(event_loop, id, event);
    }

    fn suspended(&mut self, event_loop: &ActiveEventLoop) {
        self.app.suspended(event_loop);
    }

    fn exiting(&mut self, event_loop: &ActiveEventLoop) {
        self.waiting = None; // its thread has ended when this returns
        self.app.exiting(event_loop);
    }

    fn memory_warning(&mut self, event_loop: &ActiveEventLoop) {
        self.app.memory_warning(event_loop);
    }
}
