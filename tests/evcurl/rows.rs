//! Command lines, and what has to come of each. The rows are data: evcurl is held to them everywhere, and where curl is installed, curl is too.

use super::play::{Done, Stage};

/// One command line, after `-sS --noproxy *`.
pub(crate) struct Row {
    pub(crate) words: &'static [&'static str],
    pub(crate) code: i32,
    pub(crate) out: &'static str,
    /// A file that has to be there afterwards, and its content.
    pub(crate) file: Option<(&'static str, &'static str)>,
}

const fn row(words: &'static [&'static str], code: i32, out: &'static str) -> Row {
    Row {
        words,
        code,
        out,
        file: None,
    }
}

const fn filed(
    words: &'static [&'static str],
    out: &'static str,
    name: &'static str,
    content: &'static str,
) -> Row {
    Row {
        words,
        code: 0,
        out,
        file: Some((name, content)),
    }
}

const ECHO: &str = "GET /echo\naccept: */*\n\n";

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    // What is sent.
    row(&["{u}/echo"], 0, ECHO),
    row(&["{host}/echo"], 0, ECHO),
    row(&["--url", "{u}/echo"], 0, ECHO),
    row(&["-A", "me/1", "-e", "http://b.example/", "{u}/echo"], 0, "GET /echo\naccept: */*\nreferer: http://b.example/\nuser-agent: me/1\n\n"),
    row(&["-X", "DELETE", "{u}/a"], 0, "DELETE /a\naccept: */*\n\n"),
    row(&["-XPATCH", "-da", "{u}/a"], 0, "PATCH /a\naccept: */*\ncontent-length: 1\ncontent-type: application/x-www-form-urlencoded\n\na"),
    row(&["-H", "X-A: 1", "-H", "X-B;", "-H", "Accept:", "{u}/a"], 0, "GET /a\nx-a: 1\nx-b: \n\n"),
    row(&["-d", "a=1", "-d", "b=2", "{u}/a"], 0, "POST /a\naccept: */*\ncontent-length: 7\ncontent-type: application/x-www-form-urlencoded\n\na=1&b=2"),
    row(&["-d", "@file", "{u}/a"], 0, "POST /a\naccept: */*\ncontent-length: 2\ncontent-type: application/x-www-form-urlencoded\n\nab"),
    row(&["--data-binary", "@file", "-H", "Content-Type: text/x", "{u}/a"], 0, "POST /a\naccept: */*\ncontent-length: 5\ncontent-type: text/x\n\na\nb\r\n"),
    row(&["--data-raw", "@file", "{u}/a"], 0, "POST /a\naccept: */*\ncontent-length: 5\ncontent-type: application/x-www-form-urlencoded\n\n@file"),
    row(&["-G", "-d", "a=1", "--data-urlencode", "b=x y&z", "{u}/echo?q=0"], 0, "GET /echo?q=0&a=1&b=x+y%26z\naccept: */*\n\n"),
    row(&["--data-urlencode", "n@part", "--data-urlencode", "=a/b", "{u}/a"], 0, "POST /a\naccept: */*\ncontent-length: 13\ncontent-type: application/x-www-form-urlencoded\n\nn=01234&a%2Fb"),
    row(&["--json", "{\"a\":1}", "{u}/a"], 0, "POST /a\naccept: application/json\ncontent-length: 7\ncontent-type: application/json\n\n{\"a\":1}"),
    row(&["-F", "a=1", "-F", "b=@part;type=text/x;filename=c.txt", "{u}/a"], 0, "POST /a\naccept: */*\ncontent-type: multipart/form-data\n\n--BOUNDARY\nContent-Disposition: form-data; name=\"a\"\n\n1\n--BOUNDARY\nContent-Disposition: form-data; name=\"b\"; filename=\"c.txt\"\nContent-Type: text/x\n\n01234\n--BOUNDARY--\n"),
    row(&["-T", "part", "{u}/put/"], 0, "PUT /put/part\naccept: */*\ncontent-length: 5\n\n01234"),
    row(&["-T", "-", "{u}/a"], 0, "PUT /a\naccept: */*\ntransfer-encoding: chunked\n\n"),
    row(&["--form-string", "a=@b", "{u}/a"], 0, "POST /a\naccept: */*\ncontent-type: multipart/form-data\n\n--BOUNDARY\nContent-Disposition: form-data; name=\"a\"\n\n@b\n--BOUNDARY--\n"),
    row(&["-F", "a=<part", "{u}/a"], 0, "POST /a\naccept: */*\ncontent-type: multipart/form-data\n\n--BOUNDARY\nContent-Disposition: form-data; name=\"a\"\n\n01234\n--BOUNDARY--\n"),
    row(&["-H", "@fields", "{u}/a"], 0, "GET /a\naccept: */*\nx-a: 1\nx-b: 2\n\n"),
    row(&["-b", "a=1; b=2", "{u}/echo"], 0, "GET /echo\naccept: */*\ncookie: a=1; b=2\n\n"),
    row(&["-b", "cookies", "{u}/echo"], 0, "GET /echo\naccept: */*\ncookie: kept=before\n\n"),
    row(&["-b", "none", "{u}/set", "{u}/echo"], 0, "setGET /echo\naccept: */*\ncookie: taste=sweet\n\n"),
    row(&["-r", "2-4", "{u}/digits"], 0, "234"),
    row(&["--compressed", "{u}/gzip"], 0, "unpacked"),
    row(&["-o", "/dev/null", "-w", "%{size_download}", "{u}/gzip"], 0, "28"),
    // Where it leads.
    row(&["--noproxy", "x", "-x", "{u}", "http://b.example/echo"], 0, "GET http://b.example/echo\naccept: */*\n\n"),
    row(&["--resolve", "b.example:{port}:127.0.0.1", "http://b.example:{port}/echo"], 0, ECHO),
    row(&["-k", "https://{tls}/"], 0, "secured"),
    row(&["--cacert", "ca.pem", "--resolve", "a.example:{tls-port}:127.0.0.1", "https://a.example:{tls-port}/"], 0, "secured"),
    row(&["--interface", "127.0.0.1", "--connect-timeout", "30", "-Ng", "--http1.1", "{u}/echo"], 0, ECHO),
    row(&["-k", "--tls-max", "1.2", "https://{tls}/"], 0, "secured"),
    row(&["-k", "--tlsv1.3", "https://{tls}/"], 0, "secured"),
    row(&["-k", "-E", "me.pem", "--key", "me.pem", "https://{asking}/"], 0, "known"),
    row(&["-L", "{u}/to/302"], 0, "GET /echo?moved\naccept: */*\n\n"),
    row(&["-L", "-d", "a", "{u}/to/303"], 0, "GET /echo?moved\naccept: */*\n\n"),
    row(&["-L", "-d", "a", "{u}/to/307"], 0, "POST /echo?moved\naccept: */*\ncontent-length: 1\ncontent-type: application/x-www-form-urlencoded\n\na"),
    row(&["-w", " %{http_code} %{redirect_url} %{num_redirects}\\n", "{u}/to/301"], 0, "moved 301 {u}/echo?moved 0\n"),
    row(&["-L", "-o", "/dev/null", "-w", "%{http_code} %{num_redirects} %{url_effective} %{num_connects}", "{u}/to/301"], 0, "200 1 {u}/echo?moved 1"),
    // Who it is.
    row(&["-u", "me:secret", "{u}/basic"], 0, "welcome"),
    row(&["-u", "me:wrong", "{u}/basic"], 0, "who are you?"),
    row(&["http://me:secret@{host}/basic"], 0, "welcome"),
    row(&["--anyauth", "-u", "me:secret", "{u}/basic"], 0, "welcome"),
    row(&["--anyauth", "-u", "me:secret", "{u}/digest"], 0, "Digest by me"),
    row(&["--digest", "-u", "me:secret", "{u}/digest"], 0, "Digest by me"),
    row(&["--digest", "-u", "me:secret", "{u}/basic"], 0, "who are you?"),
    row(&["--oauth2-bearer", "token", "{u}/echo"], 0, "GET /echo\naccept: */*\nauthorization: Bearer token\n\n"),
    // What is done with the answer.
    row(&["-I", "-H", "X: y", "{u}/set"], 0, "http/1.1 200 ok\ncontent-type: text/plain; charset=utf-8\nset-cookie: taste=sweet; path=/\ndate: now\ncontent-length: 3\n\n"),
    row(&["-i", "-L", "{u}/to/302"], 0, "http/1.1 302 found\ncontent-type: text/plain; charset=utf-8\nlocation: /echo?moved\ndate: now\ncontent-length: 5\n\nhttp/1.1 200 ok\ncontent-type: text/plain; charset=utf-8\ndate: now\ncontent-length: 29\n\nget /echo?moved\naccept: */*\n\n"),
    row(&["-D", "-", "-o", "/dev/null", "{u}/digits"], 0, "http/1.1 200 ok\ncontent-type: text/plain; charset=utf-8\ndate: now\ncontent-length: 10\n\n"),
    filed(&["-o", "out", "{u}/digits"], "", "out", "0123456789"),
    row(&["-w", "@format", "{u}/digits"], 0, "0123456789 200\n"),
    filed(&["--create-dirs", "-oout", "-w%{filename_effective}", "{u}/digits"], "out", "out", "0123456789"),
    filed(&["-O", "{u}/name.txt?q"], "", "name.txt", "GET /name.txt?q\naccept: */*\n\n"),
    filed(&["-C", "-", "-o", "part", "{u}/digits"], "", "part", "0123456789"),
    row(&["-C", "-", "-o", "all", "{u}/digits"], 0, ""),
    row(&["-C", "7", "{u}/digits"], 0, "789"),
    row(&["-w", "%{content_type} %{size_upload} %{method} %{scheme} %{http_version} %{remote_ip} %{exitcode}%%\\t%header{content-length}", "-d", "abc", "{u}/json"], 0, "{}application/json 3 POST HTTP 1.1 127.0.0.1 0%\t2"),
    row(&["{u}/digits", "{u}/digits", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} %{urlnum}\\n"], 0, "1 0\n0 1\n"),
    // How it ends.
    row(&["-f", "{u}/status/404"], 22, ""),
    row(&["--fail-with-body", "{u}/status/500"], 22, "it is 500"),
    row(&["-f", "-w", "%{http_code} %{onerror}%{exitcode}", "{u}/status/503"], 22, "503 22"),
    row(&["-w", "%{http_code} %{onerror}%{exitcode}", "http://127.0.0.1:1/"], 7, "000 7"),
    row(&["http://127.0.0.1:1/", "{u}/digits"], 0, "0123456789"),
    row(&["-L", "--max-redirs", "3", "{u}/loop"], 47, ""),
    row(&["--max-time", "0.5", "{u}/slow"], 28, ""),
    row(&["{empty}/"], 52, ""),
    row(&["{short}/"], 18, "01234"),
    row(&["{garbled}/"], 56, ""),
    row(&["https://{tls}/"], 60, ""),
    row(&["--cacert", "ca.pem", "https://{tls}/"], 60, ""),
    row(&["-k", "https://{host}/"], 35, ""),
    row(&["--cacert", "none.pem", "https://{tls}/"], 77, ""),
    row(&["gopher-no://a.example/"], 1, ""),
    row(&["http://[::1/"], 3, ""),
    row(&["-C", "3", "{u}/status/200"], 33, ""),
    row(&["-T", "none", "{u}/put/"], 26, ""),
    row(&["-o", "none/out", "{u}/digits"], 23, ""),
    row(&["-O", "{u}/"], 23, ""),
    row(&["--no-such-option", "{u}/"], 2, ""),
    row(&["-m", "soon", "{u}/"], 2, ""),
    row(&["-X"], 2, ""),
    row(&[], 2, ""),
];

