//! The options there are, short and long, and those there can't be. A table; what they mean is said in `command`.

/// One of curl's options.
pub(crate) struct Known {
    pub(crate) short: char,
    pub(crate) long: &'static str,
    /// Whether a value follows it.
    pub(crate) takes: bool,
}

/// One without a short form has a blank there.
const fn with(short: char, long: &'static str) -> Known {
    Known {
        short,
        long,
        takes: true,
    }
}

const fn flag(short: char, long: &'static str) -> Known {
    Known {
        short,
        long,
        takes: false,
    }
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    with('A', "user-agent"), flag(' ', "anyauth"), with('C', "continue-at"), flag(' ', "basic"), with('D', "dump-header"), with('E', "cert"),
    with('F', "form"), with(' ', "form-string"), flag('G', "get"), with('H', "header"), flag('I', "head"), flag('L', "location"), flag('N', "no-buffer"),
    flag('O', "remote-name"), flag('S', "show-error"), with('T', "upload-file"), with('U', "proxy-user"), flag('V', "version"), with('X', "request"),
    with('b', "cookie"), with('c', "cookie-jar"), with(' ', "cacert"), flag(' ', "compressed"), with(' ', "connect-timeout"), flag(' ', "create-dirs"),
    with('d', "data"), with(' ', "data-ascii"), with(' ', "data-binary"), with(' ', "data-raw"), with(' ', "data-urlencode"), flag(' ', "digest"),
    with('e', "referer"), flag('f', "fail"), flag(' ', "fail-with-body"), flag('g', "globoff"), flag(' ', "http1.1"), flag('i', "include"),
    with(' ', "interface"), with(' ', "json"), flag('k', "insecure"), with(' ', "key"), with('m', "max-time"), with(' ', "max-redirs"),
    with(' ', "netrc-file"), flag(' ', "no-progress-meter"), with(' ', "noproxy"), with('o', "output"), with(' ', "oauth2-bearer"), flag('q', "disable"),
    with('r', "range"), with(' ', "resolve"), with(' ', "retry"), flag('s', "silent"), flag(' ', "tlsv1.2"), flag(' ', "tlsv1.3"), with(' ', "tls-max"),
    with('u', "user"), with(' ', "unix-socket"), with(' ', "url"), flag('v', "verbose"), with('w', "write-out"), with('x', "proxy"),
];

/// curl has them, evhttp has nothing that they could be said with.
#[rustfmt::skip]
const REFUSED: &[(char, &str, &str)] = &[
    ('0', "http1.0", "evhttp's requests are HTTP/1.1"),
    (' ', "http2", "evhttp speaks no HTTP/2 yet"),
    (' ', "http2-prior-knowledge", "evhttp speaks no HTTP/2 yet"),
    (' ', "http3", "evhttp speaks no HTTP/3"),
    (' ', "path-as-is", "evhttp's URLs are the URL standard's, which takes dots out of a path"),
    (' ', "raw", "evhttp always undoes transfer codings"),
    (' ', "limit-rate", "evhttp limits no speed"),
    (' ', "location-trusted", "evhttp shows credentials to no other origin"),
    (' ', "ntlm", "evhttp has no NTLM"),
    (' ', "negotiate", "evhttp has no Negotiate"),
    ('4', "ipv4", "evhttp takes both families of addresses"),
    ('6', "ipv6", "evhttp takes both families of addresses"),
    ('p', "proxytunnel", "evhttp asks an HTTP proxy itself for http documents"),
];

/// The option of that long name or short letter; or why there is none.
pub(crate) fn find(is: impl Fn(char, &str) -> bool) -> Result<&'static Known, &'static str> {
    if let Some((.., why)) = REFUSED.iter().find(|(short, long, _)| is(*short, long)) {
        return Err(why);
    }
    let known = KNOWN.iter().find(|known| is(known.short, known.long));
    known.ok_or("is unknown")
}
