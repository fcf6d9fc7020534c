//! evcore as a guest in somebody else's loop, here the barest there is: a
//! hand-written `poll(2)` loop with ticks of its own. Nothing in it is
//! particular to this program: a toolkit's loop does the same three things,
//! watch a descriptor, keep a deadline, and turn.

#[cfg(unix)]
pub(crate) mod host {
    use std::cell::Cell;
    use std::io::{self, Read};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::rc::Rc;
    use std::time::{Duration, Instant};

    use evcore::{Promise, Reactor, Turned, ms, sleep, spawn};
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    /// How often the host does something of its own.
    pub(crate) const TICK: Duration = Duration::from_millis(20);

    /// The host: it owns the thread, the loop and the clock it goes by.
    pub(crate) struct Host {
        /// The host's own source: something it had before evcore came.
        input: UnixStream,
        guest: Reactor,
        /// What the guest's last turn told.
        turned: Turned,
        turned_at: Instant,
        /// Set by the guest's hook: work was queued outside a turn.
        asked: Rc<Cell<bool>>,
        next_tick: Instant,
        pub(crate) ticks: u32,
        pub(crate) turns: u32,
    }

    impl Host {
        pub(crate) fn new(input: UnixStream, guest: Reactor) -> Host {
            let now = Instant::now();
            Host {
                input,
                guest,
                turned: Turned {
                    more: true,
                    next: None,
                },
                turned_at: now,
                asked: Rc::default(),
                next_tick: now + TICK,
                ticks: 0,
                turns: 0,
            }
        }

        /// Has the guest ask for turns by a call. A host can do without: then
        /// the guest's descriptor becomes readable instead, at the price of a
        /// system call each time.
        pub(crate) fn with_hook(self) -> Host {
            let asked = self.asked.clone();
            self.guest.on_wake(move || asked.set(true));
            self
        }

        /// How long the host may sleep: until its own next tick, or the
        /// guest's next deadline, or not at all.
        pub(crate) fn timeout(&self) -> Duration {
            if self.turned.more || self.asked.get() {
                return Duration::ZERO;
            }
            let own = self.next_tick.saturating_duration_since(Instant::now());
            let guests = self
                .turned
                .next
                .map(|next| (self.turned_at + next).saturating_duration_since(Instant::now()));
            guests.map_or(own, |guests| own.min(guests))
        }

        /// One round of the host's loop.
        pub(crate) fn round(&mut self) -> io::Result<()> {
            let timeout = Timespec::try_from(self.timeout()).expect("a tick is short");
            let guest = self
                .guest
                .as_fd()
                .ok_or_else(|| io::Error::other("this poller has no descriptor to watch"))?;
            let mut watched = [
                PollFd::from_borrowed_fd(self.input.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(guest, PollFlags::IN),
            ];
            poll(&mut watched, Some(&timeout))?;
            let [input, guest] = watched.map(|fd| !fd.revents().is_empty());
            if input {
                self.read_input()?;
            }
            if Instant::now() >= self.next_tick {
                self.tick();
            }
            // Turning when there is nothing to do is cheap and harmless; not
            // turning when there is would be neither.
            let due = self
                .turned
                .next
                .is_some_and(|next| self.turned_at.elapsed() >= next);
            if guest || due || self.turned.more || self.asked.replace(false) {
                self.turned = self.guest.turn(Duration::ZERO);
                self.turned_at = Instant::now();
                self.turns += 1;
            }
            Ok(())
        }

        fn tick(&mut self) {
            self.ticks += 1;
            self.next_tick += TICK;
            println!("host: tick {}", self.ticks);
        }

        fn read_input(&mut self) -> io::Result<()> {
            let mut bytes = [0; 64];
            let n = self.input.read(&mut bytes)?;
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            println!("host: read {text:?}");
            // The guest's work may be begun from any of the host's callbacks.
            Promise::ready(text).then(|text| println!("guest: was given {text:?}"));
            Ok(())
        }
    }

    pub(crate) fn main() -> evcore::Result<()> {
        let reactor = Reactor::current();
        let (mut typing, input) = UnixStream::pair()?;
        let mut host = Host::new(input, reactor.clone()).with_hook();

        sleep(ms(30)).then(|_| println!("guest: slept 30 ms"));
        let remote = reactor.remote();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(ms(50));
            remote.post(|| println!("guest: news from another thread"))
        });
        let done = spawn(async move {
            sleep(ms(70)).await?;
            io::Write::write_all(&mut typing, b"hello")?;
            sleep(ms(25)).await?;
            println!("guest: that was all");
            Ok(())
        });

        while !done.is_settled() {
            host.round()?;
        }
        assert!(thread.join().is_ok_and(|posted| posted));
        Ok(())
    }
}

#[cfg(unix)]
fn main() -> evcore::Result<()> {
    host::main()
}

#[cfg(not(unix))]
fn main() {
    println!("poll(2) is Unix's");
}
