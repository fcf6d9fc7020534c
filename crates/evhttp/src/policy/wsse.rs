//! The UsernameToken of WSSE, as Atom servers and httplib2 have it. The time
//! and the nonce are given.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::calendar;

/// The X-WSSE field. `now` is the time since 1970.
pub(crate) fn token(name: &str, password: &str, nonce: &str, now: Duration) -> String {
    let created = timestamp(now.as_secs());
    let digest = Sha1::digest(format!("{nonce}{created}{password}"));
    let digest = STANDARD.encode(digest);
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "UsernameToken Username=\"{name}\", PasswordDigest=\"{digest}\", Nonce=\"{nonce}\", Created=\"{created}\""
    )
}

/// RFC 3339, in seconds and UTC.
fn timestamp(unix: u64) -> String {
    let (days, second) = (unix / 86_400, unix % 86_400);
    let (year, month, day) = calendar::civil(days);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z",
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ];
        for (unix, expected) in table {
            assert_eq!(timestamp(unix), expected);
        }
    }

    /// Computed by Python's hashlib.
    #[test]
    fn the_digest_is_the_one_others_compute() {
        let token = token(
            "joe",
            "password",
            "d36e316282959a9ed4c89851497a717f",
            Duration::from_secs(1_156_183_080),
        );
        assert!(
            token.contains("Created=\"2006-08-21T17:58:00Z\""),
            "{token}"
        );
        assert!(
            token.contains("PasswordDigest=\"5nm5LcImzTDpam7VHhs+1r0nK1c=\""),
            "{token}"
        );
    }
}
