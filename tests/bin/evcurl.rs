//! curl's everyday options on evhttp, for scripts and judges that were written for curl. No behaviour of its own lives here: an option becomes a call of
//! evhttp's public face, or is refused with the reason why there is none.

mod curl_terms;

mod evcurl {
    pub(crate) mod command;
    pub(crate) mod content;
    pub(crate) mod exit;
    pub(crate) mod options;
    pub(crate) mod output;
    pub(crate) mod report;
    pub(crate) mod setup;
    pub(crate) mod transfer;
}

use std::process::ExitCode;
use std::rc::Rc;

use evcore::run;
use evcurl::command::Command;
use evcurl::exit::Ending;
use evcurl::setup::Session;
use evcurl::transfer;

fn main() -> ExitCode {
    let command = match Command::read(std::env::args().skip(1)) {
        Ok(command) => Rc::new(command),
        Err(ending) => return complain(&ending, true),
    };
    if command.version {
        println!("evcurl {} (evhttp)", env!("CARGO_PKG_VERSION"));
        println!("Protocols: http https");
        println!("Features: brotli HTTPS-proxy IDN IPv6 libz PSL SSL UnixSockets zstd");
        return ExitCode::SUCCESS;
    }
    let mut last = ExitCode::SUCCESS;
    let session = match Session::open(&command) {
        Ok(session) => Rc::new(session),
        Err(ending) => return complain(&ending, command.complains()),
    };
    for number in 0..command.urls.len() {
        // As curl: one goes on after a failure, and the last transfer's code is the program's.
        last = match run(transfer::carry_out(
            command.clone(),
            session.clone(),
            number,
        )) {
            Ok(Ok(())) => ExitCode::SUCCESS,
            Ok(Err(ending)) => complain(&ending, command.complains()),
            Err(error) => complain(&Ending::of(&error), command.complains()),
        };
    }
    match session.close(&command) {
        Ok(()) => last,
        Err(ending) => complain(&ending, command.complains()),
    }
}

fn complain(ending: &Ending, aloud: bool) -> ExitCode {
    if aloud {
        eprintln!("{ending}");
    }
    ExitCode::from(ending.code)
}
