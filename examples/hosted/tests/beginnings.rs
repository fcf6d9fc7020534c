//! Whatever a host's own code begins between two turns is done although nothing
//! else wakes the host: in the examples' own loops. (GLib's and winit's are in
//! `tests/guests`, poll(2)'s in `tests/hosted.rs`.)

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use evcore::Reactor;

#[path = "../../../tests/hosted/beginnings.rs"]
mod beginnings;
#[expect(dead_code, reason = "its `main` is a program of its own")]
#[path = "../calloop.rs"]
mod calloop_host;
#[expect(dead_code, reason = "its `main` is a program of its own")]
#[path = "../sdl.rs"]
mod sdl_host;
#[expect(dead_code, reason = "its `main` is a program of its own")]
#[path = "../tokio.rs"]
mod tokio_host;

use beginnings::BEGINNINGS;

const PATIENCE: Duration = Duration::from_secs(20);

/// Has each begun, then `round` called until it is done.
fn each_is_done(mut round: impl FnMut()) {
    for begin in BEGINNINGS {
        let done = Rc::new(Cell::new(false));
        begin(done.clone());
        while !done.get() {
            round();
        }
    }
}

#[test]
fn calloop() {
    let mut host = calloop_host::Host::new(Reactor::current()).unwrap();
    // Ends the test if the loop sleeps although something is to be done.
    let alarm = calloop::timer::Timer::from_duration(PATIENCE);
    let ring = |_, _: &mut (), _: &mut evcore::Turned| panic!("it never came");
    host.event_loop.handle().insert_source(alarm, ring).unwrap();
    host.round().unwrap(); // whatever is over from the beginning
    each_is_done(|| host.round().unwrap());
}

#[test]
fn tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let _hosting = tokio::task::spawn_local(tokio_host::host(Reactor::current()));
        for (n, begin) in BEGINNINGS.into_iter().enumerate() {
            tokio::time::sleep(Duration::from_millis(5)).await; // the guest's task is asleep
            let done = Rc::new(Cell::new(false));
            begin(done.clone());
            // Yielding wakes this task and no other.
            let seen = async {
                while !done.get() {
                    tokio::task::yield_now().await;
                }
            };
            let seen = tokio::time::timeout(PATIENCE, seen).await;
            assert!(seen.is_ok(), "number {n} never came");
        }
    });
}

#[test]
fn sdl() {
    let sdl = sdl2::init().unwrap(); // its events need no screen
    let mut pump = sdl.event_pump().unwrap();
    let guest = sdl_host::attach(&sdl.event().unwrap()).unwrap();
    each_is_done(|| {
        let event = pump.wait_event_timeout(PATIENCE.as_millis() as u32);
        if event.expect("it came in time").is_user_event() {
            guest.turn();
        }
    });
}
