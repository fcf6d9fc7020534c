"""HTTPS by Python's ssl module (OpenSSL), with certificates that trustme makes: one port for each case. Tells on its
first line, as JSON, where each is and what a client has to trust and to show. Lives until standard input ends."""

import datetime
import json
import socket
import ssl
import sys
import threading

import trustme

UTC = datetime.timezone.utc


def serve(context):
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener, context), daemon=True).start()
    return listener.getsockname()[1]


def accept(listener, context):
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=answer, args=(stream, context), daemon=True).start()


def answer(stream, context):
    # Held beside the session: what was not read must not turn a refusal into a reset.
    held = stream.dup()
    held.settimeout(30)
    try:
        with context.wrap_socket(stream, server_side=True) as session:
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                asked += session.recv(4096) or sys.exit()
            session.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            session.unwrap()
    except (OSError, SystemExit):
        pass
    try:
        while held.recv(4096):
            pass
    except OSError:
        pass
    held.close()


def context_of(leaf):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def asking(authority, newest=None):
    """Wants a certificate of the client, signed by this authority."""
    context = context_of(authority.issue_cert("a.example"))
    if newest:
        context.maximum_version = newest
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def without_chain(leaf):
    """Sends the leaf alone, as a server does whose admin forgot the rest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with leaf.private_key_pem.tempfile() as key, leaf.cert_chain_pems[0].tempfile() as chain:
        context.load_cert_chain(chain, key)
    return context


ours, other = trustme.CA(), trustme.CA()
old = {"not_before": datetime.datetime(2019, 1, 1, tzinfo=UTC), "not_after": datetime.datetime(2020, 1, 1, tzinfo=UTC)}
me, stranger = ours.issue_cert("me@a.example"), other.issue_cert("me@a.example")
cases = {
    "good": context_of(ours.issue_cert("a.example")),
    "expired": context_of(ours.issue_cert("a.example", **old)),
    "wrong host": context_of(ours.issue_cert("b.example")),
    "unknown authority": context_of(other.issue_cert("a.example")),
    "wildcard": context_of(ours.issue_cert("*.wild.example")),
    "intermediate": context_of(ours.create_child_ca().issue_cert("a.example")),
    "intermediate left out": without_chain(ours.create_child_ca().issue_cert("a.example")),
    "client": asking(ours),
    "client by TLS 1.2": asking(ours, ssl.TLSVersion.TLSv1_2),
}


def shown(leaf):
    return [b"".join(part.bytes() for part in leaf.cert_chain_pems).decode(), leaf.private_key_pem.bytes().decode()]


told = {
    "authority": ours.cert_pem.bytes().decode(),
    "ports": {name: serve(context) for name, context in cases.items()},
    "me": shown(me),
    "stranger": shown(stranger),
}
print(json.dumps(told), flush=True)
sys.stdin.read()
