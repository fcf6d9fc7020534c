//! What fails before a packet is sent: URLs, fields, settings. No peer is needed.

use evhttp::{fetch, get};

use super::row::{Row, row, told};

pub(crate) const ROWS: &[Row] = &[
    row(
        "an empty URL",
        "BadUrl",
        "request \"\": not a URL: it does not begin with http:// or https://",
        || told(fetch("")),
    ),
    row(
        "a URL without a scheme",
        "BadUrl",
        "request \"example.com/x\": not a URL: it does not begin with http:// or https://",
        || told(fetch("example.com/x")),
    ),
    row(
        "a URL without a host",
        "BadUrl",
        "request \"http:///\": not a URL: empty host",
        || told(fetch("http:///")),
    ),
    row(
        "a blank in the host",
        "BadUrl",
        "request \"http://a b/\": not a URL: invalid international domain name",
        || told(fetch("http://a b/")),
    ),
    row(
        "an IPv4 address with a number too large",
        "BadUrl",
        "request \"http://1.2.3.400/\": not a URL: invalid IPv4 address",
        || told(fetch("http://1.2.3.400/")),
    ),
    row(
        "half an IPv6 address",
        "BadUrl",
        "request \"http://[::1\": not a URL: invalid IPv6 address",
        || told(fetch("http://[::1")),
    ),
    row(
        "a port that is too large",
        "BadUrl",
        "request \"http://a.example:99999/\": not a URL: invalid port number",
        || told(fetch("http://a.example:99999/")),
    ),
    row(
        "a line break in the URL",
        "BadUrl",
        "request \"two\\nlines\": not a URL: it does not begin with http:// or https://",
        || told(fetch("two\nlines")),
    ),
    row(
        "a scheme forgotten before a password",
        "UnknownScheme",
        "request me:...: unknown scheme \"me\": only http and https are spoken here",
        || told(fetch("me:secret@a.example/x")),
    ),
    row(
        "a port that is none after a password, and a token",
        "BadUrl",
        "request \"http://a.example:x/?...\": not a URL: invalid port number",
        || told(fetch("http://me:secret@a.example:x/?token=7")),
    ),
    row(
        "an unknown scheme, a password and a token",
        "UnknownScheme",
        "request ftp://a.example/?...: unknown scheme \"ftp\": only http and https are spoken here",
        || told(fetch("ftp://me:secret@a.example/?token=7#here")),
    ),
    row(
        "an unknown scheme",
        "UnknownScheme",
        "request ftp://a.example/: unknown scheme \"ftp\": only http and https are spoken here",
        || told(fetch("ftp://a.example/")),
    ),
    row(
        "a line break in a field",
        "BadRequest",
        "request http://a.example/: field \"x\" can't be sent: bad name or value",
        || told(get("http://a.example/").header("x", "a\r\nb: c").send()),
    ),
    row(
        "a field name that is none",
        "BadRequest",
        "request http://a.example/: field \"a b\" can't be sent: bad name or value",
        || told(get("http://a.example/").header("a b", "c").send()),
    ),
    row(
        "a blank in a target given as it is",
        "BadRequest",
        "request http://a.example/: a target has to be a path or *, without blanks, controls and #",
        || told(get("http://a.example/").target("/a b").send()),
    ),
];
