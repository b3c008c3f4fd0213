"""The stand-in as a server: ``python -m local.ils.stand_in --db FILE --rules FILE --port 0 --cert FILE --key FILE``.

It prints one line of JSON with its port and addresses, and serves until it is told to stop (SIGTERM or Ctrl-C).
"""

import argparse
import contextlib
import hmac
import ipaddress
import json
import re
import secrets
import signal
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO
from urllib.parse import parse_qs, urlsplit

from local.ils.page import patrons_page
from local.ils.patrons import Answer, Patrons
from local.ils.rules import Rules

BASE = "/api/v1"
_LONGEST_BODY = 1_000_000
_IDLE_SECONDS = 60.0
_PHRASES = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_SECRET_KEYS = frozenset({"password", "password_2", "client_secret", "access_token"})
_ONE_PATRON = re.compile(r"/patrons/([0-9]{1,18})(?:/(password|extended_attributes)(?:/([0-9]{1,18}))?)?")


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read whole; header names are in small letters."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Fault:
    """A misfortune for the next ``times`` requests that fit ``method`` and ``path`` (a beginning, after the base; empty for all).

    ``status`` is answered, or with 0 the connection breaks. With ``after`` the request is carried out first: the caller cannot know.
    """

    status: int
    times: int = 1
    method: str = ""
    path: str = ""
    after: bool = False
    retry_after: int | None = None

    def fits(self, request: Request) -> bool:
        """True if this misfortune is for this request."""
        return self.times > 0 and self.method in {"", request.method} and request.path.startswith(BASE + self.path)


class _Broken(Exception):
    """The connection is to break without an answer."""


