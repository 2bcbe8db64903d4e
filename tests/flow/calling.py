"""How a peer of the toy office calls its HTTPS entrance."""

import json
import ssl
from contextlib import asynccontextmanager

import aiohttp

from tests.flow.toys import OFFICE, TENANT

PUT = f"/v1/{TENANT}/{OFFICE}/person.put"
FIND = f"/v1/{TENANT}/{OFFICE}/person.find"


def tls_of(site, name):
    tls = site.config.root / "keys/tls"
    context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
    if name is not None:
        context.load_cert_chain(tls / f"{name}.crt", tls / f"{name}.key")
    return context


@asynccontextmanager
async def calling(site, base, name, **how):
    async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(ssl=tls_of(site, name)), **how) as session:
        yield session


async def answer_of(response):
    return response.status, await response.json(content_type=None)


async def posted(session, path, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with session.post(path, data=data, headers=headers) as response:
        return await answer_of(response)
