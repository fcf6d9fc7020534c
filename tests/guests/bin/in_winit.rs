//! evwinit without a window. Each round trip begins in the host's code, outside a turn, and nothing else wakes
//! winit until it is over: a beginning that is overlooked hangs, and whoever started this notices.
//!
//!     in_winit run            evwinit::run
//!     in_winit threaded       evwinit::Hosted, several times over

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use evcore::{Promise, Reactor, ms, sleep};
use winit::application::ApplicationHandler;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoop, EventLoopProxy};
use winit::platform::run_on_demand::EventLoopExtRunOnDemand;
use winit::window::WindowId;

#[path = "../../hosted/beginnings.rs"]
mod beginnings;

use beginnings::BEGINNINGS;

type Anything = Box<dyn std::error::Error>;

/// What the proxy sends: the host's own events, and those that only wake.
enum Told {
    Begin(usize),
    TurnDue,
}

/// Begins one thing after the other, then exits.
struct App {
    proxy: EventLoopProxy<Told>,
    begun: usize,
    done: Rc<Cell<bool>>,
}

impl App {
    fn new(event_loop: &EventLoop<Told>) -> App {
        let proxy = event_loop.create_proxy();
        let (begun, done) = (0, Rc::default());
        App { proxy, begun, done }
    }

    fn next(&self) {
        let event = Told::Begin(self.begun);
        assert!(self.proxy.send_event(event).is_ok(), "the loop is there");
    }
}

impl ApplicationHandler<Told> for App {
    fn resumed(&mut self, _: &ActiveEventLoop) {
        self.next();
    }

    fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, _: WindowEvent) {}

    fn user_event(&mut self, _: &ActiveEventLoop, event: Told) {
        if let Told::Begin(n) = event {
            BEGINNINGS[n](self.done.clone());
        }
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        if !self.done.replace(false) {
            return;
        }
        self.begun += 1;
        if self.begun == BEGINNINGS.len() {
            println!("begun {}", self.begun);
            event_loop.exit();
        } else {
            self.next();
        }
    }
}

fn main() -> Result<(), Anything> {
    match std::env::args().nth(1).as_deref() {
        Some("run") => run(),
        Some("threaded") => threaded(),
        _ => Err("run or threaded".into()),
    }
}

fn run() -> Result<(), Anything> {
    let event_loop = EventLoop::with_user_event().build()?;
    let before = threads()?;
    let app = App::new(&event_loop);
    let nap = sleep(ms(20)); // from before; it is over before all are done, or goes on afterwards
    evwinit::run(event_loop, app)?;
    println!("threads {before} then {}", threads()?);
    evcore::run(nap)?;
    Ok(())
}

fn threaded() -> Result<(), Anything> {
    let mut event_loop = EventLoop::with_user_event().build()?;
    let before = threads()?;
    // Attached again when the loop has ended: the same reactor, a new thread.
    for _ in 0..3 {
        let app = App::new(&event_loop);
        let mut hosted = evwinit::Hosted::new(app, event_loop.create_proxy(), || Told::TurnDue)?;
        println!("hosted by {} more", threads()? - before);
        event_loop.run_app_on_demand(&mut hosted)?;
        println!("threads {before} then {}", threads()?);
    }
    replaced_inside_a_callback(&event_loop)?;
    println!("threads {before} then {}", threads()?);
    Ok(())
}

/// Letting go while the reactor turns, and while a page is on its way.
fn replaced_inside_a_callback(event_loop: &EventLoop<Told>) -> Result<(), Anything> {
    let server = evhttp::serve("127.0.0.1:0", |_| sleep(ms(5)).then(|()| "hello"))?;
    let page = evhttp::fetch(format!("http://{}/", server.local_addr()));
    let hosted = || {
        let app = App::new(event_loop);
        evwinit::Hosted::new(app, event_loop.create_proxy(), || Told::TurnDue)
    };
    let (first, second) = (hosted()?, hosted()?); // twice: the later has its say
    let dropped = Promise::ready(()).then(move |()| drop(first));
    let began = Instant::now();
    while !(dropped.is_settled() && page.is_settled()) {
        assert!(began.elapsed() < Duration::from_secs(20), "it never came");
        Reactor::current().turn(ms(100));
    }
    drop(second);
    let page = page.peek().expect("settled").expect("a page");
    println!("page {}", page.text()?);
    Ok(())
}

/// How many this process has.
fn threads() -> std::io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}
