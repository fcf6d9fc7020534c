//! The documents whose Rust is compiled and run: one item each, so that a failing sample is named by its
//! document. Nothing else lives here; the lib of this package takes it in when doctests are built.

macro_rules! documents {
    ($($name:ident $path:literal)*) => {
        $(
            #[doc = include_str!($path)]
            mod $name {}
        )*
    };
}

documents! {
    readme "../README.md"
    contributing "../CONTRIBUTING.md"
    architecture "../docs/ARCHITECTURE.md"
    promises "../docs/promises.md"
    events "../docs/events.md"
    hosting "../docs/hosting.md"
    dns "../docs/dns.md"
    http "../docs/http.md"
    coming_from "../docs/coming-from.md"
    errors "../docs/errors.md"
    testing "../docs/testing.md"
    performance "../docs/performance.md"
}