impl Row {
    /// What is to be compared of what a program did: no dates, no case of heads, which evhttp does not keep, and not two fields of curl's: one to
    /// proxies, which no standard knows, and the question whether a file may be sent, which evhttp asks before large ones only.
    pub(crate) fn comparable(&self, mut done: Done) -> Done {
        let plain = |text: &str| {
            let text = text.replace("proxy-connection: Keep-Alive\n", "");
            text.replace("expect: 100-continue\n", "")
        };
        done.out = plain(&done.out);
        if ["-I", "-i", "-D"]
            .iter()
            .any(|option| self.words.contains(option))
        {
            done.out = done.out.split_inclusive('\n').map(head_line).collect();
        }
        done.log = done.log.iter().map(|request| plain(request)).collect();
        done
    }

    /// What is wrong with it, if anything.
    pub(crate) fn judge(&self, stage: &Stage, done: &Done) -> Option<String> {
        let expected = stage.placed(self.out);
        let file = self
            .file
            .is_none_or(|(name, content)| done.files.contains(&(name.into(), content.into())));
        let fine = done.code == Some(self.code) && done.out == expected && file;
        (!fine).then(|| {
            format!(
                "{:?}\n  wanted {} {expected:?} {:?}\n  got {done:?}",
                self.words, self.code, self.file
            )
        })
    }
}

fn head_line(line: &str) -> String {
    match line.to_ascii_lowercase().replace('\r', "") {
        date if date.starts_with("date: ") => "date: now\n".to_owned(),
        line => line,
    }
}
