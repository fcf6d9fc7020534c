"""What both clients are asked to do: rows of data, taken from what httplib2's own tests cover (named in the heading of each group).

A row is a name, the calls, what the origin answers, and settings for the client. `{o}` and `{b}` are plain origins, `{s}` is the one with TLS.
"""

import copy
import gzip
import ssl
import zlib

from origin import Answer, basic, digest, wsse


class Scenario:
    def __init__(self, name, calls, routes, fields=(), sees=(), server=None, environment=None, sees_names=False, sees_tls=False, sees_place=False, **settings):
        self.name, self.calls, self.settings = name, calls, settings
        self.answers = routes
        self.fields, self.sees = fields, sees  # of the response; of the request, beside what is always compared
        self.server, self.environment = server or {}, environment or {}
        self.sees_names, self.sees_tls, self.sees_place = sees_names, sees_tls, sees_place

    def routes(self, place):
        def placed(answer):
            if callable(answer):
                return answer
            answer = copy.copy(answer)
            answer.fields = [(name, place(value)) for name, value in answer.fields]
            return answer
        return {path: [placed(one) for one in (answers if isinstance(answers, list) else [answers])] for path, answers in self.answers.items()}


ALL = []


def row(name, calls, routes, **settings):
    calls = [calls] if isinstance(calls, dict) else calls
    ALL.append(Scenario(name, calls, routes, **settings))


def get(url="{o}/", **more):
    return {"url": url, **more}


def ask(method, url="{o}/", **more):
    return {"url": url, "method": method, **more}


def moved(status, to=None, body="moved", **more):
    return Answer(status, body, [("Location", to)] if to is not None else [], **more)


def raw(text, **more):
    return Answer(raw=text.encode("latin-1") if isinstance(text, str) else text, **more)


def gz(content):
    return gzip.compress(content, mtime=0)


OK = Answer(body="there")
ANY = {"*": OK}

# Requests (test_http.py, test_other.py: methods, bodies, fields).

for method in ["GET", "PUT", "DELETE", "POST", "PATCH", "OPTIONS", "unknown", "EVEN_NEW_ONES"]:
    row(f"method {method}", ask(method), ANY)
for method in ["PUT", "POST", "PATCH", "DELETE", "GET", "unknown"]:
    row(f"method {method} with a body", ask(method, body="some text"), ANY)
row("POST with an empty body", ask("POST", body=""), ANY)
row("POST of bytes", ask("POST", body=bytes(range(32)), headers=[("Content-Type", "application/octet-stream")]), ANY)
row("POST of a form", ask("POST", body="a=1&b=2", headers=[("Content-Type", "application/x-www-form-urlencoded")]), ANY)
row("POST of 200 kB", ask("POST", body="x" * 200_000), ANY)
row("HEAD with a length", ask("HEAD"), {"*": Answer(body="non-empty-body")}, fields=("content-length",))
row("HEAD by a server that sends the body", ask("HEAD"), {"*": raw("HTTP/1.0 200 OK\r\nContent-Length: 14\r\n\r\nnon-empty-body")})
row("usual fields", get(), ANY, sees=("user-agent", "accept-encoding", "host"))
row("user agent of one's own", get(headers=[("User-Agent", "fred/1.0")]), ANY, sees=("user-agent",))
row("accept-encoding of one's own", get(headers=[("Accept-Encoding", "identity")]), ANY, sees=("accept-encoding",))
row("range", get(headers=[("Range", "bytes=0-1")]), {"*": Answer("206 Partial Content", "th", [("Content-Range", "bytes 0-1/5")])}, sees=("accept-encoding",))
row("field of one's own", get(headers=[("X-Own", "some value")]), ANY)
row("names of fields as they are written", get(headers=[("X-OwN", "1")]), ANY, sees_names=True)
row("host of one's own", get(headers=[("Host", "other.example")]), ANY, sees=("host",))
row("empty field", get(headers=[("X-Empty", "")]), ANY)
row("field with blanks around", get(headers=[("X-Own", "  v  ")]), ANY)
row("field with a line end", get(headers=[("X-Own", "a\r\nX-Evil: 1")]), ANY)
row("field with a bad name", get(headers=[("X Own", "a")]), ANY)
row("field in Latin-1", get(headers=[("X-Own", "caf\xe9")]), ANY)
row("connection: close asked for", [get(headers=[("Connection", "close")]), get()], ANY)
row("method with a blank", ask("GE T"), ANY)

# Addresses (test_uri.py, test_http.py: IRIs, injection).

