//! The thirty-one rules of simple promises, one group to a file; each test
//! carries its rule's number. Here lies the stage they all play on: a reactor
//! with a clock moved by hand, a log, and the errors nobody looked at. No
//! test of another subject lives here.

#[path = "rules/ending.rs"]
mod ending;
#[path = "rules/endless.rs"]
mod endless;
#[path = "rules/events.rs"]
mod events;
#[path = "rules/failing.rs"]
mod failing;
#[path = "rules/settling.rs"]
mod settling;
#[path = "rules/stage.rs"]
mod stage;
#[path = "rules/stopping.rs"]
mod stopping;
#[path = "rules/turning.rs"]
mod turning;
#[path = "rules/world.rs"]
mod world;
