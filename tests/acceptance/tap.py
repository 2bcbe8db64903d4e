"""Listens on the line to a system: passes every call on under the same certificate, and writes down what was said.

`python tap.py PORT TARGET TLS OUT`. The folder TLS has ca.crt, the system's certificate to serve with and the client's
to ask with; OUT gets a line of JSON for each call: path, body, answer.
"""

import asyncio
import json
import ssl
import sys
from pathlib import Path

import aiohttp
from aiohttp import web


async def _serve(port: int, target: str, tls: Path, out: Path) -> None:
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls / "ca.crt"))
    served.load_cert_chain(tls / "intermediate_server_system.crt", tls / "intermediate_server_system.key")
    served.verify_mode = ssl.CERT_REQUIRED
    asking = ssl.create_default_context(cafile=str(tls / "ca.crt"))
    asking.load_cert_chain(tls / "intermediate_server.crt", tls / "intermediate_server.key")

    async def passed_on(request: web.Request) -> web.Response:
        body = await request.read()
        kind = {"Content-Type": request.content_type}
        try:
            async with session.request(request.method, f"{target}{request.path}", data=body, headers=kind) as answer:
                said, status, kept = await answer.read(), answer.status, dict(answer.headers)
        except aiohttp.ClientError:
            said, status, kept = b'{"code": "maintenance"}', 503, {}
        heard = {"path": request.path_qs, "body": body.decode(), "answer": said.decode()}
        with out.open("a", encoding="utf-8") as told:
            told.write(json.dumps(heard, ensure_ascii=False) + "\n")
        passed = {name: kept[name] for name in ("Retry-After",) if name in kept}
        return web.Response(body=said, status=status, content_type="application/json", headers=passed)

    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{anything:.*}", passed_on)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=asking)) as session:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=served).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))