row("query in another script", get("{o}/?a=\u0402"), ANY)
row("path in another script", get("{o}/\u2603/caf\xe9"), ANY)
row("host in another script", get("{o:b\xfccher.example}/"), ANY, sees=("host",))
row("escapes are kept", get("{o}/%7Ea%2fb%E2%98%83"), ANY)
row("bad escape", get("{o}/a%zz"), ANY)
row("line end in the path", get("{o}/a\r\nX-Evil: 1"), ANY)
row("blank in the path", get("{o}/a b"), ANY)
row("blank in the query", get("{o}/?a b"), ANY)
row("blanks around", get(" {o}/a "), ANY)
row("tab in the path", get("{o}/a\tb"), ANY)
row("no path", get("{o}"), ANY)
row("query without a path", get("{o}?a=1"), ANY)
row("fragment stays at home", get("{o}/a#here"), ANY)
row("question mark without a query", get("{o}/a?"), ANY)
row("dots in the path", get("{o}/a/./b/../c"), ANY)
row("dots above the root", get("{o}/../a"), ANY)
row("two slashes", get("{o}//a//b"), ANY)
row("backslash", get("{o}/a\\b"), ANY)
row("braces and bars", get("{o}/{a}|^`"), ANY)
row("quotes", get("{o}/a'b\"c"), ANY)
row("semicolon and others that are reserved", get("{o}/a;b=c,d:e@f!$&()*+"), ANY)
row("capital letters in scheme and host", get("HTTP://LOCALHOST:{port:o}/A"), ANY, sees=("host",))
row("host with a dot at its end", get("{o:localhost.}/"), ANY, sees=("host",))
row("address as a number", get("http://2130706433:{port:o}/"), ANY, sees=("host",))
row("name and password in the URL", get("http://me:secret@127.0.0.1:{port:o}/"), {"*": basic()}, sees=("host",))
row("URL of 7 kB", get("{o}/" + "a" * 7000), {"*": Answer()})
row("relative URL", get("/a"), ANY)
row("no scheme", get("127.0.0.1/a"), ANY)
row("unknown scheme", get("fred://a.example/"), ANY)
row("port out of range", get("http://127.0.0.1:70000/"), ANY)
row("no host", get("http://"), ANY)
row("port 443 by http", get("http://a.example:443/"), ANY)

# Redirects (test_http.py).

for status in ["300 Multiple Choices", "301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]:
    code = status[:3]
    for method, body in [("GET", None), ("HEAD", None), ("POST", "text"), ("PUT", "text"), ("DELETE", None)]:
        row(f"{code} to a {method}", ask(method, body=body), {"/": moved(status, "/final"), "/final": OK})
    row(f"{code} not followed", get(redirect="manual"), {"/": moved(status, "/final")}, fields=("location",))
    row(f"{code} without a Location", get(), {"/": moved(status)})
for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]:
    row(f"{status[:3]} to a POST, all followed", ask("POST", body="text", headers=[("Content-Type", "text/x")]), {"/": moved(status, "/final"), "/final": OK}, follow_all=True)
row("304 out of the blue", get(), {"/": Answer("304 Not Modified", fields=[("ETag", '"x"')], length=False)})
row("305 is not followed", get(), {"/": moved("305 Use Proxy", "/final"), "/final": OK})
PLACES = [
    ("below", "final", "/a/final"), ("above", "../final", "/final"), ("of a query alone", "?q", "/a/b?q"), ("to another origin", "{b}/final", "/final"),
    ("without a scheme", "//127.0.0.1:{port:b}/final", "/final"), ("with a fragment", "/final#there", "/final"), ("with a blank", "/fi nal", "/fi%20nal"),
    ("in UTF-8", "/caf\xc3\xa9", "/caf%C3%A9"), ("with a password", "http://you:own@127.0.0.1:{port:o}/final", "/final"), ("with dots", "/a/../final", "/final"),
    ("in capital letters", "HTTP://127.0.0.1:{port:o}/final", "/final"), ("with blanks around", "  /final  ", "/final"),
]
for words, to, path in PLACES:
    row(f"Location {words}", get("{o}/a/b"), {"/a/b": moved("302 Found", to), path: OK})