class StandIn:
    """A library system on 127.0.0.1, for as long as the ``with`` block lasts.

    ``port`` 0 takes a free one. With ``cert`` and ``key`` (PEM files) it speaks TLS. ``exchanges`` names a file that gets one line of JSON an exchange,
    without authorization and without secrets. ``now`` is the library's time of day, ``clock`` its seconds for the age of tokens.
    """

    def __init__(
        self,
        rules: Rules,
        db: Path,
        *,
        port: int = 0,
        cert: Path | None = None,
        key: Path | None = None,
        exchanges: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = rules
        self.patrons = Patrons(db, rules, now)
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._exchanges: TextIO | None = exchanges.open("a", encoding="utf-8") if exchanges else None
        self.requests = 0
        tls = None
        if cert is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(cert, key)
        self._server = _Server(("127.0.0.1", port), self, tls)
        self.port: int = self._server.server_address[1]
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.endpoint = self.origin + BASE
        self._thread: threading.Thread | None = None
        self._closed = False

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="stand-in", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, end every connection, write everything out; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.end_connections()
        self.patrons.close()
        if self._exchanges is not None:
            self._exchanges.close()

    def suffer(self, fault: Fault) -> None:
        """Let this misfortune happen to the requests it fits."""
        with self._lock:
            self._faults.append(fault)

    def expire_tokens(self) -> None:
        """Let every access token have run out."""
        with self._lock:
            self._tokens.clear()

    def respond(self, request: Request, *, near: bool) -> Answer:
        """The answer to one request; ``near`` if it comes from this machine."""
        self.requests += 1
        if request.path == "/" or request.path.startswith("/stand-in"):
            return self._for_people(request) if near else Answer(403, {"error": "Only from this machine"})
        fault = self._next_fault(request) if self._faults else None
        if fault and not fault.after:
            return self._misfortune(fault)
        answer = self._api(request)
        if self._exchanges is not None:
            self._write_down(request, answer)
        return self._misfortune(fault) if fault else answer

    def _next_fault(self, request: Request) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.fits(request):
                    fault.times -= 1
                    return fault
        return None

    def _misfortune(self, fault: Fault) -> Answer:
        if fault.status == 0:
            raise _Broken
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return Answer(fault.status, None if fault.status == 204 else {"error": "As you asked"}, headers)

    def _api(self, request: Request) -> Answer:
        path = request.path.removeprefix(BASE)
        if path == "/oauth/token" and request.method == "POST":
            return self._grant(request)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self._tokens.get(token, 0.0) <= self._clock():
            return Answer(401, {"error": "Authentication failure."})
        embed = frozenset(part.strip() for part in request.headers.get("x-koha-embed", "").split(",") if part.strip())
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            return Answer(400, {"errors": [{"path": "/body", "message": "Malformed JSON."}], "status": 400})
        if path == "/patrons":
            if request.method == "POST":
                confirmed = bool(request.headers.get("x-confirm-not-duplicate"))
                return self.patrons.create(body, confirmed=confirmed, location=self.endpoint + "/patrons")
            if request.method == "GET":
                return self.patrons.search(request.query, embed)
        one = _ONE_PATRON.fullmatch(path)
        if one:
            return self._one_patron(request, int(one[1]), one[2] or "", int(one[3]) if one[3] else None, body, embed)
        return _nothing_here()

    def _one_patron(self, request: Request, patron_id: int, part: str, item: int | None, body: object, embed: frozenset[str]) -> Answer:
        method = request.method
        if not part:
            if method == "GET":
                return self.patrons.get(patron_id, embed)
            if method == "PUT":
                return self.patrons.replace(patron_id, body)
            if method == "DELETE":
                return self.patrons.delete(patron_id)
        elif part == "password" and item is None and method == "POST":
            return self.patrons.set_pin(patron_id, body)
        elif part == "extended_attributes" and item is None and method == "GET":
            return self.patrons.attributes(patron_id, request.query)
        elif part == "extended_attributes" and item is None and method == "POST":
            return self.patrons.add_attribute(patron_id, body)
        elif part == "extended_attributes" and item is not None and method == "DELETE":
            return self.patrons.delete_attribute(patron_id, item)
        return _nothing_here()

    def _grant(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "Unimplemented grant type"})
        known = self.rules.clients.get(form.get("client_id", ""))
        if known is None or not hmac.compare_digest(known.encode(), form.get("client_secret", "").encode()):
            return Answer(403, {"error": "unauthorized_client"})
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens[token] = self._clock() + self.rules.token_seconds
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.rules.token_seconds})

    def _for_people(self, request: Request) -> Answer:
        """The page to look at, and what tests and the demo ask of the library besides its API."""
        path, query = request.path, request.query
        if request.method == "GET" and path == "/":
            return Answer(302, None, {"Location": "/stand-in/patrons"})
        try:
            if request.method == "GET" and path == "/stand-in/patrons":
                page, per_page = max(1, int(query.get("page", ["1"])[0])), int(query.get("per_page", ["100"])[0])
                total, listing = self.patrons.count(), self.patrons.listing(page=page, per_page=per_page)
                if query.get("format") == ["json"]:
                    return Answer(200, {"library": self.rules.name, "total": total, "page": page, "patrons": listing})
                return Answer(200, patrons_page(self.rules.name, total, listing, page=page, per_page=per_page))
            if request.method == "GET" and path == "/stand-in/count":
                return Answer(200, {"patrons": self.patrons.count(), "requests": self.requests})
            if request.method == "POST" and path == "/stand-in/sign-in":
                asked = json.loads(request.body)
                return Answer(200, {"opens": self.patrons.pin_opens(str(asked["number"]), str(asked["pin"]))})
            if request.method == "POST" and path == "/stand-in/lend":
                self.patrons.lend(**json.loads(request.body))
                return Answer(204)
            if request.method == "POST" and path == "/stand-in/restrict":
                self.patrons.restrict(**json.loads(request.body))
                return Answer(204)
            if request.method == "POST" and path == "/stand-in/faults":
                self.suffer(Fault(**json.loads(request.body)))
                return Answer(204)
            if request.method == "POST" and path == "/stand-in/expire-tokens":
                self.expire_tokens()
                return Answer(204)
        except (ValueError, TypeError, KeyError):
            return Answer(400, {"error": "That cannot be read"})
        return _nothing_here()

    def _write_down(self, request: Request, answer: Answer) -> None:
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        try:
            sent = (
                {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
                if form
                else json.loads(request.body or b"null")
            )
        except ValueError:
            sent = request.body.decode("utf-8", "replace")
        line = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "request_headers": {name: value for name, value in request.headers.items() if name != "authorization"},
            "authorization": request.headers.get("authorization", "").partition(" ")[0],
            "request": _without_secrets(sent),
            "status": answer.status,
            "response_headers": dict(answer.headers),
            "response": _without_secrets(answer.body),
        }
        assert self._exchanges is not None
        with self._lock:
            self._exchanges.write(json.dumps(line) + "\n")
            self._exchanges.flush()


