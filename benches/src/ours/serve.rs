//! Our server, as in the README.

use crate::peer::parent::end_with_stdin;
use evcore::{Promise, Result, run};

pub(crate) fn serve() -> Result<(), String> {
    let serving = async {
        let server = evhttp::serve("127.0.0.1:0", |_| "Hello, world!")?;
        println!("{}", server.local_addr().port());
        end_with_stdin();
        // For ever: the server serves as long as it is held.
        let (served, _resolver) = Promise::<()>::pending();
        served.await
    };
    run::<_, ()>(serving).map_err(|error| error.to_string())
}
