//! Cookies (RFC 6265bis): which of a server's are kept, and which go along
//! with a request. Pure: the time since 1970 is an argument. SameSite is kept
//! and not judged: every call is the user's own, no page of another site
//! makes one.

use std::time::Duration;

use url::{Host, Url};

use crate::limits::{COOKIE_ATTRIBUTE, COOKIE_BYTES, COOKIE_DAYS, COOKIES, COOKIES_OF_A_HOST};

mod date;
mod file;

/// All cookies of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Without a Domain attribute: for this very host.
    host_only: bool,
    path: String,
    /// `None`: for this session.
    expires: Option<Duration>,
    secure: bool,
    http_only: bool,
}

/// What stands after the first semicolon.
#[derive(Default)]
struct Attributes {
    domain: Option<String>,
    path: Option<String>,
    expires: Option<Duration>,
    max_age: Option<i64>,
    secure: bool,
    http_only: bool,
    same_site_none: bool,
}

impl Jar {
    /// A Set-Cookie field that came from `url` (§5.6 and §5.7). What it may
    /// not set is left out without a word, as the RFC wants.
    pub(crate) fn store(&mut self, url: &Url, field: &[u8], now: Duration) {
        let field = String::from_utf8_lossy(field);
        if let Some(cookie) = parse(&field, url, now)
            && !self.overlays(url, &cookie)
        {
            self.put(cookie, now);
        }
    }

    /// §5.7, step 19: a plain connection can't put itself in front of what a
    /// secure one has set.
    fn overlays(&self, url: &Url, new: &Cookie) -> bool {
        let covers = |old: &&Cookie| {
            let domains = matches(&old.domain, &new.domain) || matches(&new.domain, &old.domain);
            old.secure && old.name == new.name && domains && path_matches(&new.path, &old.path)
        };
        url.scheme() != "https" && self.cookies.iter().any(|old| covers(&old))
    }

    fn put(&mut self, cookie: Cookie, now: Duration) {
        let gone = |expires: Option<Duration>| expires.is_some_and(|at| at <= now);
        let same = |old: &Cookie| {
            (&old.name, &old.domain, &old.path) == (&cookie.name, &cookie.domain, &cookie.path)
                && old.host_only == cookie.host_only
        };
        // The place is kept: it tells the age (§5.7, step 23).
        let place = self.cookies.iter().position(same);
        match (place, gone(cookie.expires)) {
            (Some(place), true) => drop(self.cookies.remove(place)),
            (Some(place), false) => self.cookies[place] = cookie,
            (None, true) => {}
            (None, false) => {
                self.cookies.retain(|old| !gone(old.expires));
                self.cookies.push(cookie);
                self.keep_limits();
            }
        }
    }

    /// After one more has come (§5.7, the end).
    fn keep_limits(&mut self) {
        let domain = self.cookies.last().map(|new| new.domain.clone());
        let of_host = |cookie: &Cookie| Some(&cookie.domain) == domain.as_ref();
        if self.cookies.iter().filter(|c| of_host(c)).count() > COOKIES_OF_A_HOST {
            self.drop_oldest(of_host);
        }
        if self.cookies.len() > COOKIES {
            self.drop_oldest(|_| true);
        }
    }

    /// The oldest that is not secure goes first, be it the new one: a plain
    /// connection could else push out what it may not overlay.
    fn drop_oldest(&mut self, of: impl Fn(&Cookie) -> bool) {
        let plain = |cookie: &Cookie| of(cookie) && !cookie.secure;
        let oldest = self.cookies.iter().position(plain);
        if let Some(oldest) = oldest.or_else(|| self.cookies.iter().position(of)) {
            self.cookies.remove(oldest);
        }
    }

    /// The Cookie field for a request to `url` (§5.8.3).
    pub(crate) fn field(&self, url: &Url, now: Duration) -> Option<String> {
        let host = host(url)?;
        let goes = |cookie: &&Cookie| {
            let domain = match cookie.host_only {
                true => cookie.domain == host,
                false => matches(&host, &cookie.domain),
            };
            domain
                && path_matches(url.path(), &cookie.path)
                && (!cookie.secure || url.scheme() == "https")
                && cookie.expires.is_none_or(|at| at > now)
        };
        let mut found: Vec<&Cookie> = self.cookies.iter().filter(goes).collect();
        // Longer paths first; what was made earlier stays in front.
        found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs = found.iter().map(|cookie| match cookie.name.as_str() {
            "" => cookie.value.clone(),
            name => format!("{name}={}", cookie.value),
        });
        let field = pairs.collect::<Vec<_>>().join("; ");
        (!field.is_empty()).then_some(field)
    }
}

