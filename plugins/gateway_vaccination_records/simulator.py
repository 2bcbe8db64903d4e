"""The record system with faults that can be switched on, to show that a line over a bad network loses nothing.

The rule: every fault is one that the real system or the network may show, drawn from a seed; what the system commits
and answers beneath it is the real thing, but for what a test says that it has due.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import uuid4

import structlog
from aiohttp import web

from gateway_vaccination_records.record_system import serve
from gateway_vaccination_records.record_system.app import Api
from gateway_vaccination_records.record_system.area import Area
from gateway_vaccination_records.record_system.desk import Desk
from gateway_vaccination_records.record_system.http import EVENT_ANSWERS, Desks, read, rows
from gateway_vaccination_records.record_system.ledger_models import Registration, RegistrationsBody
from gateway_vaccination_records.record_system.models import DeleteRow, LookupRow, RegisterRow
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.problems import Handler
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Verdict

FAULTS: Final = {
    "503": "answers 503 with Retry-After before anything is done",
    "drop_before": "drops the connection before anything is done",
    "drop_after": "drops the connection after the commit, before the answer",
    "late": "commits, and answers after --late-seconds",
    "garbage": "commits, and answers with a body that is no answer",
    "busy": "leaves a single row out and calls it busy",
    "other_person": "answers a single look-up about another person than was asked for",
}
_NETWORK: Final = ("503", "drop_before", "drop_after", "late", "garbage")


class Faults:
    """How often each fault strikes, and how often it did. Each has dice of its own, so none shifts another's."""

    def __init__(self, rates: Mapping[str, float], seed: int, late_seconds: float) -> None:
        self._rates = rates
        self._dice = {name: Random(f"{seed}:{name}") for name in rates}  # noqa: S311 - faults must repeat
        self.late_seconds = late_seconds
        self.injected: Counter[str] = Counter()

    def strikes(self, name: str) -> bool:
        """Throw the dice of one fault, and count it if it strikes."""
        struck = name in self._rates and self._dice[name].random() < self._rates[name]
        self.injected[name] += struck
        return struck

    @web.middleware
    async def network(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """At most one fault per POST; health and counts stay honest."""
        fault = next((name for name in _NETWORK if self.strikes(name)), None) if request.method == "POST" else None
        match fault:
            case "503":
                return web.Response(status=503, headers={"Retry-After": "1"})
            case "drop_before":
                return _drop(request)
        response = await handler(request)
        match fault:
            case "drop_after":
                return _drop(request)
            case "late":
                await asyncio.sleep(self.late_seconds)
            case "garbage":
                return web.Response(body=b'{"rows":[{"index":', content_type="application/json")
        return response


class Offered:
    """What a test says is due, as it is, before what the system itself has due; given out until it is ended.

    `POST /simulator/due` with `{"kind": "notice", "records": [...]}`; the kinds are those of `/v1/due`.
    """

    def __init__(self) -> None:
        self._batches: dict[str, tuple[str, list[Any]]] = {}  # kind and records

    @web.middleware
    async def first(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers what is about an offer; the system answers the rest."""
        if request.path not in {"/simulator/due", "/v1/due", "/v1/due/ended"}:
            return await handler(request)
        body = json.loads(await request.read())
        if request.path == "/simulator/due":
            self._batches[uuid4().hex] = (body["kind"], body["records"])
            return web.Response(status=204)
        if request.path == "/v1/due":
            offers = [batch for batch, (kind, _) in self._batches.items() if kind == body["kind"]]
            mine = [batch for batch in offers if batch not in body["besides"]]
            return web.json_response(self._given(mine[0])) if mine else await handler(request)
        if self._batches.pop(body["batch"], None) is None:
            return await handler(request)
        return web.json_response({"rows": [{"index": row["index"], "status": "kept"} for row in body["rows"]]})

    def _given(self, batch: str) -> dict[str, Any]:
        _, records = self._batches[batch]
        return {"batch": batch, "rows": [{"index": n, "record": each} for n, each in enumerate(records)]}


class FaultyArea(Area):
    """An area that finds some rows busy and leaves them for later, and takes some persons for others. Of what is told
    to be of long ago nothing is due.
    """

    def __init__(self, directory: Path, municipality_code: str, key: TenantKey, *, faults: Faults) -> None:
        super().__init__(directory, municipality_code, key)
        # pages: killed often, it does not live to see the system's 16384, and is to die writing them home, too
        self._db.execute("PRAGMA wal_autocheckpoint=1000")
        self._faults = faults

    def store(self, message_id: str, rows: Sequence[RegisterRow | DeleteRow]) -> dict[int, Verdict]:
        """Judge those rows that are not busy."""
        free = [row for row in rows if not self._faults.strikes("busy")]
        return super().store(message_id, free) if free else {}

    def register(self, message_id: str, rows: Sequence[Registration]) -> dict[int, Verdict]:
        """Judge those rows that are not busy."""
        free = [row for row in rows if not self._faults.strikes("busy")]
        return super().register(message_id, free) if free else {}

    def of_long_ago(self, message_id: str, rows: Sequence[Registration]) -> dict[int, Verdict]:
        """Judge them all, and send nobody what is kept."""
        last = self._db.execute("SELECT coalesce(max(id), 0) FROM due").fetchone()
        verdicts = super().register(message_id, rows)
        self._db.execute("DELETE FROM due WHERE id > ?", last)
        return verdicts

    def lookup(self, rows: Sequence[LookupRow]) -> dict[int, Person | None]:
        """Whom the rows mean, and now and then somebody else."""
        return {
            index: _other(person) if person is not None and self._faults.strikes("other_person") else person
            for index, person in super().lookup(rows).items()
        }


class LongAgo:
    """`POST /simulator/registrations`, as `/v1/registrations`, of what was sent to everybody long ago."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._desks = Desks(desks)

    async def register(self, request: web.Request) -> web.Response:
        """An outcome per row."""
        desk, body = self._desks.of(request), await read(request, RegistrationsBody)
        assert isinstance(desk.area, FaultyArea)  # noqa: S101  (all areas here are)
        verdicts = await desk.ask(partial(desk.area.of_long_ago, body.message_id, body.rows))
        return rows([{"index": row.index, **EVENT_ANSWERS[verdicts.get(row.index)]} for row in body.rows])


def _other(person: Person) -> Person:
    number = person.record["internal_no"]
    return replace(person, record={**person.record, "internal_no": f"{number[:-1]}{9 - int(number[-1])}"})


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _rates(text: str) -> dict[str, float]:
    rates = {}
    for part in filter(None, text.split(",")):
        name, _, rate = part.partition(":")
        if name not in FAULTS:
            raise argparse.ArgumentTypeError(f"no such fault; there are {', '.join(FAULTS)}")
        rates[name] = float(rate)
    if not all(0 <= rate <= 1 for rate in rates.values()):
        raise argparse.ArgumentTypeError("a rate is between 0 and 1")
    return rates


def _main() -> int:
    parser = serve.arguments("gateway_vaccination_records.simulator", "The record system with faults.")
    listed = "; ".join(f"{name} {meaning}" for name, meaning in FAULTS.items())
    parser.add_argument("--faults", type=_rates, default={}, metavar="NAME:RATE,...", help=listed)
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same faults")
    parser.add_argument("--late-seconds", type=float, default=5.0, help="how late a late answer is")
    given = parser.parse_args()
    faults = Faults(given.faults, given.seed, given.late_seconds)

    def build(desks: Mapping[str, Desk], body_bytes: int) -> web.Application:
        app = Api(desks).application(body_bytes)
        app.middlewares[:0] = [faults.network, Offered().first]
        app.router.add_post("/simulator/registrations", LongAgo(desks).register)
        return app

    status = serve.main(given.config, build, partial(FaultyArea, faults=faults))
    if status == 0:
        structlog.get_logger().info("faults", **{name: faults.injected[name] for name in FAULTS})
    return status


if __name__ == "__main__":
    sys.exit(_main())