row("Location that is empty", get("{o}/a"), {"/a": [moved("302 Found", ""), OK]})
row("Location to another scheme", get(), {"/": moved("302 Found", "ftp://a.example/")})
row("Location to a file", get(), {"/": moved("302 Found", "file:///etc/hostname")})
row("Location without a host", get(), {"/": moved("302 Found", "http://")})
row("two Locations", get(), {"/": Answer("302 Found", "moved", [("Location", "/one"), ("Location", "/two")]), "*": OK})
row("Content-Location is no Location", get(), {"/": Answer("302 Found", "moved", [("Content-Location", "/final")]), "*": OK})
row("fragment is inherited", get("{o}/#here"), {"/": moved("302 Found", "/final"), "*": OK}, sees_place=True)
CHAIN = {f"/{n}": moved("302 Found", f"/{n + 1}") for n in range(10)}
row("chain of three", get("{o}/7"), {**CHAIN, "/10": OK}, sees_place=True)
row("chain of different kinds", get("{o}/a"), {"/a": moved("301 Moved", "/b"), "/b": moved("307 Temporary Redirect", "/c"), "/c": moved("308 Permanent Redirect", "/d"), "/d": OK})
row("chain of ten", get("{o}/0"), {**CHAIN, "/10": OK})
row("limit of one", get("{o}/8"), {**CHAIN, "/10": OK}, redirects=1)
row("limit of two, reached", get("{o}/8"), {**CHAIN, "/10": OK}, redirects=2)
row("loop", get(), {"/": moved("302 Found", "/")}, redirects=3)
row("redirect to an error", get(), {"/": moved("302 Found", "/none")})
row("redirect to a closed port", get(), {"/": moved("302 Found", "http://127.0.0.1:{port:closed}/")})
row("redirect without a body", get(), {"/": moved("302 Found", "/final", body=""), "/final": OK})
row("redirect that closes", get(), {"/": moved("302 Found", "/final", close=True), "/final": OK})
row("redirect with a compressed body", get(), {"/": Answer("302 Found", gz(b"moved"), [("Location", "/final"), ("Content-Encoding", "gzip")]), "/final": OK})
row("redirect with a broken compressed body", get(), {"/": Answer("302 Found", "no gzip", [("Location", "/final"), ("Content-Encoding", "gzip")]), "/final": OK})
for name, field in [("password", ("Authorization", "Bearer t")), ("cookie", ("Cookie", "a=b")), ("field of one's own", ("X-Own", "v"))]:
    row(f"{name} to the same origin", get(headers=[field]), {"/": moved("302 Found", "/final"), "*": OK})
    row(f"{name} to another origin", get(headers=[field]), {"/": moved("302 Found", "{b}/final"), "*": OK})
row("POST to another origin by 307", ask("POST", body="text"), {"/": moved("307 Temporary Redirect", "{b}/final"), "*": OK}, follow_all=True)

# Content codings (test_encoding.py).

WORDS = b"properly compressed"


def deflated(content, bits=-15):
    coder = zlib.compressobj(wbits=bits)
    return coder.compress(content) + coder.flush()


def coded(coding, body, **more):
    return {"*": Answer(body=body, fields=[("Content-Encoding", coding)], **more)}


CODED = ("content-encoding", "content-length")
row("gzip", get(), coded("gzip", gz(WORDS)), fields=CODED)
row("gzip in answer to a POST", ask("POST", body=""), coded("gzip", gz(WORDS)))
row("gzip in answer to a HEAD", ask("HEAD"), coded("gzip", gz(WORDS)), fields=CODED)
row("gzip in capital letters", get(), coded("GZIP", gz(WORDS)))
row("x-gzip", get(), coded("x-gzip", gz(WORDS)))
row("gzip in chunks", get(), {"*": raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in gz(WORDS)) + b"0\r\n\r\n")})
row("gzip until the end", get(), {"*": raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gz(WORDS))})
row("deflate", get(), coded("deflate", deflated(WORDS)))
row("deflate as zlib", get(), coded("deflate", zlib.compress(WORDS)))
row("gzip that is none", get(), coded("gzip", b"obviously not compressed"))
row("deflate that is none", get(), coded("deflate", b"obviously not compressed"))
row("gzip that is cut short", get(), coded("gzip", gz(WORDS * 20)[:-12]))
row("deflate that is cut short", get(), coded("deflate", zlib.compress(WORDS * 20)[:-6]))
row("gzip with a wrong checksum", get(), coded("gzip", gz(WORDS)[:-8] + b"\0" * 8))
row("gzip with something behind", get(), coded("gzip", gz(WORDS) + b"more"))
row("gzip in two members", get(), coded("gzip", gz(b"one ") + gz(b"two")))
row("gzip of nothing", get(), coded("gzip", gz(b"")))
row("gzip without a body", get(), coded("gzip", b""))
row("gzip with 204", get(), {"*": Answer("204 No Content", fields=[("Content-Encoding", "gzip")], length=False)})
row("gzip in gzip", get(), coded("gzip, gzip", gz(gz(WORDS))))
row("unknown coding", get(), coded("rot13", b"cebcreyl"), fields=("content-encoding",))
row("identity", get(), coded("identity", WORDS))
row("gzip of a part", get(headers=[("Range", "bytes=0-9")]), {"*": Answer("206 Partial Content", gz(WORDS)[:10], [("Content-Encoding", "gzip"), ("Content-Range", "bytes 0-9/39")])}, fields=("content-encoding",))
row("gzip of an error page", get(), {"*": Answer("404 Not Found", gz(WORDS), [("Content-Encoding", "gzip")])})
row("gzip bomb of 50 MB", get(), coded("gzip", gz(bytes(50 << 20))))