fn host(url: &Url) -> Option<String> {
    url.host_str().map(str::to_ascii_lowercase)
}

/// §5.1.3: the host itself or below the domain, and no address.
fn matches(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.') && host.parse::<std::net::IpAddr>().is_err())
}

/// §5.1.4.
fn path_matches(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        None | Some(0) => "/".into(),
        Some(end) => url.path()[..end].into(),
    }
}

/// §5.6.
fn parse(field: &str, url: &Url, now: Duration) -> Option<Cookie> {
    if field.chars().any(|c| c.is_control() && c != '\t') {
        return None;
    }
    let mut parts = field.split(';');
    let pair = parts.next()?;
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
    let size = name.len() + value.len();
    if size == 0 || size > COOKIE_BYTES {
        return None;
    }
    let attributes = attributes(parts);
    let host = host(url)?;
    let (domain, host_only) = scope(&attributes, url, &host)?;
    let path = attributes.path.clone();
    let cookie = Cookie {
        expires: attributes.expiry(now),
        path: path.unwrap_or_else(|| default_path(url)),
        secure: attributes.secure,
        http_only: attributes.http_only,
        name,
        value,
        domain,
        host_only,
    };
    let plain = url.scheme() != "https";
    let unfit = cookie.secure && plain || attributes.same_site_none && !cookie.secure;
    (!unfit && keeps_prefix(&cookie, attributes.path.as_deref())).then_some(cookie)
}

/// Whom it is for; `None` if the host may not say that.
fn scope(attributes: &Attributes, url: &Url, host: &str) -> Option<(String, bool)> {
    let Some(domain) = attributes.domain.as_deref().filter(|d| !d.is_empty()) else {
        return Some((host.to_owned(), true));
    };
    if domain == host && !matches!(url.host(), Some(Host::Domain(_))) {
        return Some((host.to_owned(), true));
    }
    // §5.7, step 9: nobody sets cookies for a whole public suffix, but a host
    // that is one may set its own.
    if is_public_suffix(domain) {
        return (domain == host).then(|| (host.to_owned(), true));
    }
    matches(host, domain).then(|| (domain.to_owned(), false))
}

/// A last dot, which names the root, makes no other name of it.
fn is_public_suffix(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    psl::suffix_str(domain) == Some(domain)
}

/// §5.7, steps 20 to 22: what the name promises has to be so.
fn keeps_prefix(cookie: &Cookie, path: Option<&str>) -> bool {
    let prefixed = match cookie.name.as_str() {
        "" => &cookie.value,
        name => name,
    };
    let prefixed = prefixed.to_ascii_lowercase();
    let host = cookie.secure && cookie.host_only && path == Some("/");
    match () {
        () if prefixed.starts_with("__host-") => host && !cookie.name.is_empty(),
        () if prefixed.starts_with("__secure-") => cookie.secure && !cookie.name.is_empty(),
        () => true,
    }
}

fn attributes<'a>(parts: impl Iterator<Item = &'a str>) -> Attributes {
    let mut found = Attributes::default();
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        if value.len() > COOKIE_ATTRIBUTE {
            continue;
        }
        match name.trim().to_ascii_lowercase().as_str() {
            "expires" => found.expires = date::parse(value).or(found.expires),
            "max-age" => found.max_age = max_age(value).or(found.max_age),
            "domain" => {
                let domain = value.strip_prefix('.').unwrap_or(value);
                found.domain = Some(domain.to_ascii_lowercase());
            }
            "path" => found.path = value.starts_with('/').then(|| value.to_owned()),
            "secure" => found.secure = true,
            "httponly" => found.http_only = true,
            "samesite" => found.same_site_none = value.eq_ignore_ascii_case("none"),
            _ => {}
        }
    }
    found
}

/// §5.6.2: digits, perhaps after a minus sign.
fn max_age(value: &str) -> Option<i64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let fine = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let sign = if digits.len() < value.len() { -1 } else { 1 };
    fine.then(|| sign * digits.parse::<i64>().unwrap_or(i64::MAX))
}

impl Attributes {
    /// §5.5: no longer than 400 days.
    fn expiry(&self, now: Duration) -> Option<Duration> {
        let latest = now + Duration::from_secs(COOKIE_DAYS * 86_400);
        let wanted = match self.max_age {
            Some(seconds) if seconds <= 0 => Some(Duration::ZERO),
            Some(seconds) => Some(now.saturating_add(Duration::from_secs(seconds as u64))),
            None => self.expires,
        };
        wanted.map(|at| at.min(latest))
    }
}

#[cfg(test)]
mod tests;
