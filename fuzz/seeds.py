"""Writes seeds/: what the fuzz targets begin with. Needs dnspython, brotli and zstandard; the seeds themselves are
committed, so nothing else needs them.

    python3 fuzz/seeds.py
"""

import gzip
import hashlib
import pathlib
import struct
import zlib

import brotli
import dns.flags
import dns.message
import dns.rrset
import zstandard

SEEDS = pathlib.Path(__file__).parent / "seeds"


def write(target, name, octets):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(octets)


# The codec's targets: a byte that says how many cuts follow, and a message.
HEADS = {
    "response": {
        "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\nhello",
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
        "until_close": b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\nhello",
        "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "not_modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
        "folded": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0, 0\r\n\r\n",
        "bare_lf": b"HTTP/1.1 200 OK\nContent-Length: 1\n\na",
    },
    "request": {
        "get": b"GET /a?b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
        "pipelined": b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.0\r\n\r\n",
        "chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "smuggled": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        "connect": b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        "absolute": b"OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    },
    "chunked": {
        "plain": b"5\r\nhello\r\n0\r\n\r\n",
        "many": b"1\r\na\r\n02\r\nbc\r\nA\r\n0123456789\r\n0\r\n\r\n",
        "trailers": b"5;name=\"va\\\"lue\";x\r\nhello\r\n000\r\nDigest: d\r\nX: y\r\n\r\n",
        "huge": b"ffffffffffffffff\r\nhello",
        "bare_lf": b"5\nhello\n0\n\n",
    },
}


def heads():
    for target, messages in HEADS.items():
        for name, message in messages.items():
            write(target, name, b"\x02\x03\x0a" + message)


def challenges():
    fields = {
        "basic": 'Basic realm="a b", charset="UTF-8"',
        "rfc9110": 'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
        "digest": 'Digest realm="r@h", qop="auth, auth-int", algorithm=SHA-256, nonce="7yp", opaque="FQh"\n'
        'Digest realm="r@h", qop="auth", algorithm=MD5, nonce="7yp", userhash=true',
        "session": 'Digest realm="", nonce="a\\\\b", algorithm=SHA-512-256-sess, qop=auth-int, stale=TRUE',
        "token68": "Negotiate YII=, NTLM TlRMTVNTUAACAAAA==, Bearer",
        "odd": ', , "unasked, realm="lost, Basic x" ,, Basic realm="unclosed',
    }
    for name, field in fields.items():
        write("challenge", name, field.encode())