def _without_secrets(body: Any) -> Any:  # noqa: ANN401  # any JSON
    return {name: "(withheld)" if name in _SECRET_KEYS else value for name, value in body.items()} if isinstance(body, dict) else body


def _nothing_here() -> Answer:
    return Answer(404, {"errors": [{"message": "Not Found", "path": "/"}], "status": 404})


class _Server(socketserver.ThreadingTCPServer):
    """One thread a connection: a handful of callers that keep their connections open."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], stand_in: StandIn, tls: ssl.SSLContext | None) -> None:
        self.stand_in = stand_in
        self.tls = tls
        self.connections: set[socket.socket] = set()
        super().__init__(address, _Connection)

    def end_connections(self) -> None:
        """Break what callers keep open."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that broke; anything else is a fault of the stand-in."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # the base class's own types, passed on


class _Connection(socketserver.StreamRequestHandler):
    """HTTP/1.1 on one kept-open connection; hand-read, because http.server parses headers as e-mail and takes ten times as long."""

    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    rbufsize = 65536
    server: _Server

    def setup(self) -> None:
        """Shake hands here, in the connection's own thread, so that a silent caller holds up nobody."""
        if self.server.tls is not None:
            self.request.settimeout(self.timeout)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.server.connections.add(self.connection)
        self.near = ipaddress.ip_address(self.client_address[0]).is_loopback

    def handle(self) -> None:
        """Answer request after request until the caller has had enough."""
        while self._answer_one():
            pass

    def finish(self) -> None:
        """Let the connection go."""
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def _answer_one(self) -> bool:
        line = self.rfile.readline(65537)
        if line in {b"\r\n", b"\n"}:
            line = self.rfile.readline(65537)
        if not line:
            return False
        try:
            method, target, version = line.decode("ascii").split()
            headers = self._headers()
            length = int(headers.get("content-length", "0"))
            if "transfer-encoding" in headers or not 0 <= length <= _LONGEST_BODY:
                raise ValueError(length)
        except ValueError:
            self._send(Answer(400, {"error": "Not a request that can be read"}), keep=False)
            return False
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(length) if length else b""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True) if parts.query else {}
        keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        try:
            answer = self.server.stand_in.respond(Request(method, parts.path, query, headers, body), near=self.near)
        except _Broken:
            return False
        self._send(answer, keep=keep)
        return keep

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(65537)) not in {b"\r\n", b"\n", b""}:
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or len(headers) > 100:
                raise ValueError(name)
            headers[name.lower()] = value.strip()
        return headers

    def _send(self, answer: Answer, *, keep: bool) -> None:
        if answer.body is None:
            kind, body = "", b""
        elif isinstance(answer.body, str):
            kind, body = "text/html; charset=utf-8", answer.body.encode()
        else:
            kind, body = "application/json", json.dumps(answer.body).encode()
        head = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, 'Answer')}"]
        if kind:
            head.append(f"Content-Type: {kind}")
        if answer.status != 204:
            head.append(f"Content-Length: {len(body)}")
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        head.append("Connection: keep-alive" if keep else "Connection: close")
        self.wfile.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; the first line printed is JSON with ``port``, ``endpoint`` and ``page``."""
    parser = argparse.ArgumentParser(prog="python -m local.ils.stand_in", description="A stand-in for a library's Koha.")
    parser.add_argument("--db", type=Path, required=True, help="SQLite file of the patrons; made if it is not there")
    parser.add_argument("--rules", type=Path, required=True, help="JSON file: branches, patron_types, attribute_types, clients, …")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--cert", type=Path, help="PEM certificate; with it the stand-in speaks TLS")
    parser.add_argument("--key", type=Path, help="PEM key of the certificate")
    parser.add_argument("--exchanges", type=Path, help="file for one line of JSON an exchange")
    chosen = parser.parse_args(arguments)
    rules = Rules.model_validate_json(chosen.rules.read_bytes())
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with StandIn(rules, chosen.db, port=chosen.port, cert=chosen.cert, key=chosen.key, exchanges=chosen.exchanges) as library:
        print(json.dumps({"port": library.port, "endpoint": library.endpoint, "page": library.origin + "/stand-in/patrons"}), flush=True)
        over.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
