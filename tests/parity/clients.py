"""The two clients, asked the same and answering in the same words: httplib2 in this process, evhttp by its driver in another."""

import base64
import json
import os
import queue
import re
import socket
import subprocess
import threading

import httplib2
import socks

PATIENCE = 30


def of_httplib2(scenario, calls, place, origin):
    """The outcome of each call, by httplib2."""
    told = scenario.settings
    arguments = {}
    if "timeout" in told:
        arguments["timeout"] = told["timeout"]
    if "ca" in told:
        arguments["ca_certs"] = place(told["ca"])
    if told.get("insecure"):
        arguments["disable_ssl_certificate_validation"] = True
    if "least" in told:
        arguments["tls_minimum_version"] = "TLSv1_3"
    if "most" in told:
        arguments["tls_maximum_version"] = "TLSv1_2"
    if "proxy" in told:
        arguments["proxy_info"] = httplib2.proxy_info_from_url(place(told["proxy"]), noproxy=told.get("noproxy", ""))
        if arguments["proxy_info"].proxy_user and told["proxy"].startswith("http"):
            arguments["proxy_info"].proxy_type = socks.PROXY_TYPE_HTTP
    http = httplib2.Http(**arguments)
    for where, name, password in told.get("users", ()):
        http.add_credentials(name, password, domain(place(where)))
    if "cert" in told:
        http.add_certificate(place(told["cert"]), place(told["cert"]), "")
    outcomes = []
    for call in calls:
        origin.wait_shut(call.get("after_shut", 0))
        http.follow_redirects = call.get("redirect") != "manual"
        # What is unsafe is followed as well: without that httplib2 hands out the 3xx of a POST.
        http.follow_all_redirects = told.get("follow_all", False)
        limit = {"redirections": told["redirects"]} if "redirects" in told else {}
        headers = {}
        for name, value in call.get("headers", ()):
            headers[name] = value
        try:
            response, content = http.request(place(call["url"]), call.get("method", "GET"), body=call.get("body"), headers=headers, **limit)
            passed, before = [], response.previous
            while before is not None:
                passed.insert(0, before.status)
                before = before.previous
            fields = {name.lower(): value for name, value in response.items()}
            outcomes.append(answered(scenario, response.status, content, fields, passed, fields.get("content-location") if passed else None))
        except Exception as error:
            outcomes.append(failed(f"{type(error).__module__}.{type(error).__name__}: {error}"))
    for connection in http.connections.values():
        connection.close()
    return outcomes


def domain(where):
    return re.sub(r"^https?://", "", where)


