"""Has httplib2 and evhttp play the same scenarios against the same servers, and compares what came and what the servers got.

Every difference has to stand in the table of docs/httplib2.md with its reason, as it is observed; one that has gone has to go there as well.

    judge.py DRIVER             exits 0 if the table holds
    judge.py DRIVER --table     prints the table as it would have to be
    judge.py DRIVER --broken    breaks the table in three ways first, and exits 0 if just these are found
    judge.py DRIVER NAME...     plays these alone, and prints both sides
"""

import base64
import datetime
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import trustme

import clients
import scenarios
from origin import Origin

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "httplib2.md")
AT_LEAST = 120


class Bed:
    """The servers, the names they have, and the files a client may want."""

    def __init__(self, folder):
        self.folder = folder
        self.authority, self.stranger = trustme.CA(), trustme.CA()
        self.authority.cert_pem.write_to_path(self.path("ca.pem"))
        self.stranger.cert_pem.write_to_path(self.path("other.pem"))
        client = self.authority.issue_cert("client@a.example", common_name="client")
        client.private_key_and_cert_chain_pem.write_to_path(self.path("client.pem"))
        self.tls = {}
        self.origin = Origin(self.tls)
        self.servers = []
        self.closed = unused()
        self.ports = {"closed": self.closed}

    def path(self, name):
        return os.path.join(self.folder, name)

    def secure(self, names=("localhost", "a.example", "127.0.0.1"), most=None, least=None, wants_client=False, by_stranger=False, expired=False):
        authority = self.stranger if by_stranger else self.authority
        extra = {}
        if expired:
            extra["not_after"] = datetime.datetime(2020, 1, 2)
            extra["not_before"] = datetime.datetime(2020, 1, 1)
        issued = authority.issue_cert(*names, **extra)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(server)
        if most:
            server.maximum_version = most
        if least:
            server.minimum_version = least
        if wants_client:
            server.verify_mode = ssl.CERT_REQUIRED
            self.authority.configure_trust(server)
        self.tls["server"] = server

    def place(self, text):
        """`{o}`, `{b}`, `{s}`: the origin's doors; `{o:name}`: the same under that name; `{file:name}`; `{port:name}`."""
        text = re.sub(r"\{([obs])(?::([^}]*))?\}", lambda m: f"{'https' if m[1] == 's' else 'http'}://{m[2] or ('localhost' if m[1] == 's' else '127.0.0.1')}:{self.origin.ports[m[1]]}", text)
        text = re.sub(r"\{file:([^}]*)\}", lambda m: self.path(m[1]), text)
        return re.sub(r"\{port:([^}]*)\}", lambda m: str(self.ports.get(m[1]) or self.origin.ports[m[1]]), text)

    def hidden(self, text):
        """The same backwards, so that a table has no ports."""
        for door, port in self.origin.ports.items():
            text = re.sub(rf"https?://(127\.0\.0\.1|localhost):{port}", f"{{{door}}}", text)
            text = text.replace(f":{port}", f":{door}")
        for name, port in self.ports.items():
            text = text.replace(str(port), name)
        return text

    def start(self):
        """The real proxies, each on a port of its own."""
        self._run("tinyproxy", lambda port: ["tinyproxy", "-d", "-c", self.file("tiny", f"Port {port}\nListen 127.0.0.1\nTimeout 60\nLogFile \"{self.path('tiny.log')}\"\nDisableViaHeader Yes\n")])
        self._run("tinyproxy-asks", lambda port: ["tinyproxy", "-d", "-c", self.file("tiny2", f"Port {port}\nListen 127.0.0.1\nTimeout 60\nLogFile \"{self.path('tiny2.log')}\"\nDisableViaHeader Yes\nBasicAuth me secret\n")])
        self._run("microsocks", lambda port: ["microsocks", "-i", "127.0.0.1", "-p", str(port)])
        self._run("microsocks-asks", lambda port: ["microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", "me", "-P", "secret"])
        self._run("squid", lambda port: ["squid", "-N", "-f", self.file("squid", SQUID.format(port=port, at=self.folder))])
        for name, port, server in self.servers:
            listening(name, port, server)

    def file(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def _run(self, name, words):
        port = unused()
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        server = subprocess.Popen(words(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        self.ports[name] = port
        self.servers.append((name, port, server))

    def stop(self):
        for _, _, server in self.servers:
            server.kill()
            server.wait()


SQUID = """http_port 127.0.0.1:{port}
http_access allow all
cache deny all
pid_filename {at}/squid.pid
cache_log {at}/squid.log
access_log none
coredump_dir {at}
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname bed
via off
forwarded_for delete
"""


def unused():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(name, port, server):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if server.poll() is not None:
                sys.exit(f"{name} does not run")
            time.sleep(0.05)
    sys.exit(f"{name} does not listen")


def names_of(scenario):
    return sorted(set(re.findall(r"[\w.-]{1,40}\.example", repr(scenario.__dict__))) | {"localhost"})


def play(bed, driver, scenario):
    """What each client got, and what the origin got from each: two lists of lines."""
    sides = []
    for client in ("httplib2", "evhttp"):
        bed.secure(**scenario.server)
        bed.origin.reset(scenario.routes(bed.place))
        environment = clients.with_environment({name: bed.place(value) for name, value in scenario.environment.items()})
        if client == "httplib2":
            before = dict(os.environ)
            os.environ.clear()
            os.environ.update(environment)
            try:
                outcomes = clients.of_httplib2(scenario, scenario.calls, bed.place, bed.origin)
            finally:
                os.environ.clear()
                os.environ.update(before)
        else:
            outcomes = clients.of_evhttp(driver, scenario, scenario.calls, bed.place, bed.origin, names_of(scenario), environment)
        lines = [f"→ {outcome}" for outcome in outcomes]
        lines += [told(scenario, request) for request in bed.origin.take()]
        sides.append([bed.hidden(line) for line in lines])
    return sides


# What both send in their own way in every request; scenarios about it look at it.
USUAL = {
    "user-agent": r"^(Python-httplib2/|evhttp/)",
    "accept-encoding": r"^(gzip, deflate|zstd, br, gzip, deflate|br, zstd, gzip, deflate|zstd, br, gzip, deflate)$|^identity$",
    "host": r"^(127\.0\.0\.1|localhost):\d+$",
}


def told(scenario, request):
    words = [f"{request.connection}{request.door if request.door != 'o' else ''} {request.method} {request.target}"]
    for name, value in sorted((name.lower(), value) for name, value in request.fields):
        usual = USUAL.get(name)
        if usual and name not in scenario.sees and re.match(usual, value):
            continue
        words.append(f"{name}: {proven(name, value)}")
    if scenario.sees_names:
        words = [words[0]] + [name for name, _ in request.fields]
    if request.body:
        words.append(clients.shown(request.body))
    if request.secured and scenario.sees_tls:
        words.append(str(sorted(request.secured.items())))
    return ", ".join(words)


def proven(name, value):
    """Proofs without what is new each time; whether they are right, the origin's answer tells."""
    if name in ("authorization", "x-wsse", "proxy-authorization"):
        value = re.sub(r'\b(response|cnonce|nonce|Nonce|PasswordDigest|Created)="(?!nonce\d)[^"]*"', r"\1", value)
        parts = value.split(" ", 1)
        if parts[0] == "Digest":
            value = "Digest " + " ".join(sorted(part.strip().replace('"', "") for part in parts[1].split(",")))
        if parts[0] == "Basic" and len(parts[1]) % 4 == 0:
            value = "Basic of " + base64.b64decode(parts[1]).decode("latin-1")
    return value


def difference(sides):
    """Of both sides the lines that differ; of a scenario without any, nothing."""
    one, other = sides
    if one == other:
        return None
    ours, theirs = [line for line in one if line not in other], [line for line in other if line not in one]
    # The same lines in another order or number: all of them.
    return (ours, theirs) if ours or theirs else (one, other)


def cell(lines):
    text = "<br>".join(line.replace("|", "\\|") for line in lines) or "nothing of it"
    return re.sub(r"\s+", " ", text).strip()


def table():
    """Scenario to the three cells of its row."""
    rows = {}
    if os.path.exists(DOCUMENT):
        with open(DOCUMENT) as file:
            for line in file:
                cells = [part.strip() for part in re.split(r"(?<!\\)\|", line.strip())][1:-1]
                if len(cells) == 4 and cells[0] not in ("scenario", "---"):
                    rows[cells[0]] = tuple(cells[1:])
    return rows


def main():
    driver, *wanted = sys.argv[1:]
    began = time.monotonic()
    # Names end in .example and are here, and no other is looked up; httplib2 has a name looked up a second time as it connects.
    look, connect = socket.getaddrinfo, socket.socket.connect

    def here(host):
        if not isinstance(host, str) or re.fullmatch(r"[\d.]+|localhost\.?", host):
            return host
        if host.endswith(".example"):
            return "127.0.0.1"
        raise socket.gaierror(socket.EAI_NONAME, "not looked up here")

    socket.getaddrinfo = lambda host, *rest, **named: look(here(host), *rest, **named)
    socket.socket.connect = lambda self, address: connect(self, (here(address[0]), *address[1:]))
    socket.setdefaulttimeout(clients.PATIENCE)
    with tempfile.TemporaryDirectory(prefix="ev-parity-") as folder:
        os.chmod(folder, 0o777)
        bed = Bed(folder)
        try:
            bed.start()
            return judge(bed, driver, wanted, began)
        finally:
            bed.stop()


def judge(bed, driver, wanted, began):
    known = table()
    names = [scenario.name for scenario in scenarios.ALL]
    if wanted == ["--broken"]:
        return broken(bed, driver, known)
    if wanted and wanted != ["--table"]:
        return show(bed, driver, wanted)
    wrong, rows = compare(bed, driver, known, scenarios.ALL)
    if wanted:
        print("\n".join(rows))
        return 0
    wrong += [f"two scenarios are called {name!r}" for name in set(names) if names.count(name) > 1]
    wrong += [f"{name!r} stands in the table and is no scenario" for name in known if name not in names]
    # Two clients who find nobody at home do the same.
    wrong += ["a door of the origin fell shut"] * (not all(door.is_alive() for door in bed.origin.doors))
    wrong += [f"only {len(names)} scenarios"] * (len(names) < AT_LEAST)
    with open(DOCUMENT) as file:
        text = " ".join(file.read().split())
    said = f"the same {len(names)} scenarios", f"In {len(names) - len(rows)} both do the same"
    wrong += [f"the document does not say {part!r}" for part in said if part not in text]
    took = time.monotonic() - began
    print(f"{len(names)} scenarios, {len(names) - len(rows)} alike, {len(rows)} different, in {took:.0f} s")
    for line in wrong:
        print(line, file=sys.stderr)
    return int(bool(wrong))


def compare(bed, driver, known, chosen):
    """What is wrong with the table, and the rows it would have to have."""
    wrong, rows = [], []
    for scenario in chosen:
        sides = play(bed, driver, scenario)
        found = difference(sides)
        row = known.get(scenario.name)
        if found is None:
            if row:
                wrong.append(f"{scenario.name!r} stands in the table, but both do the same: {sides[0]}")
            continue
        cells = tuple(map(cell, found))
        why = row[2] if row else ""
        rows.append(f"| {scenario.name} | {cells[0]} | {cells[1]} | {why} |")
        if row is None or row[:2] != cells:
            wrong.append(f"{scenario.name!r} differs, and not as the table says:\n    httplib2 {cells[0]}\n    evhttp   {cells[1]}")
        elif not why:
            wrong.append(f"{scenario.name!r} has no reason")
    return wrong, rows


def broken(bed, driver, known):
    """A judge that finds nothing would be content as well."""
    chosen = [scenario for scenario in scenarios.ALL if scenario.name in ("method GET", "gzip", "x-gzip", "gzip of a part", "gzip in chunks")]
    del known["gzip"]
    known["x-gzip"] = ("", *known["x-gzip"][1:])
    known["method GET"] = known["gzip of a part"]
    wrong, _ = compare(bed, driver, known, chosen)
    found = [line.split("'")[1] for line in wrong]
    if found == ["method GET", "gzip", "x-gzip"]:
        return 0
    print(f"the judge found {found}", file=sys.stderr)
    return 1


def show(bed, driver, wanted):
    for scenario in scenarios.ALL:
        if any(re.search(name, scenario.name) for name in wanted):
            for client, lines in zip(("httplib2", "evhttp"), play(bed, driver, scenario)):
                print(f"{scenario.name}, {client}", *lines, sep="\n    ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
