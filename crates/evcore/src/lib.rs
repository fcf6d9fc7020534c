//! evcore.
