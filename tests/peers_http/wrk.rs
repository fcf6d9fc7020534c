//! wrk's load on our server: not one complaint.

use std::time::Duration;

use bed::TempDir;
use bed::command::{run, wrk};

use crate::serving;

#[test]
fn wrk_has_no_complaint() {
    let (_server, url) = serving();
    for connections in [1, 64, 500] {
        let load = wrk(&url, connections, 2);
        println!(
            "{:.0} requests a second at {connections} connections",
            load.rate
        );
        assert!(
            load.requests > 100 && load.errors == 0 && load.refused == 0,
            "{}",
            load.text
        );
    }
}

#[test]
fn wrk_pipelines_without_complaint() {
    let (_server, url) = serving();
    let dir = TempDir::new("wrk");
    let script = "init = function(args)\n local one = wrk.format()\n all = string.rep(one, 16)\nend\nrequest = function() return all end\n";
    std::fs::write(dir.join("pipeline.lua"), script).unwrap();
    let path = dir.join("pipeline.lua").display().to_string();
    let arguments = ["-t1", "-c64", "-d2s", "-s", &path, &url];
    let text = run("wrk", &arguments, Duration::from_secs(30))
        .success()
        .text();
    println!("{text}");
    assert!(text.contains("Requests/sec"), "{text}");
    assert!(
        !text.contains("Socket errors") && !text.contains("Non-2xx"),
        "{text}"
    );
}
