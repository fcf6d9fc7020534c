# The commands people type here. CI types the same ones: `just ci` is all of it.

# list the recipes
default:
    @just --list

# what a newcomer types; needs no system library
test *args:
    cargo test {{ args }}

# everything, as CI does it; or some steps of it: `just ci lint pollers`
ci *steps:
    bash .ci/run {{ steps }}

fmt:
    cargo fmt --all

# format check, clippy for every feature set, rustdoc; a warning is an error
lint:
    bash .ci/lint

# the longest files and functions, beside the models'
lengths:
    cargo test -q -p tests --test house -- --nocapture lengths

doc:
    cargo doc --no-deps --workspace --open

# ratios, not rates: our benches beside their peers in one run
bench *args:
    cargo run --release -p evbench -- {{ args }}

# `just example fetch https://example.com/`
example name *args:
    cargo run --release --example {{ name }} -- {{ args }}

# licences, bans, advisories (needs cargo-deny and a network)
deny:
    cargo deny check
