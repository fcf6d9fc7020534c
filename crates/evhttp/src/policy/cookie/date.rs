//! The dates of cookies (RFC 6265bis §5.1.1): anything that has a time, a day,
//! a month and a year in it.

use std::time::Duration;

/// Time since 1970; a moment before that is 1970 itself.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let delimiter = |c: char| !c.is_ascii_alphanumeric() && c != ':' && c.is_ascii();
    for token in text.split(delimiter).filter(|token| !token.is_empty()) {
        if time.is_none() && clock(token).is_some() {
            time = clock(token);
        } else if day.is_none() && number(token, 1, 2).is_some() {
            day = number(token, 1, 2);
        } else if month.is_none() && month_of(token).is_some() {
            month = month_of(token);
        } else if year.is_none() {
            year = number(token, 2, 4);
        }
    }
    let (day, month, second) = (day?, month?, time?);
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let length = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=length).contains(&day) || year < 1601 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + second as i64;
    Some(Duration::from_secs(seconds.max(0) as u64))
}

/// Leading digits, so many at least and at most, and then no other digit.
fn number(token: &str, least: usize, most: usize) -> Option<u64> {
    let end = token
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(token.len());
    (least..=most)
        .contains(&end)
        .then(|| token[..end].parse().ok())?
}

/// Seconds of `h:m:s`.
fn clock(token: &str) -> Option<u64> {
    let mut parts = token.splitn(3, ':');
    let mut next = || number(parts.next()?, 1, 2);
    let (hour, minute, second) = (next()?, next()?, next()?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3_600 + minute * 60 + second)
}

fn month_of(token: &str) -> Option<u64> {
    const NAMES: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
    let name = token.get(..3)?.to_ascii_lowercase();
    let place = NAMES.find(&name).filter(|place| place % 3 == 0)?;
    Some(place as u64 / 3 + 1)
}

/// Days since 1970 by the Gregorian calendar, in years that begin with March.
fn days(year: u64, month: u64, day: u64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leaps = year / 4 - year / 100 + year / 400;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    (365 * year + leaps + day_of_year) as i64 - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_in_all_the_ways_servers_write_them() {
        let table = [
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(1_445_412_480)),
            ("Wednesday, 21-Oct-15 07:28:00 GMT", Some(1_445_412_480)),
            ("Wed Oct 21 07:28:00 2015", Some(1_445_412_480)),
            ("21/oct/2015 7:28:0", Some(1_445_412_480)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Mon, 01 Jan 1900 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 00:00:00 GMT", Some(1_709_164_800)),
            ("Wed, 29 Feb 2023 00:00:00 GMT", None),
            ("Wed, 31 Apr 2023 00:00:00 GMT", None),
            ("Wed, 21 Oct 2015", None),
            ("Wed, 21 Oct 2015 24:00:00 GMT", None),
            ("21 Okt 2015 07:28:00", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).map(|at| at.as_secs()), expected, "{text}");
        }
    }
}
