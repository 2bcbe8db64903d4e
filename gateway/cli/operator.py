"""Asks the running gateway through its admin listener, as the operator whose personal certificate lies at hand."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp

from gateway.cli.process import at_the_hub
from gateway.config import GatewayFile, read_gateway_file
from gateway.errors import Deferred, GatewayError, Misconfigured


def ask(root: Path, method: str, path: str) -> Any:
    """The answer's JSON. Raises Misconfigured if the gateway cannot be asked, GatewayError with its code if it says
    no.
    """
    return asyncio.run(_ask(root, read_gateway_file(root), method, path))


def ask_hub(root: Path, method: str, path: str) -> Any:
    """As `ask`, for what is in a tenant's log. Raises Misconfigured at an edge's root, too."""
    at_the_hub(root, "messages are followed and replayed at the hub")
    return ask(root, method, path)


async def _ask(root: Path, file: GatewayFile, method: str, path: str) -> Any:
    admin = file.admin
    tls, certificate = _identity(root, file)
    url = f"https://{admin.host}:{admin.port}{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.request(method, url, ssl=tls) as response,
        ):
            answer = json.loads(await response.read())
    except aiohttp.ClientSSLError:
        told = f"the gateway at {admin.host}:{admin.port} shows a certificate that {admin.client_ca} does not vouch for"
        step = "has it ended, or does it not name this host? gateway check names those that end"
        raise Misconfigured((told, step)) from None
    except (aiohttp.ClientError, TimeoutError, OSError):
        raise Misconfigured((f"no gateway answers at {admin.host}:{admin.port}; is it running?",)) from None
    except ValueError:
        raise Misconfigured((f"what answers at {admin.host}:{admin.port} is not a gateway",)) from None
    match answer:
        case {"code": "unknown_certificate"}:
            told = f"unknown_certificate: the running gateway does not know {certificate} as an operator's"
            step = "it read config/gateway.toml: admin.operators when it started"
            raise Misconfigured((f"{told}; {step}",))
        case {"code": "unknown_tenant"}:
            raise Misconfigured(("unknown_tenant: the running gateway has no such tenant in config/tenants",))
        case {"code": code, "status": 503}:
            raise Deferred(code, cause=answer.get("detail"))
        case {"code": code, "status": _}:
            raise GatewayError(code)
        case {"title": title, "status": status}:
            raise Misconfigured((f"the gateway at {admin.host}:{admin.port} answers {status} {title}",))
    return answer


def _identity(root: Path, file: GatewayFile) -> tuple[ssl.SSLContext, str]:
    """The first configured operator whose key lies beside the certificate, and that certificate's file."""
    from gateway.wiring.opening import present, readable

    for name, certificate in file.admin.operators.items():
        key = (root / certificate).with_suffix(".key")
        if key.exists():
            with readable("config/gateway.toml: admin.client_ca"):
                context = ssl.create_default_context(cafile=present(root / file.admin.client_ca))
            with readable(f"config/gateway.toml: admin.operators.{name}"):
                context.load_cert_chain(present(root / certificate), present(key))
            return context, certificate
    raise Misconfigured(("config/gateway.toml: admin.operators: no operator's key lies beside its certificate here",))
