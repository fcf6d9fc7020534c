//! evhttp.
