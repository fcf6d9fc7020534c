//! c-ares: a program of its own, for building it takes cmake, which nobody else here needs.

use crate::area::How;

pub(crate) const PROGRAM: How = How::Build {
    dependencies: "c-ares = { version = \"13\", features = [\"vendored\", \"build-cmake\"] }\n\
                   mio = { version = \"1\", features = [\"os-poll\", \"os-ext\"] }\n\
                   rustix = { version = \"1\", features = [\"time\"] }",
    source: include_str!("dns_cares/main.rs"),
};