def of_evhttp(driver, scenario, calls, place, origin, names, environment):
    """The same by evhttp, through the driver's lines, one after the other."""
    told = scenario.settings
    words = [driver, "--course"]
    for name in names:
        words += ["--resolve", f"{name}:0:127.0.0.1"]
    if "timeout" in told:
        words += ["--stall-time", str(int(told["timeout"] * 1000))]
    if "ca" in told:
        words += ["--cacert", place(told["ca"])]
    if told.get("insecure"):
        words += ["--insecure"]
    if "least" in told:
        words += ["--tlsv1.3"]
    if "most" in told:
        words += ["--tls-max-1.2"]
    if "cert" in told:
        words += ["--cert", place(told["cert"])]
    if "proxy" in told:
        words += ["--proxy", place(told["proxy"])]
        words += ["--noproxy", told["noproxy"]] if told.get("noproxy") else []
    if "redirects" in told:
        words += ["--max-redirs", str(told["redirects"])]
    if told.get("downgrade"):
        words += ["--redirect-to-http"]
    for where, name, password in told.get("users", ()):
        words += ["--user", place(where), f"{name}:{password}"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()
    outcomes = []
    for number, call in enumerate(calls):
        origin.wait_shut(call.get("after_shut", 0))
        line = {"id": number, "url": place(call["url"]), "method": call.get("method", "GET")}
        line["headers"] = [[name, value if isinstance(value, str) else value.decode("latin-1")] for name, value in call.get("headers", ())]
        if call.get("redirect"):
            line["redirect"] = call["redirect"]
        if call.get("body") is not None:
            body = call["body"]
            line["body_b64"] = base64.b64encode(body.encode() if isinstance(body, str) else body).decode()
        process.stdin.write(json.dumps(line).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(lines.get(timeout=PATIENCE))
        if "error" in answer:
            outcomes.append(failed(answer["error"]))
            continue
        fields = {}
        for name, value in answer["headers"]:
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        body = base64.b64decode(answer["body_b64"])
        outcomes.append(answered(scenario, answer["status"], body, fields, answer["previous"], answer["url"] if answer["previous"] else None))
    process.stdin.close()
    process.wait(PATIENCE)
    return outcomes


def answered(scenario, status, body, fields, passed, url):
    words = [str(status), shown(body)]
    if passed:
        words.append("after " + " ".join(map(str, passed)))
        words += [f"from {url}"] * scenario.sees_place
    for name in scenario.fields:
        words.append(f"{name}: {shown(fields[name].encode('latin-1'))}" if name in fields else f"no {name}")
    return ", ".join(words)


def shown(body):
    """Content in a few words. An error page's words are its server's, and of no interest."""
    if not body:
        return "nothing"
    if body.lstrip().startswith(b"<"):
        return "a page"
    text = body.decode("latin-1").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    if len(body) > 60 or not all(" " <= letter <= "~" or letter >= "\xa0" for letter in text) or b"\xff" in body or text.startswith("\x1f"):
        return f"{len(body)} bytes"
    return f'"{text}"'


# The first that is found in an error's text says what went wrong.
WORDS = [
    ("too many redirects", r"RedirectLimit|more than \d+ redirects"),
    ("a fault of its own", r"TypeError|range\(\) arg 3"),
    ("no Location", r"RedirectMissingLocation"),
    ("redirect refused", r"redirect is not followed"),
    ("bad coding", r"FailedToDecompress|content can't be decoded|DecodeRatioError|DecodeLimitError|zlib\.error"),
    ("short body", r"IncompleteRead|after \d+ of \d+ bytes|in the middle of (the body|a chunk)|before the last chunk|the body is cut short|closed the connection after \d+ bytes of a chunked body"),
    ("no answer", r"RemoteDisconnected|ResponseNotReady|without (an answer|a response)|before (it answered|an answer|any response)|no response"),
    ("reset", r"ConnectionReset|[Cc]onnection reset|BrokenPipe|Broken pipe"),
    ("certificate", r"CERTIFICATE_VERIFY_FAILED|the certificate|certificate is"),
    ("TLS", r"ssl\.SSL|SSLError|^secure |TLSV1|wrong version"),
    ("timeout", r"timed out|TimeoutError|socket\.timeout"),
    ("proxy", r"socks\.|[Pp]roxy|SOCKS"),
    ("refused", r"ConnectionRefused|Connection refused"),
    ("no such host", r"ServerNotFound|^resolve "),
    ("bad request", r"RelativeURI|InvalidURL|^request |KeyError|InvalidCodepoint|idna|Unicode|ValueError|OverflowError|no token"),
    ("too much", r"LineTooLong|got more than|larger than the limit|more header lines than"),
    ("bad answer", r"BadStatusLine|HTTPException|UnknownProtocol|^head |^body |MalformedHeader|UnimplementedDigest"),
    ("unknown", r""),
]


def failed(text):
    word = next(word for word, pattern in WORDS if re.search(pattern, text))
    return f"error: {word}" if word != "unknown" else f"error: {text}"


def with_environment(variables):
    """The environment a scenario wants: its own variables, and none of proxies besides."""
    clean = {name: value for name, value in os.environ.items() if not re.search(r"(?i)_proxy$|^SSL_CERT|^HTTPLIB2", name)}
    return {**clean, **variables}
