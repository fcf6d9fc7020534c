//! evglib in bare main contexts, without a window: attaching, letting go,
//! nested loops, threads, and that nothing spins or starves.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use evcore::{Promise, Reactor, defer, ms, secs, sleep, spawn};
use glib::{ControlFlow, MainContext, MainLoop, Priority};

#[path = "../hosted/beginnings.rs"]
mod beginnings;

use beginnings::BEGINNINGS;

const PATIENCE: Duration = secs(20);

/// A context of its own with a reactor of its own in it, which is current.
struct House {
    context: MainContext,
    guest: Reactor,
    attachment: evglib::Attachment,
    _entered: evcore::reactor::Entered,
}

impl House {
    fn new() -> House {
        House::at(evglib::PRIORITY.into())
    }

    fn at(priority: Priority) -> House {
        let (context, guest) = (MainContext::new(), Reactor::new().unwrap());
        let attachment = evglib::attach_to(&guest, &context, priority).unwrap();
        let house = House {
            context,
            _entered: guest.enter(),
            guest,
            attachment,
        };
        while house.context.iteration(false) {} // whatever is due from the beginning
        house
    }

    /// Iterates until `done`; how many iterations that took.
    fn iterate_until(&self, done: impl Fn() -> bool) -> u32 {
        iterate_until(&self.context, done)
    }
}

#[track_caller]
fn iterate_until(context: &MainContext, done: impl Fn() -> bool) -> u32 {
    let (began, mut iterations) = (Instant::now(), 0);
    let alarm = timer(context, Priority::HIGH, PATIENCE, || ());
    while !done() {
        assert!(began.elapsed() < PATIENCE, "it never came");
        context.iteration(true);
        iterations += 1;
    }
    alarm.destroy();
    iterations
}

/// Something of the host's own, at the given priority.
fn timer(
    context: &MainContext,
    priority: Priority,
    period: Duration,
    f: impl Fn() + 'static,
) -> glib::Source {
    let f = glib::thread_guard::ThreadGuard::new(f);
    let source = glib::timeout_source_new(period, None, priority, move || {
        f.get_ref()();
        ControlFlow::Continue
    });
    source.attach(Some(context));
    source
}

type Lines = Rc<RefCell<Vec<String>>>;

fn note(lines: &Lines, line: &str) -> impl FnOnce() + use<> {
    let (lines, line) = (lines.clone(), line.to_string());
    move || lines.borrow_mut().push(line)
}

#[test]
fn what_is_begun_between_iterations_is_done_in_the_next() {
    let house = House::new();
    for (n, begin) in BEGINNINGS.into_iter().enumerate() {
        let done = Rc::new(Cell::new(false));
        begin(done.clone());
        // Never blocks: it must not need anything else to happen.
        (0..3).for_each(|_| _ = house.context.iteration(false));
        assert!(done.get(), "number {n}");
    }
}

#[test]
fn a_sleep_costs_one_wake_up_and_is_not_early() {
    let house = House::new();
    let far = sleep(secs(100));
    house.context.iteration(false);
    let began = Instant::now();
    let near = sleep(ms(150));
    let iterations = house.iterate_until(|| near.is_settled());
    assert!(began.elapsed() >= ms(150));
    assert!(iterations <= 3, "{iterations} iterations for one sleep");
    assert!(!far.is_settled());
}

#[test]
fn an_idle_guest_wakes_nobody() {
    let house = House::new();
    let _server = evhttp::serve("127.0.0.1:0", |_| "hello").unwrap();
    let far = sleep(secs(100));
    house.context.iteration(false);
    let over = Rc::new(Cell::new(false));
    let told = over.clone();
    let end = timer(&house.context, Priority::DEFAULT, ms(700), move || {
        told.set(true)
    });
    let iterations = house.iterate_until(|| over.get());
    assert!(
        iterations <= 2,
        "{iterations} iterations in 0.7 idle seconds"
    );
    end.destroy();
    drop(far);
}

