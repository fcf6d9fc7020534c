//! Unix signals: the only thing a signal does at once is to write a byte into
//! a socket pair; the reactor reads it in its own time.

use std::future::poll_fn;
use std::io;
use std::os::unix::net::UnixStream as StdStream;

use signal_hook::SigId;
use signal_hook::consts::FORBIDDEN;
pub use signal_hook::consts::signal::{
    SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
};
use signal_hook::low_level;

use crate::net::UnixStream;
use crate::{Error, Event, Promise};

/// Tells each signal that [`signals`] listens for, by its number.
pub const SIGNAL: Event<i32> = Event::new("signal");

/// Promises the next signal of this number. It listens from this call on.
///
/// Rejected for signals that can't be caught (`SIGKILL`, `SIGSTOP`) or that
/// report a fault of the program (`SIGSEGV`, `SIGILL`, `SIGFPE`).
///
/// ```
/// use evcore::signal::{SIGUSR1, signal};
///
/// let asked = signal(SIGUSR1).timeout(evcore::ms(1));
/// assert!(evcore::run(asked).is_err()); // nobody has sent it
/// ```
#[track_caller]
pub fn signal(number: i32) -> Promise<i32> {
    first(number, |number| number)
}

/// Listens for signals of this number from this call on, and tells each as
/// [`SIGNAL`], until the promise is cancelled. It is never resolved. Signals
/// that come faster than they are handled may be told as one: the system
/// merges them too.
///
/// ```
/// use evcore::signal::{SIGHUP, SIGNAL, signals};
///
/// let reloading = signals(SIGHUP).on(SIGNAL, |_| println!("reload"));
/// reloading.cancel();
/// ```
#[track_caller]
pub fn signals(number: i32) -> Promise<()> {
    let listening = Listening::start(number);
    crate::spawn_with(move |emitter| async move {
        let listening = listening.map_err(|error| failed(number, error))?;
        loop {
            listening.told().await?;
            emitter.emit(SIGNAL, number);
        }
    })
}

#[track_caller]
pub(super) fn first<T: 'static>(number: i32, make: fn(i32) -> T) -> Promise<T> {
    let listening = Listening::start(number);
    crate::spawn(async move {
        let listening = listening.map_err(|error| failed(number, error))?;
        listening.told().await?;
        Ok(make(number))
    })
}

fn failed(number: i32, error: io::Error) -> Error {
    Error::from(error).during(format!("listen for signal {number}"))
}

/// Our end of the pair, and the note to the system to write into the other.
struct Listening {
    ours: UnixStream,
    id: SigId,
}

impl Listening {
    fn start(number: i32) -> io::Result<Listening> {
        if FORBIDDEN.contains(&number) {
            let text = "this signal can't be listened for";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let (ours, theirs) = StdStream::pair()?;
        let ours = UnixStream::from_std(ours)?;
        let id = low_level::pipe::register(number, theirs)?;
        Ok(Listening { ours, id })
    }

    async fn told(&self) -> io::Result<()> {
        let mut bytes = [0; 64];
        poll_fn(|cx| self.ours.poll_read(cx, &mut bytes)).await?;
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        low_level::unregister(self.id);
    }
}
