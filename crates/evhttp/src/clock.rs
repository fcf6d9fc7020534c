//! The calendar's time, for what peers are told and what they said. Durations and deadlines go by the
//! reactor's clock instead.

use std::time::{Duration, SystemTime};

use http::HeaderValue;

/// The Date field of a message made now (RFC 9110 §6.6.1).
pub(crate) fn date() -> HeaderValue {
    let text = httpdate::fmt_http_date(SystemTime::now());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// Time since 1970; zero on a machine that believes to be older.
pub(crate) fn unix() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default()
}