# Messages (test_http.py, test_other.py, and what http.client does below).

H = "HTTP/1.1 200 OK\r\n"
row("204", get(), {"*": Answer("204 No Content", length=False)})
row("205 without a body", get(), {"*": Answer("205 Reset Content")})
row("200 without a body", get(), {"*": Answer()})
row("404", get(), {"*": Answer("404 Not Found", "nothing here")})
row("410", get(), {"*": Answer("410 Gone", "gone")})
row("500", get(), {"*": Answer("500 Internal Server Error", "sorry")})
row("status nobody knows", get(), {"*": Answer("299 Fine", "there")})
row("status without words", get(), {"*": raw("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nthere")})
row("status of two digits", get(), {"*": raw("HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nthere")})
row("status 999", get(), {"*": Answer("999 Odd", "there")})
row("body until the end", get(), {"*": raw(H + "\r\nthere")})
row("HTTP/1.0", get(), {"*": raw("HTTP/1.0 200 OK\r\n\r\nthere")})
row("HTTP/0.9", get(), {"*": raw("there it is")})
row("HTTP/1.7", get(), {"*": raw("HTTP/1.7 200 OK\r\nContent-Length: 5\r\n\r\nthere")})
row("HTTP/2.0", get(), {"*": raw("HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nthere")})
row("chunks", get(), {"*": raw(H + "Transfer-Encoding: chunked\r\n\r\n3\r\nthe\r\n2\r\nre\r\n0\r\n\r\n")})
row("chunks with extensions", get(), {"*": raw(H + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nthere\r\n0\r\n\r\n")})
row("chunks with a trailer", get(), {"*": raw(H + "Transfer-Encoding: chunked\r\n\r\n5\r\nthere\r\n0\r\nX-After: 1\r\n\r\n")}, fields=("x-after",))
row("chunks in capital letters", get(), {"*": raw(H + "Transfer-Encoding: CHUNKED\r\n\r\nA\r\nthere it i\r\n0\r\n\r\n")})
row("chunk of a bad size", get(), {"*": raw(H + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\nthere\r\n0\r\n\r\n")})
row("chunks without an end", get(), {"*": raw(H + "Transfer-Encoding: chunked\r\n\r\n5\r\nthere\r\n")})
row("chunk that is cut short", get(), {"*": raw(H + "Transfer-Encoding: chunked\r\n\r\n9\r\nthere")})
row("body shorter than its length", get(), {"*": raw(H + "Content-Length: 9\r\n\r\nthere")})
row("body longer than its length", get(), {"*": raw(H + "Content-Length: 3\r\n\r\nthere")})
row("length that is no number", get(), {"*": raw(H + "Content-Length: five\r\n\r\nthere")})
row("length below zero", get(), {"*": raw(H + "Content-Length: -5\r\n\r\nthere")})
row("length with a plus", get(), {"*": raw(H + "Content-Length: +5\r\n\r\nthere")})
row("the same length twice", get(), {"*": raw(H + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nthere")})
row("two lengths", get(), {"*": raw(H + "Content-Length: 5\r\nContent-Length: 3\r\n\r\nthere")})
row("length and chunks", get(), {"*": raw(H + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthere\r\n0\r\n\r\n")})
row("fields of one name", get(), {"*": Answer(body="there", fields=[("X-A", "1"), ("x-a", "2")])}, fields=("x-a",))
row("cookies of one answer", get(), {"*": Answer(body="there", fields=[("Set-Cookie", "a=1, b"), ("Set-Cookie", "c=2")])}, fields=("set-cookie",))
row("names of fields in any case", get(), {"*": raw("HTTP/1.1 200 OK\r\ncONTENT-lENGTH: 5\r\nx-UP: down\r\n\r\nthere")}, fields=("x-up",))
row("field without a blank", get(), {"*": raw(H + "Content-Length:5\r\nX-A:1\r\n\r\nthere")}, fields=("x-a",))
row("field with blanks behind", get(), {"*": raw(H + "Content-Length: 5\r\nX-A:   1 \t\r\n\r\nthere")}, fields=("x-a",))
row("folded field", get(), {"*": raw(H + "Content-Length: 5\r\nX-A: 1\r\n 2\r\n\r\nthere")}, fields=("x-a",))
row("blank before the colon", get(), {"*": raw(H + "Content-Length: 5\r\nX-A : 1\r\n\r\nthere")}, fields=("x-a",))
row("line without a colon", get(), {"*": raw(H + "nonsense\r\nContent-Length: 5\r\n\r\nthere")})
row("field in Latin-1 of an answer", get(), {"*": raw(H + "Content-Length: 5\r\nX-A: caf\xe9\r\n\r\nthere")}, fields=("x-a",))
row("lines that end with LF alone", get(), {"*": raw("HTTP/1.1 200 OK\nContent-Length: 5\n\nthere")})
row("NUL in a field", get(), {"*": raw(H + "Content-Length: 5\r\nX-A: a\0b\r\n\r\nthere")}, fields=("x-a",))
row("99 fields", get(), {"*": Answer(body="there", fields=[(f"X-{n}", "v") for n in range(98)])})
row("150 fields", get(), {"*": Answer(body="there", fields=[(f"X-{n}", "v") for n in range(150)])})
row("field of 60 kB", get(), {"*": Answer(body="there", fields=[("X-A", "v" * 60_000)])})
row("field of 70 kB", get(), {"*": Answer(body="there", fields=[("X-A", "v" * 70_000)])})
row("100 before the answer", get(), {"*": raw("HTTP/1.1 100 Continue\r\n\r\n" + H + "Content-Length: 5\r\n\r\nthere")})
row("103 before the answer", get(), {"*": raw("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + H + "Content-Length: 5\r\n\r\nthere")})
row("empty lines before the answer", get(), {"*": raw("\r\n" + H + "Content-Length: 5\r\n\r\nthere")})
row("answer that is nonsense", get(), {"*": raw("nonsense\r\n\r\n")})
row("head that is cut short", get(), {"*": raw("HTTP/1.1 200 OK\r\nContent-Le")})
row("body of 1 MiB", get(), {"*": Answer(body="x" * (1 << 20))})

# Connections (test_http.py: bad status lines; test_other.py: close, timeouts).

THRICE = [get("{o}/1"), get("{o}/2"), get("{o}/3")]
KEEP = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere"
row("connection is kept", THRICE, ANY)
row("connection is kept in chunks", THRICE, {"*": raw(H + "Transfer-Encoding: chunked\r\n\r\n5\r\nthere\r\n0\r\n\r\n", stay=True)})
row("connection is kept after an error", THRICE, {"*": Answer("404 Not Found", "no")})
row("connection is kept after 204", THRICE, {"*": Answer("204 No Content", length=False)})
row("connection is kept after a HEAD", [ask("HEAD", "{o}/1"), get("{o}/2")], ANY)
row("connection is kept after a POST", [ask("POST", "{o}/1", body="text"), get("{o}/2")], ANY)
row("server says close", THRICE, {"*": Answer(body="there", close=True)})
row("server closes without a word", [get("{o}/1"), get("{o}/2", after_shut=1), get("{o}/3", after_shut=2)], {"*": raw(KEEP)})
row("server closes without a word before a POST", [get("{o}/1"), ask("POST", "{o}/2", body="text", after_shut=1)], {"*": raw(KEEP)})
row("HTTP/1.0 closes", THRICE, {"*": raw("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nthere")})
row("HTTP/1.0 is kept where it says so", THRICE, {"*": raw("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nthere", stay=True)})
row("two origins, two connections", [get("{o}/1"), get("{b}/2"), get("{o}/3")], ANY)
row("no answer, then one", get(), {"*": [raw(""), OK]})
row("no answer to a POST, then one", ask("POST", body="text"), {"*": [raw(""), OK]})
row("never an answer", get(), {"*": raw("")})
row("no answer on a kept connection", [get("{o}/1"), get("{o}/2")], {"/1": OK, "/2": [raw(""), OK]})
row("no answer to a POST on a kept connection", [get("{o}/1"), ask("POST", "{o}/2", body="text")], {"/1": OK, "/2": [raw(""), OK]})
row("no answer to a PUT on a kept connection", [get("{o}/1"), ask("PUT", "{o}/2", body="text")], {"/1": OK, "/2": [raw(""), OK]})
row("body is cut short, then another call", [get("{o}/1"), get("{o}/2")], {"/1": raw(H + "Content-Length: 9\r\n\r\nthere"), "/2": OK})
row("nobody listens", get("http://127.0.0.1:{port:closed}/"), {})
row("an answer that does not come", get(), {"*": Answer(body="late", wait=3)}, timeout=0.7)
row("a body that does not come", get(), {"*": raw(H + "Content-Length: 9\r\n\r\nth", stay=True)}, timeout=0.7)
row("time runs out, then another call", [get("{o}/1"), get("{o}/2")], {"/1": Answer(body="late", wait=3), "/2": OK}, timeout=0.7)
row("an answer in time", get(), {"*": Answer(body="there", wait=0.3)}, timeout=5)

# Authentication (test_auth.py).

ME = dict(users=[("{o}", "me", "secret")])
NOT = dict(users=[("{o}", "me", "wrong")])
row("Basic", get(), {"*": basic()}, **ME)
row("Basic without credentials", get(), {"*": basic()})
row("Basic with a wrong password", get(), {"*": basic()}, **NOT)
row("Basic is remembered", [get("{o}/a"), get("{o}/a/b")], {"*": basic()}, **ME)
row("Basic is remembered for another path", [get("{o}/a/b"), get("{o}/c")], {"*": basic()}, **ME)
row("Basic for another origin", get(), {"*": basic()}, users=[("{o:b.example}", "me", "secret")])
row("Basic for this name among others", get("{o:a.example}/"), {"*": basic()}, users=[("{o:b.example}", "me", "wrong"), ("{o:a.example}", "me", "secret")])
row("Basic, two pairs", get(), {"*": basic()}, users=[("{o}", "you", "wrong"), ("{o}", "me", "secret")])
row("Basic with a colon in the password", get(), {"*": basic(password="a:b")}, users=[("{o}", "me", "a:b")])
row("Basic with letters of UTF-8", get(), {"*": basic(password="s\xe9cret")}, users=[("{o}", "me", "s\xe9cret")])
row("Basic in any case", get(), {"*": basic(realm='bAsIc REALM="here"')}, **ME)
row("Basic without a realm", get(), {"*": basic(realm="Basic")}, **ME)
row("Basic with a comma in the realm", get(), {"*": basic(realm='Basic realm="a, b=c \\"d\\""')}, **ME)
row("Basic to a POST", ask("POST", body="text"), {"*": basic()}, **ME)
row("Basic with a charset", get(), {"*": basic(realm='Basic realm="here", charset="UTF-8"')}, **ME)
row("Basic after a redirect", get(), {"/": moved("302 Found", "/in"), "/in": basic()}, **ME)
row("Basic after a redirect to another origin", get(), {"/": moved("302 Found", "{b}/in"), "/in": basic()}, **ME)
row("Authorization by hand", get(headers=[("Authorization", "Basic bWU6c2VjcmV0")]), {"*": basic()})
row("Authorization by hand, wrong", get(headers=[("Authorization", "Basic x")]), {"*": basic()}, **ME)
row("401 without a challenge", get(), {"*": Answer("401 Unauthorized", "who?")}, **ME)
row("401 with an unknown scheme", get(), {"*": Answer("401 Unauthorized", "who?", [("WWW-Authenticate", 'Fancy realm="x"')])}, **ME)
row("401 with nonsense", get(), {"*": Answer("401 Unauthorized", "who?", [("WWW-Authenticate", '=,"')])}, **ME)
row("unknown scheme, then Basic", get(), {"*": basic(realm='Fancy a=b, Basic realm="here"')}, **ME)
row("Digest", get(), {"*": digest()}, **ME)
row("Digest with a wrong password", get(), {"*": digest()}, **NOT)
row("Digest without qop", get(), {"*": digest(ask="algorithm=MD5")}, **ME)
row("Digest without an algorithm", get(), {"*": digest(ask='qop="auth"')}, **ME)
row("Digest of a query", get("{o}/a?b=c d"), {"*": digest()}, **ME)
row("Digest to a POST", ask("POST", body="text"), {"*": digest()}, **ME)
row("Digest with auth and auth-int", ask("POST", body="text"), {"*": digest(ask='qop="auth,auth-int", algorithm=MD5')}, **ME)
row("Digest with auth-int alone", ask("POST", body="text"), {"*": digest(ask='qop="auth-int", algorithm=MD5')}, **ME)
row("Digest with SHA-256", get(), {"*": digest(ask='qop="auth", algorithm=SHA-256')}, **ME)
row("Digest with MD5-sess", get(), {"*": digest(ask='qop="auth", algorithm=MD5-sess')}, **ME)
row("Digest with an unknown algorithm", get(), {"*": digest(ask='qop="auth", algorithm=ROT13')}, **ME)
row("Digest with opaque", get(), {"*": digest(opaque="atestopaque")}, **ME)
row("Digest counts", [get("{o}/a"), get("{o}/a"), get("{o}/a/b")], {"*": digest()}, **ME)
row("Digest in another folder", [get("{o}/a/b"), get("{o}/c")], {"*": digest()}, **ME)
row("Digest with a stale nonce", [get("{o}/a"), get("{o}/a")], {"*": digest(stale_after=1)}, **ME)
row("Digest with a next nonce", [get("{o}/a"), get("{o}/a"), get("{o}/a")], {"*": digest(next_nonce=True)}, **ME)
row("Digest before Basic", get(), {"*": digest(before=['Basic realm="here"'])}, **ME)
row("Digest after Basic in one field", get(), {"*": Answer("401 Unauthorized", "who?", [("WWW-Authenticate", 'Basic realm="here", Digest realm="here", nonce="nonce1", qop="auth"')])}, **ME)
row("WSSE", get(), {"*": wsse()}, **ME)
row("WSSE with a wrong password", get(), {"*": wsse()}, **NOT)

# TLS (test_https.py).

TLS13, TLS12 = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
KNOWN = dict(ca="{file:ca.pem}")
row("https", get("{s}/"), ANY, **KNOWN)
row("https is kept", [get("{s}/1"), get("{s}/2")], ANY, **KNOWN)
row("https with the name told", get("{s:a.example}/"), ANY, sees_tls=True, **KNOWN)
row("https by an address", get("{s:127.0.0.1}/"), ANY, sees_tls=True, **KNOWN)
row("https by an authority nobody knows", get("{s}/"), ANY)
row("https by another authority", get("{s}/"), ANY, ca="{file:other.pem}")
row("https, signed by a stranger", get("{s}/"), ANY, server=dict(by_stranger=True), **KNOWN)
row("https for another name", get("{s:b.example}/"), ANY, **KNOWN)
row("https, expired", get("{s}/"), ANY, server=dict(expired=True), **KNOWN)
row("https for every name below", get("{s:x.c.example}/"), ANY, server=dict(names=("*.c.example",)), **KNOWN)
row("https for every name two below", get("{s:x.y.c.example}/"), ANY, server=dict(names=("*.c.example",)), **KNOWN)
row("https unchecked", get("{s:b.example}/"), ANY, insecure=True, server=dict(by_stranger=True))
row("https with a client's certificate", get("{s}/"), ANY, cert="{file:client.pem}", server=dict(wants_client=True), sees_tls=True, **KNOWN)
row("https without the client's certificate", get("{s}/"), ANY, server=dict(wants_client=True, most=TLS12), **KNOWN)
row("https, client wants 1.3", get("{s}/"), ANY, least=1, sees_tls=True, **KNOWN)
row("https, client wants 1.3, server has 1.2", get("{s}/"), ANY, least=1, server=dict(most=TLS12), **KNOWN)
row("https, client has 1.2", get("{s}/"), ANY, most=1, sees_tls=True, **KNOWN)
row("https, client has 1.2, server wants 1.3", get("{s}/"), ANY, most=1, server=dict(least=TLS13), **KNOWN)
row("https where http is spoken", get("https://127.0.0.1:{port:o}/"), ANY, **KNOWN)
row("http where TLS is spoken", get("http://127.0.0.1:{port:s}/"), ANY)
row("redirect within https", get("{s}/"), {"/": moved("301 Moved", "/final"), "*": OK}, **KNOWN)
row("redirect from http to https", get(), {"/": moved("301 Moved", "{s}/final"), "*": OK}, **KNOWN)
row("redirect from https to http", get("{s}/"), {"/": moved("301 Moved", "{o}/final"), "*": OK}, **KNOWN)
row("redirect from https to http, allowed", get("{s}/"), {"/": moved("301 Moved", "{o}/final"), "*": OK}, downgrade=True, **KNOWN)
row("https, body until the end without a goodbye", get("{s}/"), {"*": raw(H + "\r\nthere")}, **KNOWN)
row("Basic by https", get("{s}/"), {"*": basic()}, users=[("{s}", "me", "secret")], **KNOWN)

# Proxies (test_proxy.py).

for proxy in ["tinyproxy", "squid"]:
    at = f"http://127.0.0.1:{{port:{proxy}}}"
    row(f"{proxy}", get(), ANY, proxy=at)
    row(f"{proxy}, twice", [get("{o}/1"), get("{o}/2")], ANY, proxy=at)
    row(f"{proxy} to https", get("{s}/"), ANY, proxy=at, **KNOWN)
    row(f"{proxy}, POST", ask("POST", body="text"), ANY, proxy=at)
    row(f"{proxy}, redirect", get(), {"/": moved("302 Found", "/final"), "/final": OK}, proxy=at)
    row(f"{proxy}, nobody listens behind", get("http://127.0.0.1:{port:closed}/"), {}, proxy=at)
row("proxy that asks, with the password", get(), ANY, proxy="http://me:secret@127.0.0.1:{port:tinyproxy-asks}")
row("proxy that asks, with the password, https", get("{s}/"), ANY, proxy="http://me:secret@127.0.0.1:{port:tinyproxy-asks}", **KNOWN)
row("proxy that asks, with a wrong password", get("{s}/"), ANY, proxy="http://me:wrong@127.0.0.1:{port:tinyproxy-asks}", **KNOWN)
row("proxy that asks, without a password", get("{s}/"), ANY, proxy="http://127.0.0.1:{port:tinyproxy-asks}", **KNOWN)
row("proxy that nobody runs", get(), ANY, proxy="http://127.0.0.1:{port:closed}")
row("proxy that refuses", get("https://refused.example/"), {}, proxy="http://127.0.0.1:{port:o}", **KNOWN)
row("proxy that speaks nonsense", get("http://a.example/"), {"*": raw("nonsense\r\n\r\n")}, proxy="http://127.0.0.1:{port:o}")
for name, user in [("microsocks", ""), ("microsocks-asks", "me:secret@")]:
    words = "SOCKS 5 with a password" if user else "SOCKS 5"
    at = f"socks5://{user}127.0.0.1:{{port:{name}}}"
    row(words, get(), ANY, proxy=at)
    row(f"{words}, https", get("{s}/"), ANY, proxy=at, **KNOWN)
    row(f"{words}, kept", [get("{o}/1"), get("{o}/2")], ANY, proxy=at)
row("SOCKS 5 with a wrong password", get(), ANY, proxy="socks5://me:wrong@127.0.0.1:{port:microsocks-asks}")
row("SOCKS 5 without the password", get(), ANY, proxy="socks5://127.0.0.1:{port:microsocks-asks}")
row("SOCKS 5, nobody listens behind", get("http://127.0.0.1:{port:closed}/"), {}, proxy="socks5://127.0.0.1:{port:microsocks}")
VIA = "http://127.0.0.1:{port:b}"
row("http_proxy", get("{o:a.example}/"), ANY, environment={"http_proxy": VIA})
row("HTTP_PROXY", get("{o:a.example}/"), ANY, environment={"HTTP_PROXY": VIA})
row("https_proxy for http", get("{o:a.example}/"), ANY, environment={"https_proxy": VIA})
row("http_proxy for https", get("{s:a.example}/"), ANY, environment={"http_proxy": VIA}, **KNOWN)
row("https_proxy", get("{s:a.example}/"), ANY, environment={"https_proxy": VIA}, **KNOWN)
row("all_proxy", get("{o:a.example}/"), ANY, environment={"all_proxy": VIA})
row("http_proxy without a scheme", get("{o:a.example}/"), ANY, environment={"http_proxy": "127.0.0.1:{port:b}"})
row("http_proxy that is empty", get("{o:a.example}/"), ANY, environment={"http_proxy": ""})
row("http_proxy to this machine", get("{o}/"), ANY, environment={"http_proxy": VIA})
row("http_proxy in a CGI program", get("{o:a.example}/"), ANY, environment={"HTTP_PROXY": VIA, "REQUEST_METHOD": "GET"})
for words, value in [("the name", "a.example"), ("the name among others", "b.example,a.example"), ("a name above", "example"), ("a dotted name above", ".example"),
                     ("a star", "*"), ("a comma at the end", "a.example,"), ("blanks", "b.example, a.example"), ("another name", "b.example"), ("the port", "a.example:{port:o}"),
                     ("another port", "a.example:1"), ("capital letters", "A.EXAMPLE"), ("the end of a name", "xample")]:
    row(f"no_proxy with {words}", get("{o:a.example}/"), ANY, environment={"http_proxy": VIA, "no_proxy": value})
row("NO_PROXY", get("{o:a.example}/"), ANY, environment={"http_proxy": VIA, "NO_PROXY": "a.example"})
row("no_proxy with a network", get("{o}/"), ANY, environment={"http_proxy": VIA, "no_proxy": "127.0.0.0/8"})
row("no_proxy for https", get("{s:a.example}/"), ANY, environment={"https_proxy": VIA, "no_proxy": "a.example"}, **KNOWN)
