//! actix-web with one worker on this thread's core.

use crate::peer::parent::end_with_stdin;
use actix_web::{App, HttpServer, web};
use std::io;

pub(crate) fn serve() -> Result<(), String> {
    let run = || -> io::Result<()> {
        actix_web::rt::System::new().block_on(async {
            let app = || App::new().route("/", web::get().to(|| async { "Hello, world!" }));
            let server = HttpServer::new(app)
                .workers(1)
                .disable_signals()
                .bind(("127.0.0.1", 0))?;
            let address = server.addrs().first().copied();
            println!("{}", address.map_or(0, |address| address.port()));
            end_with_stdin();
            server.run().await
        })
    };
    run().map_err(|error| error.to_string())
}
