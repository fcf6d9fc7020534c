//! The calendar's time, for Date fields. Durations and deadlines go by the
//! reactor's clock instead.

use std::time::SystemTime;

use http::HeaderValue;

/// The Date field of a message made now (RFC 9110 §6.6.1).
pub(crate) fn date() -> HeaderValue {
    let text = httpdate::fmt_http_date(SystemTime::now());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}