#[test]
fn a_post_from_another_thread_ends_the_contexts_sleep() {
    let house = House::new();
    let remote = house.guest.remote();
    let (told, heard) = std::sync::mpsc::channel();
    let posting = std::thread::spawn(move || {
        std::thread::sleep(ms(30));
        remote.post(move || told.send(3).unwrap())
    });
    house.iterate_until(|| heard.try_recv() == Ok(3));
    assert!(posting.join().unwrap());
}

#[test]
fn attaching_twice_moves_the_reactor() {
    let house = House::new();
    let again = evglib::attach_to(&house.guest, &house.context, Priority::DEFAULT).unwrap();
    assert!(again.is_attached() && !house.attachment.is_attached());
    house.attachment.detach(); // it has lost its say
    assert!(again.is_attached());
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    let once = sleep(ms(1)).then(move |()| counted.set(counted.get() + 1));
    house.iterate_until(|| once.is_settled());
    assert_eq!(count.get(), 1);

    let elsewhere = MainContext::new();
    let moved = evglib::attach_to(&house.guest, &elsewhere, Priority::DEFAULT).unwrap();
    assert!(moved.is_attached() && !again.is_attached());
    let job = sleep(ms(1));
    while house.context.iteration(false) {}
    iterate_until(&elsewhere, || job.is_settled());
}

#[test]
fn detaching_inside_a_callback_ends_it_with_that_turn() {
    let house = House::new();
    let attachment = house.attachment.clone();
    let server = evhttp::serve("127.0.0.1:0", |_| "hello").unwrap();
    let left = Promise::ready(()).then(move |()| attachment.detach());
    let page = evhttp::fetch(format!("http://{}/", server.local_addr()));
    house.iterate_until(|| left.is_settled());
    assert!(!house.attachment.is_attached());
    std::thread::sleep(ms(20)); // whatever would come has come
    while house.context.iteration(false) {}
    assert!(!page.is_settled(), "nobody turns it any more");
    evglib::attach_to(&house.guest, &house.context, Priority::DEFAULT).unwrap();
    house.iterate_until(|| page.is_settled());
    assert_eq!(page.peek().unwrap().unwrap().text().unwrap(), "hello");
}

#[test]
fn a_reactor_dropped_while_attached_leaves_the_context() {
    let context = MainContext::new();
    let guest = Reactor::new().unwrap();
    let attachment = evglib::attach_to(&guest, &context, Priority::DEFAULT).unwrap();
    let entered = guest.enter();
    let far = sleep(secs(100));
    drop(entered);
    drop(guest);
    assert!(!attachment.is_attached());
    assert!(far.is_settled(), "closed");
    attachment.detach();
    // A descriptor of the same number must not be watched in its stead.
    let (mut typing, _input) = std::os::unix::net::UnixStream::pair().unwrap();
    std::io::Write::write_all(&mut typing, b"x").unwrap();
    assert!(!context.iteration(false));
}

#[test]
fn a_reactor_may_be_dropped_by_its_own_callback() {
    let context = MainContext::new();
    let guest = Reactor::new().unwrap();
    let attachment = evglib::attach_to(&guest, &context, Priority::DEFAULT).unwrap();
    let closed = Rc::new(Cell::new(false));
    let entered = guest.enter();
    let kept = Rc::new(RefCell::new(None));
    let (taken, told) = (kept.clone(), closed.clone());
    Promise::ready(()).then(move |()| {
        taken.take();
        told.set(true);
    });
    drop(entered);
    kept.replace(Some(guest));
    iterate_until(&context, || closed.get());
    while context.iteration(false) {}
    assert!(!attachment.is_attached());
}

