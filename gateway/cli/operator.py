"""Asks the running gateway through its admin listener, under a personal certificate: that of the operator whose key
lies at hand, or another person's.
"""

import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gateway.cli.process import at_the_hub
from gateway.config import GatewayFile, read_gateway_file
from gateway.config.files import Admin
from gateway.errors import Deferred, Misconfigured, Refused
from gateway.messages import staff_id


def ask(
    root: Path,
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    as_: Path | None = None,
    terminal: str | None = None,
) -> Any:
    """The answer's JSON. `as_` is the file of a personal certificate, with its key beside it; without it an operator of
    the configuration asks. Raises Misconfigured if the gateway cannot be asked, GatewayError with its code if it says
    no.
    """
    file = read_gateway_file(root)
    asking = _Asking(path, method, body, _terminal(terminal))
    return _ask(file, asking, *_identity(root, file, as_))


def ask_hub(root: Path, method: str, path: str, **how: Any) -> Any:
    """As `ask`, for what is in a tenant's log. Raises Misconfigured at an edge's root, too."""
    at_the_hub(root, "a tenant's log is asked at the hub")
    return ask(root, method, path, **how)


BROKE_OFF: Final = "the gateway broke its answer off; its /healthz says whether it is well"


def somebody_listens(root: Path) -> bool:
    """Whether anything takes connections where the gateway's operators come in."""
    admin = read_gateway_file(root).admin
    try:
        socket.create_connection((admin.host, admin.port), timeout=_LISTENS).close()
    except OSError:
        return False
    return True


def ask_lines(
    root: Path,
    path: str,
    take: Callable[[Any], None],
    *,
    body: Mapping[str, Any],
    as_: Path | None = None,
    terminal: str | None = None,
) -> None:
    """As `ask_hub`, for a long answer to a POST: each, as its JSON, is taken as it comes."""
    at_the_hub(root, "a tenant's log is asked at the hub")
    file = read_gateway_file(root)
    asking = _Asking(path, "POST", body, _terminal(terminal), take)
    _ask(file, asking, *_identity(root, file, as_))


class _Asking(NamedTuple):
    path: str
    method: str
    body: Mapping[str, Any] | None
    terminal: str
    take: Callable[[Any], None] | None = None


def _terminal(said: str | None) -> str:
    """The terminal's id: as said, or the host's name as far as it can be one. Raises Misconfigured."""
    name = said if said is not None else re.sub("[^A-Za-z0-9.-]", "-", socket.gethostname())[:32]
    if not staff_id(name):
        told = "1 to 32 letters, digits and ._- with fewer than 12 digits together"
        raise Misconfigured((f"--terminal: name the terminal at which you sit, in {told}",))
    return name


_LISTENS: Final = 5.0
_PATIENCE: Final = 30.0
"""Seconds of silence: a long answer may take its time."""
_AT_ONCE: Final = 65_536
"""Bytes of a long answer, at most."""


def _ask(file: GatewayFile, asking: _Asking, tls: ssl.SSLContext, certificate: str) -> Any:
    admin, answer = file.admin, _answer(file.admin, asking, tls)
    match answer:
        case {"code": "unknown_certificate"}:
            told = f"unknown_certificate: the running gateway does not know {certificate}"
            if certificate in admin.operators.values():
                step = "as an operator's; it read config/gateway.toml: admin.operators when it started"
            else:
                step = "as that of anybody who may act in this tenant today"
            raise Misconfigured((f"{told} {step}",))
        case {"code": "unknown_tenant"}:
            raise Misconfigured(("unknown_tenant: the running gateway has no such tenant in config/tenants",))
        case {"code": code, "status": 503}:
            raise Deferred(code, cause=answer.get("detail"))
        case {"code": code, "status": _}:
            raise Refused(code, cause=answer.get("detail"))
        case {"title": title, "status": status}:
            raise Misconfigured((f"the gateway at {admin.host}:{admin.port} answers {status} {title}",))
    return answer


def _answer(admin: Admin, asking: _Asking, tls: ssl.SSLContext) -> Any:
    headers, body = {"Renkei-Terminal": asking.terminal}, None
    if asking.body is not None:
        headers, body = headers | {"Content-Type": "application/json"}, json.dumps(asking.body)
    with closing(HTTPSConnection(admin.host, admin.port, timeout=_PATIENCE, context=tls)) as connection:
        with _reached(admin):
            connection.connect()
            connection.request(asking.method, quote(asking.path, safe="/?&=%+"), body, headers)
            response = connection.getresponse()
        if asking.take is None or response.status >= 400:
            with _whole(admin):
                return _plain(admin, response.read())
        for line in _lines(admin, response):
            asking.take(_plain(admin, line))
        return None


@contextmanager
def _reached(admin: Admin) -> Iterator[None]:
    """Until an answer begins."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        told = f"the gateway at {admin.host}:{admin.port} shows a certificate that {admin.client_ca} does not vouch for"
        step = "has it ended, or does it not name this host? gateway check names those that end"
        raise Misconfigured((told, step)) from None
    except (OSError, HTTPException):
        raise _silent(admin) from None


@contextmanager
def _whole(admin: Admin) -> Iterator[None]:
    """Until it has ended."""
    try:
        yield
    except TimeoutError:
        raise _silent(admin) from None
    except (OSError, HTTPException):
        told = f"the gateway at {admin.host}:{admin.port} broke its answer off; its /healthz says whether it is well"
        raise Misconfigured((told,)) from None


def _silent(admin: Admin) -> Misconfigured:
    return Misconfigured((f"no gateway answers at {admin.host}:{admin.port}; is it running?",))


def _plain(admin: Admin, told: bytes) -> Any:
    try:
        return json.loads(told)
    except ValueError:
        raise Misconfigured((f"what answers at {admin.host}:{admin.port} is not a gateway",)) from None


def _lines(admin: Admin, response: HTTPResponse) -> Iterator[bytes]:
    """Every line that is whole and not empty, however long, as it comes."""
    rest = b""
    while True:
        with _whole(admin):
            chunk = response.read1(_AT_ONCE)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)


def _identity(root: Path, file: GatewayFile, as_: Path | None) -> tuple[ssl.SSLContext, str]:
    """Under which certificate to ask, and its file as it was named."""
    if as_ is not None:
        return _context(root, file, "--as", as_), str(as_)
    for name, certificate in file.admin.operators.items():
        if (root / certificate).with_suffix(".key").exists():
            where = f"config/gateway.toml: admin.operators.{name}"
            return _context(root, file, where, root / certificate), certificate
    told = "no operator's key lies beside its certificate here; name your own certificate with --as"
    raise Misconfigured((f"config/gateway.toml: admin.operators: {told}",))


def _context(root: Path, file: GatewayFile, where: str, certificate: Path) -> ssl.SSLContext:
    from gateway.link.tls import present, readable

    with readable("config/gateway.toml: admin.client_ca"):
        context = ssl.create_default_context(cafile=present(root / file.admin.client_ca))
    with readable(where):
        context.load_cert_chain(present(certificate), present(certificate.with_suffix(".key")))
    return context
