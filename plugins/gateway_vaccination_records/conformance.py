"""The record system as the conformance suite meets it: the real one, with a made-up city in it.

The rule: whatever a delivery needs to find there is there once its record is told.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from secrets import token_hex
from typing import Any, Final
from uuid import uuid4

from gateway.plugin import JsonValue
from gateway.plugin.testing import MadeUp, Place, Subject, ask, started
from gateway_vaccination_records.interface import INTERFACE

_CITY: Final = "999997"
_AT_ONCE: Final = 100
"""Persons that are made known together; they are few calls, and the next ones are likely asked for."""
_OTHERS, _NEWCOMERS = 10_000, 20_000
"""Added to a person's number: one with a PMH key and no pseudonym, to be linked or deleted; one who is not there."""
_SOMEBODY: Final = 30_000
"""No record is about this person; what there is to be sent from the beginning is."""
_WHO: Final = {"pseudonym.hand_over": _OTHERS, "subject.delete": _OTHERS, "subject.register": _NEWCOMERS}
_EXAMINED: Final = "MADEUP-EXAMINED-{:06}"
_DOSES: Final = {
    "template.query": "MADEUP-DUE-{:06}",
    "questionnaire.enter": "MADEUP-DUE-{:06}",
    "examination.enter": _EXAMINED,
    "vaccination.enter": "MADEUP-GIVEN-{:06}",
}
"""The dose due that each of these is about."""
_KINDS: Final = {
    "notice.deliver": "notice",
    "record.return": "return",
    "research.register": "research",
    "id5.fetch": "id5",
}
_MADE_UP: Final = MadeUp(INTERFACE)
_OWN: Final[Mapping[str, JsonValue]] = {
    "answer_kind": "text",
    "consent_flag": True,
    "forced_expiry_date": "9999-12-31",
}
_CONFIRMED: Final = {"consent_flag": True, "valid_until": "2999-12-31T23:59:59+09:00"}


