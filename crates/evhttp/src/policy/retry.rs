//! Whether a failed call is tried once more, and when (RFC 9110 §9.2.2,
//! §10.2.3). Pure: the time and chance are arguments.

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};

use crate::error::Phase;
use crate::limits::{RETRY_AFTER, RETRY_BUDGET, RETRY_FIRST, RETRY_LONGEST, RETRY_ORIGINS};

/// What came of an attempt.
pub(crate) enum Outcome<'a> {
    /// Nothing: it failed in this step, in a way that may pass. A bad
    /// certificate does not.
    Failed(Phase),
    /// A response.
    Answered(StatusCode, &'a HeaderMap),
}

/// How long to wait before the next attempt; `None` if there is none.
/// `tried`: attempts before this one. `chance`: anything.
pub(crate) fn wait(
    method: &Method,
    outcome: &Outcome<'_>,
    tried: u32,
    now: Duration,
    chance: u64,
) -> Option<Duration> {
    let jittered = backoff(tried, chance);
    match outcome {
        // Until something was sent, anything may be sent again.
        Outcome::Failed(Phase::Resolve | Phase::Connect | Phase::Secure) => Some(jittered),
        Outcome::Failed(Phase::Send | Phase::Head) if method.is_idempotent() => Some(jittered),
        Outcome::Failed(_) => None,
        Outcome::Answered(status, headers) => {
            // 429 and 503 say that nothing was done; the others may not.
            let undone = matches!(status.as_u16(), 429 | 503);
            let passing = undone || matches!(status.as_u16(), 408 | 502 | 504);
            if !passing || !(undone || method.is_idempotent()) {
                return None;
            }
            match headers.get(header::RETRY_AFTER) {
                None => Some(jittered),
                Some(after) => {
                    let after = retry_after(after.to_str().ok()?, now)?;
                    (after <= RETRY_AFTER).then_some(after.max(jittered))
                }
            }
        }
    }
}

/// Twice as long each time, and somewhere between nothing and that: calls
/// that failed together must not come back together.
fn backoff(tried: u32, chance: u64) -> Duration {
    let longest = RETRY_FIRST
        .saturating_mul(1 << tried.min(16))
        .min(RETRY_LONGEST);
    longest.mul_f64(chance as f64 / u64::MAX as f64)
}

/// Seconds, or a date (RFC 9110 §10.2.3).
fn retry_after(field: &str, now: Duration) -> Option<Duration> {
    if let Ok(seconds) = field.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(field).ok()?;
    let at = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(now))
}

/// Second attempts an origin may still have: each call earns a part of one,
/// so that a server in trouble gets at most a tenth more and not a multiple.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    tenths: HashMap<String, u32>,
}

impl Budget {
    pub(crate) fn earn(&mut self, origin: &str) {
        if self.tenths.len() >= RETRY_ORIGINS && !self.tenths.contains_key(origin) {
            self.tenths.clear();
        }
        let tenths = self
            .tenths
            .entry(origin.to_owned())
            .or_insert(10 * RETRY_BUDGET);
        *tenths = (*tenths + 1).min(10 * RETRY_BUDGET);
    }

    /// Whether there is one, which is then spent.
    pub(crate) fn spend(&mut self, origin: &str) -> bool {
        match self.tenths.get_mut(origin) {
            Some(tenths) if *tenths >= 10 => {
                *tenths -= 10;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT

    fn after(method: &str, status: u16, field: Option<&'static str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        if let Some(field) = field {
            headers.insert(header::RETRY_AFTER, http::HeaderValue::from_static(field));
        }
        let status = StatusCode::from_u16(status).unwrap();
        let outcome = Outcome::Answered(status, &headers);
        wait(&method.parse().unwrap(), &outcome, 0, NOW, u64::MAX)
    }

    #[test]
    fn answers_that_may_pass_are_tried_again() {
        let first = Some(RETRY_FIRST);
        let seconds = |n| Some(Duration::from_secs(n));
        let table = [
            ("GET", 200, None, None),
            ("GET", 404, None, None),
            ("GET", 500, None, None),
            ("GET", 501, None, None),
            ("GET", 502, None, first),
            ("GET", 503, None, first),
            ("GET", 504, None, first),
            ("GET", 408, None, first),
            ("GET", 429, Some("7"), seconds(7)),
            ("POST", 429, Some("7"), seconds(7)),
            ("POST", 503, None, first),
            ("POST", 502, None, None),
            ("PUT", 502, None, first),
            (
                "GET",
                503,
                Some("Sun, 06 Nov 1994 08:49:47 GMT"),
                seconds(10),
            ),
            ("GET", 503, Some("Sun, 06 Nov 1994 08:49:30 GMT"), first),
            ("GET", 503, Some("60"), Some(RETRY_AFTER)),
            ("GET", 503, Some("61"), None),
            ("GET", 503, Some("soon"), None),
        ];
        for (method, status, field, expected) in table {
            assert_eq!(
                after(method, status, field),
                expected,
                "{method} {status} {field:?}"
            );
        }
    }

    #[test]
    fn failures_are_tried_again_where_that_is_safe() {
        let table = [
            ("POST", Phase::Request, false),
            ("POST", Phase::Resolve, true),
            ("POST", Phase::Connect, true),
            ("POST", Phase::Secure, true),
            ("POST", Phase::Send, false),
            ("POST", Phase::Head, false),
            ("GET", Phase::Send, true),
            ("DELETE", Phase::Head, true),
            ("GET", Phase::Body, false),
        ];
        for (method, phase, again) in table {
            let method = method.parse().unwrap();
            let wait = wait(&method, &Outcome::Failed(phase), 0, NOW, 0);
            assert_eq!(wait, again.then_some(Duration::ZERO), "{method} {phase}");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_a_limit() {
        assert_eq!(backoff(0, u64::MAX), RETRY_FIRST);
        assert_eq!(backoff(1, u64::MAX), RETRY_FIRST * 2);
        assert_eq!(backoff(99, u64::MAX), RETRY_LONGEST);
        assert_eq!(backoff(1, u64::MAX / 2), RETRY_FIRST);
        assert_eq!(backoff(9, 0), Duration::ZERO);
    }

    #[test]
    fn a_budget_is_spent_and_earned() {
        let mut budget = Budget::default();
        assert!(!budget.spend("a"));
        budget.earn("a");
        for _ in 0..RETRY_BUDGET {
            assert!(budget.spend("a"));
        }
        assert!(!budget.spend("a"));
        (0..10).for_each(|_| budget.earn("a"));
        assert!(budget.spend("a") && !budget.spend("a"));
        // The other one is "a".
        (1..RETRY_ORIGINS).for_each(|origin| budget.earn(&origin.to_string()));
        assert_eq!(budget.tenths.len(), RETRY_ORIGINS);
        budget.earn("one more");
        assert_eq!(budget.tenths.len(), 1);
    }
}
