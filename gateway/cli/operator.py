"""Asks the running gateway through its admin listener, as the operator whose personal certificate lies at hand."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp

from gateway.config import GatewayFile, read_gateway_file
from gateway.errors import GatewayError, Misconfigured


def ask(root: Path, method: str, path: str) -> Any:
    """The answer's JSON. Raises Misconfigured if the gateway cannot be asked, GatewayError with its code if it says
    no.
    """
    return asyncio.run(_ask(root, read_gateway_file(root), method, path))


async def _ask(root: Path, file: GatewayFile, method: str, path: str) -> Any:
    admin = file.admin
    url = f"https://{admin.host}:{admin.port}{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.request(method, url, ssl=_identity(root, file)) as response,
        ):
            answer = json.loads(await response.read())
    except aiohttp.ClientSSLError:
        told = f"the gateway at {admin.host}:{admin.port} shows a certificate that {admin.client_ca} does not vouch for"
        step = "has it ended, or does it not name this host? gateway check names those that end"
        raise Misconfigured((told, step)) from None
    except (aiohttp.ClientError, TimeoutError, OSError):
        raise Misconfigured((f"no gateway answers at {admin.host}:{admin.port}; is it running?",)) from None
    if response.status >= 400 and "code" in answer:
        raise GatewayError(answer["code"])
    return answer


def _identity(root: Path, file: GatewayFile) -> ssl.SSLContext:
    """The first configured operator whose key lies beside the certificate."""
    for certificate in file.admin.operators.values():
        key = (root / certificate).with_suffix(".key")
        if key.exists():
            context = ssl.create_default_context(cafile=str(root / file.admin.client_ca))
            context.load_cert_chain(root / certificate, key)
            return context
    raise Misconfigured(("config/gateway.toml: admin.operators: no operator's key lies beside its certificate here",))