class VaccinationRecords(Subject):
    """An effect is a state that the record system keeps: of a person, an entry, a link, a questionnaire."""

    _place: Place
    _address: str | None = None

    def __init__(self) -> None:
        self._own: dict[int, Mapping[str, JsonValue]] = {}  # what the record system called a person, and the answers
        self._whose: dict[str, int] = {}  # a registered number, and the person
        self._ours = 0

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str]:
        self._place = place
        command = (sys.executable, "-m", "gateway_vaccination_records.simulator", "--config", str(_configured(place)))
        async with started(*command) as said:
            self._address = f"https://127.0.0.1:{said['port']}"
            if _SOMEBODY not in self._own:
                await self._prepare([_SOMEBODY])
                await self._something_due()
            yield self._address

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        return {
            "base_url": address,
            "tls": asdict(place.connector),
            "answer_timeout": 2.0,
            "ask_keys": True,
            "ask_id5": True,
            "send": ["notice", "return", "research"],
        }

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        if direction == "sends":
            return _MADE_UP.record(direction, operation, person)
        if self._address is not None and person not in self._own:
            self._prepare_now(person)
        return self._record(operation, person)

    async def effects(self, address: str) -> int:
        return await self._count() - self._ours

    async def offer(self, address: str | None, operation: str, records: Sequence[JsonValue]) -> bool:
        if operation not in _KINDS:
            return False
        await ask(self._place, "POST", f"{address}/simulator/due", {"kind": _KINDS[operation], "records": [*records]})
        return True

    def _record(self, operation: str, person: int) -> dict[str, Any]:
        own: dict[str, JsonValue] = {**_OWN, **self._own.get(person, {})}
        if operation in _DOSES:
            own["vaccination_management_id"] = _DOSES[operation].format(person)
            own["vaccination_setting_id"] = _setting(person)
        if operation == "subject.delete":
            own |= {"change_type": "3", "update_seq": 1_000_000}
        if operation == "subject.register":
            return self._registered(person + _WHO[operation], **own)
        record = _MADE_UP.record("receives", operation, person + _WHO.get(operation, 0), **own)
        if operation == "vaccination.enter":  # with an id it would correct what was entered before
            del record["vaccination_record_id"]
        return record

    def _registered(self, person: int, **own: JsonValue) -> dict[str, Any]:
        record = _made_up("subject.register", person, **own)
        self._whose[record["individual_number"]] = person
        return record

    def _prepare_now(self, person: int) -> None:
        """On a loop of its own, for the one that runs here waits for the record."""
        first = person - (person - 1) % _AT_ONCE
        persons = [each for each in range(first, first + _AT_ONCE) if each not in self._own]
        with ThreadPoolExecutor(1) as aside:
            aside.submit(asyncio.run, self._prepare(persons)).result()

    async def _prepare(self, persons: Sequence[int]) -> None:
        """Residents with PMH keys and pseudonyms, doses due, answers to one of them, a dose and a notice that nobody is
        to be sent any more, and a visit that PMH confirmed.
        """
        before = await self._count()
        subjects = [self._registered(each + more) for more in (0, _OTHERS) for each in persons]
        await self._tell("/v1/subjects", subjects, "register")
        await self._issue_keys()
        links = [_made_up("pseudonym.hand_over", each) for each in persons]
        await self._tell("/v1/residents/links", links, "hand_over")
        await self._tell("/v1/registrations", [_template(each) for each in persons], "template")
        await self._tell("/v1/registrations", [due for each in persons for due in _due(each)], "management")
        for word, told in (("record", _had), ("notice", _noticed)):
            await self._tell("/simulator/registrations", [told(each) for each in persons], word)
        sought = [_made_up("subject.lookup", each) for each in persons]
        found = await self._post("/v1/subjects/lookup", [{"index": n, **each} for n, each in enumerate(sought)])
        filled = [
            {**self._record("questionnaire.enter", each), "vaccination_management_id": _EXAMINED.format(each)}
            for each in persons
        ]
        kept = await self._tell("/v1/residents/questionnaires", filled)
        for person, who, what in zip(persons, found, kept, strict=True):
            number, answers = who["record"]["vaccination_subject_no"], what["record"]["answer_id"]
            self._own[person] = {"vaccination_subject_no": number, "answer_id": answers}
        visits = [{**self._record("visit.query", each), **_CONFIRMED} for each in persons]
        await self._post("/v1/confirmations", [{"index": n, "record": each} for n, each in enumerate(visits)])
        self._ours += await self._count() - before

    async def _issue_keys(self) -> None:
        """To whoever wants one by now."""
        while numbers := (batch := await self._call("/v1/key-batch", {"most": 1000}))["rows"]:
            rows = [{**row, "pmh_key": _pmh_key(self._whose[row["individual_number"]])} for row in numbers]
            await self._post("/v1/key-answers", rows, batch=batch["batch"])

    async def _something_due(self) -> None:
        """A notice, a dose that a clinic gave, an ID5 that is wanted for it, a number without a PMH key."""
        before = await self._count()
        await self._tell("/v1/registrations", [self._record("notice.register", _SOMEBODY)], "notice")
        await self._tell("/v1/visits/vaccinations", [self._record("vaccination.enter", _SOMEBODY)])
        await self._tell("/v1/subjects", [self._record("subject.register", _SOMEBODY)], "register")
        self._ours += await self._count() - before

    async def _count(self) -> int:
        """A link whose key was deleted at the portal was made before."""
        counts = await ask(self._place, "GET", f"{self._address}/v1/areas/self")
        kept = ("versions", "templates", "managements", "records", "notices", "links", "answers", "examinations")
        return sum(int(counts[name]) for name in kept) + int(counts["links"] - counts["keys_at_portal"])

    async def _tell(self, path: str, records: Sequence[JsonValue], word: str | None = None) -> list[dict[str, Any]]:
        named = {} if word is None else {"operation": word}
        rows = [{"index": index, **named, "record": record} for index, record in enumerate(records)]
        return await self._post(path, rows, message_id=str(uuid4()))

    async def _post(self, path: str, rows: Sequence[JsonValue], **more: JsonValue) -> list[dict[str, Any]]:
        """Raises RuntimeError if a row is refused."""
        told = await self._call(path, {"rows": [*rows], **more})
        if refused := {row["code"] for row in told["rows"] if "code" in row}:
            raise RuntimeError(f"{path}: {', '.join(sorted(refused))}")
        return list(told["rows"])

    async def _call(self, path: str, body: dict[str, JsonValue]) -> dict[str, Any]:
        return dict(await ask(self._place, "POST", f"{self._address}{path}", body))


def _made_up(operation: str, person: int, **own: JsonValue) -> dict[str, Any]:
    return _MADE_UP.record("receives", operation, person, **{**_OWN, **own})


def _template(person: int) -> dict[str, Any]:
    return _made_up("template.register", person, vaccination_setting_id=_setting(person))


def _due(person: int) -> list[dict[str, Any]]:
    setting = _setting(person)
    names = [each.format(person) for each in sorted(set(_DOSES.values()))]
    return [
        _made_up("management.register", person, vaccination_setting_id=setting, vaccination_management_id=name)
        for name in names
    ]


def _had(person: int) -> dict[str, Any]:
    name = f"MADEUP-HAD-{person:06}"
    own: dict[str, JsonValue] = {"vaccination_record_id": name, "vaccination_management_id": name}
    return _made_up("record.register", person, vaccination_setting_id=_setting(person), **own)


def _noticed(person: int) -> dict[str, Any]:
    return _made_up("notice.register", person, notice_id=f"MADEUP-HAD-{person:06}")


def _setting(person: int) -> str:
    return f"MADEUP-SETTING-{person:06}"


def _pmh_key(person: int) -> str:
    """As records name it."""
    return str(_made_up("pseudonym.hand_over", person)["pmh_key"])


def _configured(place: Place) -> Path:
    """The record system's configuration, with one municipality."""
    file, key, tls = place.folder / "record_system.toml", place.folder / f"{_CITY}.key", place.system
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(token_hex(32))
    file.write_text(
        f'data = "data"\nlisten = {{ port = 0 }}\n'
        f'tls = {{ certificate = "{tls.certificate}", key = "{tls.key}", ca = "{tls.ca}" }}\n'
        f'[[area]]\nmunicipality_code = "{_CITY}"\nkey = "file:{key.name}"\n'
        f'certificates = ["{place.fingerprint.removeprefix("sha256:")}"]\n'
    )
    return file
