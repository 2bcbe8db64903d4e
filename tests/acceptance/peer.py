"""Somebody who speaks HTTPS to a program, under one client certificate or none; one connection for each question."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PROBLEM = "application/problem+json"
PATIENCE = 90.0
"""Seconds for an answer: longer than `Site` lets the gateway wait for a reply."""
File = tuple[Path, int, int]
"""A path, and by which inode and time its content is known."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and stable code of problem details (RFC 9457)."""
        assert self.headers["Content-Type"].startswith(PROBLEM)
        problem = self.json
        assert problem["status"] == self.status
        assert problem["type"] == f"urn:renkei:problem:{problem['code']}"
        return self.status, problem["code"]

    @property
    def message_id(self) -> str:
        return str(self.json["message_id"])


@cache
def _tls(ca: File, *shown: File) -> ssl.SSLContext:
    """Of these files as they are now; made for each question it would cost as much as the question."""
    context = ssl.create_default_context(cafile=str(ca[0]))
    if shown:
        context.load_cert_chain(shown[0][0], shown[1][0])
    return context


@dataclass(frozen=True)
class Peer:
    """`certificate` is a PEM file with its key beside it; None shows none."""

    port: int
    ca: Path
    certificate: Path | None

    def get(self, path: str) -> Answer:
        return self.ask("GET", path, None)

    def post(self, path: str, body: object, **headers: str) -> Answer:
        """`body` is bytes as they are, or anything that JSON can say; header names have _ for -."""
        sent = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return self.ask("POST", path, sent, {name.replace("_", "-"): value for name, value in headers.items()})

    def say(self, spoken: bytes) -> bytes:
        """Whatever comes back to these bytes, which need not be HTTP, until the other side closes."""
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as plain,
            self._tls().wrap_socket(plain, server_hostname="localhost") as line,
        ):
            line.sendall(spoken)
            heard = b""
            while part := line.recv(65536):
                heard += part
            return heard

    def _tls(self) -> ssl.SSLContext:
        shown = () if self.certificate is None else (self.certificate, self.certificate.with_suffix(".key"))
        return _tls(*((path, path.stat().st_ino, path.stat().st_mtime_ns) for path in (self.ca, *shown)))

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=self._tls())
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()