def said(algorithm, qop, user, userhash=False):
    """What an honest client says to the target's guard; `algorithm` in the order of Algorithm::ALL."""
    name, session = divmod(algorithm, 2)
    name = ["sha512_256", "sha256", "md5"][name]
    called = ["SHA-512-256", "SHA-256", "MD5"][algorithm // 2] + "-sess" * session
    digest = lambda *parts: hashlib.new(name, ":".join(parts).encode()).hexdigest()
    made = f"{1_700_000_000_000:016x}{1:016x}"
    nonce = made + hashlib.sha256(f"key:{made}".encode()).hexdigest()[:32]
    a1 = digest(user, 'a "realm"', "secret")
    if session:
        a1 = digest(a1, nonce, "c")
    a2 = ["POST", "/a?b=c"] + ([digest("content")] if qop == "auth-int" else [])
    response = digest(a1, nonce, "00000001", "c", qop, digest(*a2))
    name = digest(user, 'a "realm"') if userhash else user
    return (
        f'Digest username="{name}", realm="a \\"realm\\"", nonce="{nonce}", uri="/a?b=c", response="{response}", '
        f'cnonce="c", algorithm={called}, qop={qop}, nc=00000001' + ", userhash=true" * userhash
    )


def authorizations():
    rest = "\n/path?q\"\\\n0a4f113b"
    for algorithm in range(6):
        for options, qop in enumerate(["auth", "auth-int", "auth", "auth-int"]):
            field = said(algorithm, qop, "me", options >= 2)
            write("authorization", f"right_{algorithm}_{options}", bytes([algorithm, options]) + (field + rest).encode())
    write("authorization", "encoded", b"\x02\x00" + (said(2, "auth", "J\u00e4s\u00f8n Doe").replace(
        'username="J\u00e4s\u00f8n Doe"', "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe") + rest).encode())
    write("authorization", "basic", b"\x02\x00Basic bWU6c2VjcmV0")
    write("authorization", "two", b"\x02\x00Digest nonce=n, Digest nonce=m")


def files():
    write("netrc", "entries", b'machine a.example login ada password "s \\"3\\" cret"\ndefault login anonymous password x\n')
    write("netrc", "macro", b"# mine\nmachine b.example\n\tlogin bob\n\taccount x\n\tpassword y\nmacdef init\ncd /\n\nmachine a.example password z")
    write("netrc", "odd", b'machine "a.example login "\npassword \\" machine')
    write("cookie_file", "plain", b"# Netscape HTTP Cookie File\n.shop.example\tTRUE\t/\tFALSE\t0\ta\tb\n")
    write("cookie_file", "kinds", b"#HttpOnly_a.shop.example\tFALSE\t/dir\tTRUE\t2000000000\t__Host-a\t\n192.0.2.1\tFALSE\t/\tFALSE\t1\tn\tv\n\nodd\tline\n")
    write("hsts", "plain", b"\x00max-age=31536000; includeSubDomains; preload")
    write("hsts", "odd", b'\x00 MAX-AGE = "10" ;; max-age=; =; includesubdomains=x')
    write("hsts", "never", b"\x00max-age=0")


def cookies():
    fields = {
        "plain": b"\x00a=1\nb=2; Path=/dir; Max-Age=60",
        "wide": b"\x00n=v; Domain=.shop.example; Secure; HttpOnly; SameSite=None",
        "prefixes": b"\x02__Host-a=1; Secure; Path=/\n__Secure-b=2; Secure\n__host-; Secure; Path=/",
        "expires": b"\x01a=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT\na=2; expires=Wednesday, 21-Oct-15 07:28:00 GMT",
        "suffix": b"\x04n=v; Domain=co.uk\nm=w; Domain=uk",
        "address": b"\x05n=v; Domain=192.0.2.1\nm=w; Domain=2.1",
        "odd": b"\x03=v\n;\nn\n a\tb = c\td ; Path=x; Domain=; Max-Age=-1; ;;",
    }
    for name, field in fields.items():
        write("set_cookie", name, field)


def forms():
    write("multipart", "text", b"\xff\x14title" + "The sea é".encode())
    write("multipart", "two", b"\xff\x08a\"1\xff\x00\xff\x10na\r\nme\r\n\r\n--")
    write("multipart", "file", b"\xff\x55picture.namesea.jpgimage/jpeg" + bytes(range(200)))
    write("multipart", "pieces", b"\xff\x57picture.namesea.jpgimage/jpeg" + b"\r\n--" * 20)
    write("multipart", "none", b"")


def bare(octets):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(octets) + deflate.flush()


def coded():
    text = "".join(f"line {line} of the text\n" for line in range(20)).encode()
    zstd = zstandard.ZstdCompressor(level=19, write_checksum=True)
    packed = lambda octets: gzip.compress(octets, 9, mtime=0)
    # In the order of the target's table: what has been applied last is undone first.
    stacks = {
        "gzip": (0, packed(text)),
        "members": (0, packed(text[:99]) + packed(text[99:]) + bytes(20)),
        "named": (0, b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0" + packed(text)[10:]),
        "zlib": (1, zlib.compress(text, 9)),
        "bare": (1, bare(text)),
        "br": (2, brotli.compress(text)),
        "br_text": (2, brotli.compress(b"<html><body>the quick brown fox</body></html>")),
        "zstd": (3, zstd.compress(text)),
        "zstd_frames": (3, zstd.compress(text[:99]) + zstd.compress(b"") + zstd.compress(b"a" * 300)),
        "zstd_skipped": (3, b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd.compress(text)),
        "deflate_gzip": (4, packed(zlib.compress(text, 9))),
        "gzip_br": (5, brotli.compress(packed(text))),
        "br_zstd": (6, zstd.compress(brotli.compress(text))),
        "zstd_deflate": (7, bare(zstd.compress(text))),
        "four": (9, packed(bare(brotli.compress(zstd.compress(text))))),
        "bomb": (0, packed(bytes(20_000))),
        "bombs": (4, packed(zlib.compress(bytes(200_000), 9))),
        "zstd_bomb": (3, zstd.compress(bytes(200_000))),
        "cut": (0, packed(text)[:-9]),
    }
    for name, (stack, octets) in stacks.items():
        write("decode", name, bytes([stack]) + b"\x02\x03\x0a" + octets)


# In the order of the target's table.
RECORDS = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "AAAA": ["2001:db8::1"],
    "CNAME": ["alias.example."],
    "NS": ["ns1.example.", "ns2.other."],
    "SOA": ["ns.example. root.example. 1 7200 900 1209600 300"],
    "PTR": ["host.example."],
    "MX": ["10 mail.example.", "0 ."],
    "TXT": ['"one=two" "three"', '""'],
    "SRV": ["1 2 443 host.example."],
    "NAPTR": ['100 10 "u" "E2U+sip" "!^.*$!sip:a@example!" .'],
    "SVCB": ["1 svc.example. mandatory=alpn alpn=h2,h3 port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"],
    "HTTPS": ['1 . alpn="h3,h2" no-default-alpn ech=AAT+DQAA', "0 other.example."],
    "CAA": ['0 issue "ca.example"', '128 iodef "mailto:a@example"'],
}
ID = 0x1234


def question(rtype):
    return dns.message.make_query("www.example.", rtype, id=ID)


def reply(rtype, sections=(), rcode=0, flags=0):
    answer = dns.message.make_response(question(rtype), recursion_available=True)
    answer.flags |= flags
    answer.set_rcode(rcode)
    for section, owner, kind, texts in sections:
        getattr(answer, section).append(dns.rrset.from_text_list(owner, 60, "IN", kind, texts))
    return answer


def record(owner, rtype, content, rclass=1):
    return owner + struct.pack("!HHIH", rtype, rclass, 60, len(content)) + content


def by_hand(records, answers):
    head = bytearray(question("A").to_wire())
    head[2:4], head[6:8] = b"\x81\x80", struct.pack("!H", answers)
    return b"\x00" + bytes(head) + records


def messages():
    target = "dns_message"
    for choice, (rtype, texts) in enumerate(RECORDS.items()):
        answer = reply(rtype, [("answer", "www.example.", rtype, texts)])
        write(target, rtype.lower(), bytes([choice]) + answer.to_wire())
    chain = [
        ("answer", "www.example.", "CNAME", ["a.example."]),
        ("answer", "a.example.", "CNAME", ["b.other."]),
        ("answer", "b.other.", "A", ["192.0.2.7"]),
    ]
    soa = ("authority", "example.", "SOA", RECORDS["SOA"])
    write(target, "chain", b"\x00" + reply("A", chain).to_wire())
    write(target, "no_name", b"\x00" + reply("A", [soa], rcode=3).to_wire())
    write(target, "truncated", b"\x00" + reply("A", flags=dns.flags.TC).to_wire())
    circle = [
        ("answer", "www.example.", "CNAME", ["a.example."]),
        ("answer", "a.example.", "CNAME", ["www.example."]),
    ]
    write(target, "circle", b"\x00" + reply("A", circle).to_wire())
    bad_cookie = reply("A")
    bad_cookie.use_edns(0, 0, 1232, options=[dns.edns.GenericOption(10, b"8 octets" + bytes(8))])
    bad_cookie.set_rcode(23)
    write(target, "bad_cookie", b"\x00" + bad_cookie.to_wire())
    write(target, "bare", b"\x00" + struct.pack("!HHHHHH", ID, 0x8182, 0, 0, 0, 0))
    write(target, "other_case", b"\x00" + reply("A").to_wire().replace(b"www", b"WwW"))
    # Names that point to themselves, at each other, forward, and into a label.
    end = len(question("A").to_wire())
    here, there = struct.pack("!H", 0xC000 | end), struct.pack("!H", 0xC000 | end + 16)
    loops = {
        "loop_own": record(here, 1, b"\xc0\0\2\1"),
        "loop_two": record(there, 1, b"\xc0\0\2\1") + record(here, 1, b"\xc0\0\2\1"),
        "loop_grows": record(b"\x01a" + here, 1, b"\xc0\0\2\1"),
        "loop_inside": record(b"\xc0\x0c", 5, b"\x01a" + struct.pack("!H", 0xC000 | end + 12)),
        "pointer_into_label": record(b"\xc0\x0e", 1, b"\xc0\0\2\1"),
        "pointer_to_header": record(b"\xc0\x04", 1, b"\xc0\0\2\1"),
        "longest_name": record((b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\0", 5, b"\xc0\x0c"),
        "too_long_name": record((b"\x3f" + b"a" * 63) * 4 + b"\0", 5, b"\xc0\x0c"),
        "reserved_label": record(b"\x41a\0", 1, b"\xc0\0\2\1"),
        "class_chaos": record(b"\xc0\x0c", 1, b"\xc0\0\2\1", 3),
        "short_address": record(b"\xc0\x0c", 1, b"\xc0\0\2"),
    }
    for name, records in loops.items():
        write(target, name, by_hand(records, 2 if name == "loop_two" else 1))


if __name__ == "__main__":
    heads()
    challenges()
    authorizations()
    files()
    cookies()
    forms()
    coded()
    messages()
