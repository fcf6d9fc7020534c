//! A client behind JSON lines, for judges that are written in any language: a request a line on standard input, an answer a line on standard output, in
//! the order in which they come. No behaviour of its own lives here: what a line asks for is said to evhttp, and what evhttp says is written.

mod curl_terms;

mod driver {
    pub(crate) mod lines;
    pub(crate) mod options;
}

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::rc::Rc;

use driver::lines;
use driver::options::Options;
use evcore::{Promise, Result, blocking, run, spawn};

/// curl's: something on the command line is wrong, or not built in.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => return end(USAGE, &why.to_string()),
    };
    match run(serve(Rc::new(options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(1, &error.to_string()),
    }
}

fn end(code: u8, why: &str) -> ExitCode {
    eprintln!("driver: {why}");
    ExitCode::from(code)
}

/// Answers until the input ends, and then all that is still under way.
async fn serve(options: Rc<Options>) -> Result<()> {
    let mut calls: Vec<Promise<()>> = Vec::new();
    while let Some(line) = blocking(next_line).await?? {
        calls.retain(|call| !call.is_settled());
        let options = options.clone();
        calls.push(spawn(async move { answer(&options, &line).await }));
    }
    Promise::all(calls).await.map(drop)
}

/// The next line that says something. Bytes that are no text come as such that are no JSON.
fn next_line() -> std::result::Result<Option<String>, String> {
    let mut line = Vec::new();
    while line.trim_ascii().is_empty() {
        line.clear();
        let read = std::io::stdin().lock().read_until(b'\n', &mut line);
        if read.map_err(|error| format!("standard input: {error}"))? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

/// One request, one line.
async fn answer(options: &Options, line: &str) -> Result<()> {
    let asked = lines::asked(line);
    let told =
        match asked.and_then(|asked| options.request(&asked).map(|request| (asked.id, request))) {
            Ok((id, request)) => match request.send().await {
                Ok(page) => lines::answered(&id, &page, options.tells_course)?,
                Err(error) => lines::failed(&id, &error.to_string()),
            },
            Err(wrong) => lines::failed(&wrong.id, &wrong.why),
        };
    Ok(writeln!(std::io::stdout(), "{told}")?)
}