#[test]
fn a_dialog_inside_a_then_keeps_everything_going() {
    let house = House::new();
    let server = evhttp::serve("127.0.0.1:0", |_| sleep(ms(5)).then(|_| "hello")).unwrap();
    let url = format!("http://{}/", server.local_addr());
    let lines = Lines::default();
    let (context, inside) = (house.context.clone(), lines.clone());

    let opened = Promise::ready(());
    opened.then(move |()| {
        note(&inside, "dialog opens")();
        let dialog = MainLoop::new(Some(&context), false);
        let pages = (0..3).map(|n| {
            let line = note(&inside, &format!("page {n}"));
            evhttp::fetch(&url).then(move |page| {
                line();
                page.text().unwrap().to_string()
            })
        });
        let close = dialog.clone();
        let awaited = spawn({
            let (pages, line) = (Promise::all(pages), note(&inside, "awaited"));
            async move {
                assert_eq!(pages.await?, ["hello"; 3]);
                line();
                Ok(())
            }
        });
        awaited.then(move |()| close.quit());
        dialog.run();
        assert!(awaited.is_settled());
        note(&inside, "dialog closes")();
    });
    opened.then({
        let line = note(&lines, "next callback");
        move |()| line()
    });
    house.iterate_until(|| {
        lines
            .borrow()
            .last()
            .is_some_and(|line| line == "dialog closes")
    });
    let lines = lines.borrow();
    assert_eq!(lines[..2], ["dialog opens", "next callback"]);
    assert_eq!(lines[5..], ["awaited", "dialog closes"]);
    let mut pages = lines[2..5].to_vec();
    pages.sort();
    assert_eq!(pages, ["page 0", "page 1", "page 2"]);
}

/// A click inside the dialog, at a time when its loop has nothing to do.
#[test]
fn what_the_dialogs_own_code_begins_starts_at_once() {
    let house = House::new();
    let (context, done) = (house.context.clone(), Rc::new(Cell::new(false)));
    let told = done.clone();
    Promise::ready(()).then(move |()| {
        let dialog = MainLoop::new(Some(&context), false);
        let close = dialog.clone();
        let click = timer(&context, Priority::DEFAULT, ms(50), move || {
            let close = close.clone();
            Promise::ready(()).then(move |()| close.quit());
        });
        let began = Instant::now();
        let far = timer(&context, Priority::DEFAULT, PATIENCE, || ());
        dialog.run();
        click.destroy();
        far.destroy();
        assert!(began.elapsed() < PATIENCE / 2);
        told.set(true);
    });
    house.iterate_until(|| done.get());
}

#[test]
fn a_context_may_belong_to_another_thread() {
    let theirs = std::thread::spawn(|| {
        let context = MainContext::new();
        context
            .with_thread_default(|| {
                let attachment = evglib::attach();
                let server = evhttp::serve("127.0.0.1:0", |_| "hello").unwrap();
                let page = evhttp::fetch(format!("http://{}/", server.local_addr()));
                iterate_until(&MainContext::ref_thread_default(), || page.is_settled());
                assert!(attachment.is_attached());
                page.peek().unwrap().unwrap().text().unwrap().to_string()
            })
            .unwrap()
        // The thread's own reactor ends with it, attached as it is.
    });
    assert_eq!(theirs.join().unwrap(), "hello");
}

#[test]
fn another_threads_context_is_refused() {
    let context = MainContext::new();
    let _ours = context.acquire().unwrap();
    let theirs = context.clone();
    let refused = std::thread::spawn(move || {
        let attached = evglib::attach_to(&Reactor::current(), &theirs, Priority::DEFAULT);
        attached.map(|_| ()).unwrap_err()
    });
    let error = refused.join().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
}

/// GTK paints at 120. Whatever the priority asked for, a reactor that never
/// runs out of work leaves room for that.
#[test]
fn a_busy_reactor_does_not_starve_painting() {
    for priority in [0, 110, evglib::PRIORITY] {
        let house = House::at(priority.into());
        let painted = Rc::new(Cell::new(0));
        let counted = painted.clone();
        let painting = timer(&house.context, 120.into(), ms(16), move || {
            counted.set(counted.get() + 1)
        });
        let turns = Rc::new(Cell::new(0u64));
        busy(turns.clone());
        house.iterate_until(|| painted.get() == 30);
        assert!(turns.get() > 10_000, "it was busy: {}", turns.get());
        painting.destroy();
    }
}

fn busy(count: Rc<Cell<u64>>) {
    count.set(count.get() + 1);
    defer(move || busy(count));
}
