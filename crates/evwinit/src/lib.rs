//! evcore as a guest of winit's event loop, and so of egui's (eframe) and of
//! whatever else is an [`ApplicationHandler`].
//!
//! ```no_run
//! # struct App;
//! # impl winit::application::ApplicationHandler for App {
//! #     fn resumed(&mut self, _: &winit::event_loop::ActiveEventLoop) {}
//! #     fn window_event(&mut self, _: &winit::event_loop::ActiveEventLoop, _: winit::window::WindowId, _: winit::event::WindowEvent) {}
//! # }
//! let event_loop = winit::event_loop::EventLoop::new()?;
//! evwinit::run(event_loop, App)?; // instead of `event_loop.run_app(&mut app)`
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! winit can't watch a descriptor for others. There are two ways around that:
//!
//! - [`run`] (X11, Wayland): winit's own loop has a descriptor there. We wait
//!   for both and let winit catch up. One thread; a wake-up costs one more
//!   `poll(2)` and one or two empty rounds of winit's loop.
//! - [`Hosted`] (wherever winit runs): winit keeps its loop, and a thread of
//!   evcore's waits ([`WaitingThread`]). It does nothing else: no callback
//!   runs there. It wakes winit by its proxy, once, and sleeps until the turn
//!   is over. A wake-up costs two changes of thread; rounds of winit's loop
//!   that are not for us cost nothing.
//!
//! Either way callbacks run on winit's thread, at the end of a round of its
//! loop, before the application's own `about_to_wait`. The application's
//! `ControlFlow` is respected: `run` wakes earlier when a timer of ours is due,
//! and makes a system call each round; `Hosted` does not touch it.

mod hosted;
#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
mod pump;

#[cfg(doc)]
use evcore::reactor::WaitingThread;
#[cfg(doc)]
use winit::application::ApplicationHandler;

pub use hosted::Hosted;
#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
pub use pump::run;
