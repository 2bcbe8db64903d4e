"""A witness over the network, from the hub's side: every answer of the protocol, and whatever else may come instead."""

import asyncio
import contextlib
import io
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.keys.certificates import Authority
from gateway.link.listening import Listening
from gateway.link.tls import server_tls
from gateway.link.witness import Answer, RemoteWitness, Unanswered
from gateway.observe import Telemetry, configure
from gateway.tlog.cosignature import cosigned_at
from gateway.witness.listener import WitnessListener
from gateway.witness.store import Store
from gateway.witness.witness import Witness
from tests.flow.line import HANGS
from tests.witness.logs import AT, COSIGNER, ORIGIN, SIGNER, Log

LOG = Log(["a", "b", "c", "d"])
BODY = LOG.submission(0, 3).text()
Connect = Callable[..., contextlib.AbstractAsyncContextManager[RemoteWitness]]


class Entrance:
    """Whoever stands where a witness should."""

    def __init__(self, answer: Callable[[web.Request], Any]) -> None:
        self.answer = answer

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{any:.*}", self.answer)
        return application

    def crowded(self) -> None: ...


class Address:
    host, port = "127.0.0.1", 0


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    now = datetime.now(UTC)
    for name in ("ca", "stranger"):
        authority = Authority.make("made up", now)
        (folder / f"{name}.crt").write_bytes(authority.issued.certificate.public_bytes(Encoding.PEM))
        authority.server("witness", now).write(folder, f"{name}_server")
    return folder


@pytest.fixture
def to(certificates, monkeypatch) -> Connect:
    """Somebody listens, and a RemoteWitness goes there, with all the patience that a busy machine wants."""
    monkeypatch.setattr("gateway.link.witness._PATIENCE", HANGS)

    @contextlib.asynccontextmanager
    async def listening(entrance: Any, *, server: str = "ca", path: str = "") -> AsyncIterator[RemoteWitness]:
        certificate, key = (str(certificates / f"{server}_server.{each}") for each in ("crt", "key"))
        ours = Listening(Telemetry(configure(io.StringIO())))
        try:
            await ours.begin("witness", Address(), server_tls(certificate, key, None, bytes), entrance)
            tls = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
            url = f"https://localhost:{ours._servers[0].port}{path}"
            yield RemoteWitness(url, tls, COSIGNER.verifier())
        finally:
            await ours.end()

    return listening


def witness(store: Store) -> WitnessListener:
    judge = Witness(COSIGNER, {ORIGIN: [SIGNER.verifier()]}, store)
    return WitnessListener(judge, Telemetry(configure(io.StringIO())), lambda: datetime.fromtimestamp(AT, UTC))


@pytest.mark.parametrize("path", ["", "/"])
async def test_our_own_witness_and_our_own_client_understand_each_other(to, path):
    with closing(Store.open(Path(":memory:"))) as store:
        async with to(witness(store), path=path) as remote:
            answer = await remote.add(BODY)
            assert (answer.status, answer.size) == (200, None)
            assert cosigned_at(LOG.signed(3) + answer.text, COSIGNER.verifier()) == AT
            assert await remote.add(BODY) == Answer(409, "3\n", 3)
            assert (await remote.add(LOG.submission(3, 2).text())).status == 400
            assert (await remote.add("nothing like it")).status == 400


async def test_what_is_submitted_goes_below_its_prefix(to):
    heard = []

    async def answer(request):
        heard.append((request.method, request.path, await request.text()))
        return web.Response(text="x")

    async with to(Entrance(answer), path="/some/prefix/") as remote:
        assert await remote.add(BODY) == Answer(200, "x", None)
    assert heard == [("POST", "/some/prefix/add-checkpoint", BODY)]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("7\n", "text/plain"),
        ("7", "text/x.tlog.size"),
        ("07\n", "text/x.tlog.size"),
        ("-7\n", "text/x.tlog.size"),
        ("7\n7\n", "text/x.tlog.size"),
        ("9223372036854775808\n", "text/x.tlog.size"),
        ("", "text/x.tlog.size"),
    ],
)
async def test_a_conflict_names_a_size_in_its_one_form_or_none(to, text, form):
    async def answer(_):
        return web.Response(status=409, body=text.encode(), content_type=form)

    async with to(Entrance(answer)) as remote:
        assert await remote.add(BODY) == Answer(409, text, None)


async def test_a_size_that_is_no_conflict_is_none(to):
    async def answer(_):
        return web.Response(status=422, body=b"7\n", content_type="text/x.tlog.size")

    async with to(Entrance(answer)) as remote:
        assert (await remote.add(BODY)).size is None


async def test_nobody_is_followed_elsewhere(to):
    async def answer(request):
        assert request.path == "/add-checkpoint"
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async with to(Entrance(answer)) as remote:
        assert (await remote.add(BODY)).status == 307


async def too_long(_):
    return web.Response(body=b"x" * 70_000)


async def no_text(_):
    return web.Response(body=b"\xff")


async def hung_up(request):
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("answer", [too_long, no_text, hung_up])
async def test_what_is_none_of_the_protocols_answers_is_none(to, answer):
    async with to(Entrance(answer)) as remote:
        with pytest.raises(Unanswered):
            await remote.add(BODY)


async def test_who_is_silent_is_not_waited_for_forever(to, monkeypatch):
    monkeypatch.setattr("gateway.link.witness._PATIENCE", 0.1)

    ended = asyncio.Event()

    async def silent(_):
        await ended.wait()
        return web.Response()

    async with to(Entrance(silent)) as remote:
        with pytest.raises(Unanswered, match="Timeout"):
            await remote.add(BODY)
        ended.set()


async def test_a_server_of_another_authority_is_nobody(to):
    async with to(Entrance(no_text), server="stranger") as remote:
        with pytest.raises(Unanswered, match="Certificate"):
            await remote.add(BODY)


async def test_nobody_there(to):
    async with to(Entrance(no_text)) as remote:
        pass
    with pytest.raises(Unanswered):
        await remote.add(BODY)
