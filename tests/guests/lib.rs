//! Tests of evcore as a guest in other libraries' loops; each file beside this
//! one is a test of its own. Nothing is shared but the bed.
