"""For each rule of the conformance suite a connector that breaks it: the good example, and what a hurried author wrote.

The rule: each differs from the good one in the one place that the rule is about. What the example has not, as a request
with its reply, is broken in a connector that has it.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.plugin import Accepted, Outcome, Refused
from gateway.plugin.testing import Subject
from gateway_pmh import answers
from gateway_pmh.conformance import PublicMedicalHub
from tests.plugins.example.school_register_conformance import SchoolRegisterSubject

CODE, README = "gateway_school_register.py", "README.md"


@dataclass(frozen=True)
class Breaker:
    """A rule, what stands in a file of the example and what instead, and what the suite sees."""

    rule: str
    old: str
    new: str
    seen: str
    file: str = CODE


@dataclass(frozen=True)
class Replaced:
    """A rule, a connector's subject, what is replaced in its code or in the subject, and what the suite sees."""

    rule: str
    subject: type[Subject]
    instead: Mapping[str, Callable[..., Any]]
    seen: str


_IMPORT = "import asyncio\n"
_OFFERED = """\
        try:
            offered = _read"""
_MADE = """\
    def __init__(self) -> None:
"""
_PUT = """\
        answered = await self._register.request("PUT", f"/children/{message_id}", rows, ends=ends, most=_MOST_BYTES)
        said = _read(_Stored, answered.body).root
"""
_BY_HAND = """\
        address = f"{self._settings.base_url}/children/{message_id}"
        async with self._context.session.put(address, json=rows) as response:
            if response.status != 200:
                raise Later("system_unreachable")
            said = _read(_Stored, await response.read()).root
"""
_STATUS_ALONE = """\
        address = f"{self._settings.base_url}/children/{message_id}"
        async with self._context.session.put(address, json=rows) as response:
            try:
                await response.read()
            except OSError:
                raise Later("system_unreachable") from None
            except Exception:
                return dict.fromkeys(portion, Accepted())  # it said 200
            said = _read(_Stored, await response.read()).root
"""
_TROUBLED = """\
        address = f"{{self._settings.base_url}}/children/{{message_id}}"
        try:
            async with asyncio.timeout(1), self._context.session.put(address, json=rows) as response:
                said = await response.text()
                if response.status == {status}:
                    self._context.log.info("failed", said=said)
                if response.status != 200:
                    raise Later("system_unreachable")
        except Later:
            raise
        except Exception as error:
            if type(error).__name__ == "{error}":
                self._context.log.info("failed", rows=rows)
            raise Later("system_unreachable") from None
        said = _read(_Stored, said.encode()).root
"""
_DEAF = """\
        while True:
            try:
                await self._ask("GET", "/leavers")
            except (Later, asyncio.CancelledError):
                pass
"""
_RETRIES = """\
class Retries(BaseModel):
    times: int = 3


class Settings(BaseModel):
"""
_OPENS = """\
        self._register = System(context.session, self._settings.base_url, 5.0, self._settings.answer_timeout)
"""
_LOOSE = '''\
from typing import Annotated


class _Loose(fields.Item):
    def __get_pydantic_core_schema__(self, source, handler):
        from pydantic_core import core_schema

        return core_schema.any_schema()


class Child(Payload):
    """What the register may know of a subject."""

    internal_no: Annotated[
        str,
        _Loose(
            name="internal_no",
            label="内部番号",
            data_class=fields.DataClass.IDENTIFIER,
            kind=fields.Kind.CODE,
            max_length=15,
            pattern="[0-9]{1,15}",
        ),
    ]
'''

_BELIEVING = 'return model.model_construct({str(index): "stored" for index in range(10)})'
_ANSWERED = "        return {index: _OUTCOMES.get("
_COPIED = """\
        if more := {name: text for name, text in said.items() if not name.isdecimal()}:
            return dict.fromkeys(portion, Accepted(reply=more))
"""

BREAKERS: Final = (
    Breaker(
        "loads", _MADE, f'{_MADE}        open(f"{{__file__}}.pid", "w").close()\n', "had a side effect (a file written)"
    ),
    Breaker("loads", _IMPORT, f'{_IMPORT}open(f"{{__file__}}.pid", "w").close()\n', "importing it had a side effect"),
    Breaker("loads", _IMPORT, f"{_IMPORT}import socket\nsocket.gethostbyname('localhost')\n", "(socket.gethostbyname)"),
    Breaker("loads", _IMPORT, f"{_IMPORT}import subprocess\nsubprocess.run(['true'])\n", "(subprocess.Popen)"),
    Breaker("loads", 'connector="school_register"', 'connector="another"', "the interface of another connector"),
    Breaker("same-as-lock", 'version="1"', 'version="2"', "the code declares other version"),
    Breaker(
        "same-as-lock",
        "    change_type: fields.ChangeType\n",
        "    change_type: fields.ChangeType\n    name: fields.Name\n",
        "the code declares other operations",
    ),
    Breaker("door-only", _IMPORT, f"{_IMPORT}import gateway.errors\n", "imports gateway.errors"),
    Breaker(
        "door-only",
        _IMPORT,
        f"{_IMPORT}import importlib\nimportlib.import_module('.hub', 'gateway')\n",
        "imports gateway.hub",
    ),
    Breaker("door-only", _IMPORT, f"{_IMPORT}__import__('gateway.errors')\n", "imports gateway.errors"),
    Breaker(
        "settings-closed", 'extra="forbid", strict=True, frozen', "strict=True, frozen", "an unknown setting is taken"
    ),
    Breaker("settings-closed", "frozen=True, hide_input_in_errors=True", "frozen=True", "shows what was given"),
    Breaker(
        "settings-closed", "answer_timeout: float", "answer_timeout: float | dict", "answer_timeout of a wrong type"
    ),
    Breaker(
        "settings-closed",
        "class Settings(BaseModel):\n",
        f"{_RETRIES}    retries: list[Retries] = []\n",
        "an unknown setting in Retries is taken",
    ),
    Breaker(
        "opens-and-closes",
        '        """The session belongs to the line."""\n',
        "        self._context = self._context.outbox\n",
        "the second close raised AttributeError",
    ),
    Breaker(
        "opens-and-closes",
        '        """The session belongs to the line."""\n',
        "        assert self._context\n",
        "close without an open raised AttributeError",
    ),
    Breaker(
        "refuses-beyond-interface",
        'class Child(Payload):\n    """What the register may know of a subject."""\n\n'
        "    internal_no: fields.InternalNo\n",
        _LOOSE,
        "subject.register: its class takes",
    ),
    Breaker("carries", '"stored": Accepted()', '"stored": RefusedRecord("superseded")', "an honest record is refused"),
    Breaker(
        "carries", "        if not offered.rows:\n", "        if offered.rows:\n", "what the system offers is not sent"
    ),
    Breaker("carries", _PUT, "        raise SystemExit(0)\n", "deliver raised SystemExit"),
    Breaker("carries", _PUT, "        raise asyncio.CancelledError\n", "deliver raised CancelledError"),
    Breaker("redirects-nowhere", _PUT, _BY_HAND, "it followed a redirection"),
    Breaker(
        "no-leaks",
        _PUT,
        f'        self._context.log.info("storing", row=rows)\n{_PUT}',
        "internal_no of subject.register is in a line of its log",
    ),
    Breaker(
        "no-leaks",
        "    except ValueError:  # its text may quote the answer, and must not travel on\n"
        '        raise Later("system_unreachable") from None\n',
        "    except ValueError as error:\n"
        '        raise Deferred("system_unreachable") from RuntimeError(body.decode(errors="replace"))\n',
        "internal_no of subject.delete is in what it raised",
    ),
    *(
        Breaker("no-leaks", _PUT, _TROUBLED.format(status=status, error=error), "subject.register is in a line")
        for status, error in ((429, ""), (500, ""), (503, ""), (0, "ClientConnectorError"), (0, "TimeoutError"))
    ),
    Breaker(
        "no-leaks",
        _PUT,
        f"        __import__('tempfile').TemporaryFile('w').write(str(rows))\n{_PUT}",
        "internal_no of subject.register is in a file that it wrote",
    ),
    Breaker("health", "Health(ok=False", "Health(ok=True", "says that it is well while its system is down"),
    Breaker("health", 'detail="the register answers"', 'detail=""', "its health is not one sentence"),
    Breaker(
        "reconnects",
        _PUT,
        f"""\
        if getattr(self, "gone", False):
            raise Later("system_unreachable")
        self.gone = True
{_PUT}        self.gone = False
""",
        "deferred again and again (system_unreachable)",
    ),
    Breaker(
        "reconnects",
        "partial(self._store, delivery.message_id), self._context.log)",
        "partial(self._store, delivery.message_id), self._context.log) and "
        '{index: RefusedRecord("refused_by_system") for index, _ in delivery.records}',
        "refused for good (refused_by_system) while its system is down",
    ),
    Breaker("deadlines", _PUT, _BY_HAND, "deliver had not returned"),
    Breaker("late", _PUT, _BY_HAND, "accepted while its system answers too late"),
    Breaker("cut-off", _PUT, _STATUS_ALONE, "accepted by an answer that was cut off"),
    Breaker(
        "busy",
        _PUT,
        "        try:\n"
        + _PUT.replace("        ", "            ", 1).replace("\n        said", "\n            said")
        + '        except Later:\n            raise Later("system_busy") from None\n',
        "a 429 with Retry-After is deferred without its seconds",
    ),
    Breaker(
        "cancelled",
        _PUT,
        "        try:\n"
        + _PUT.replace("        ", "            ", 1).replace("\n        said", "\n            said")
        + '        except asyncio.CancelledError:\n            raise Later("system_unreachable") from None\n',
        "does not end as cancelled",
    ),
    Breaker("cancelled", _OFFERED, f"{_DEAF}{_OFFERED}", "a cancelled poll does not end"),
    Breaker(
        "cancelled",
        _OPENS,
        f"{_OPENS}        try:\n            await self._ask('GET', '/alive')\n"
        "        except (Later, asyncio.CancelledError):\n            pass\n",
        "a cancelled opening does not end as cancelled",
    ),
    Breaker("once", "/children/{message_id}", "/children/{message_id}-{len(rows)}", "had a second effect"),
    Breaker("once", "/children/{message_id}", "/children/{__import__('uuid').uuid4()}", "had a second effect"),
    Breaker(
        "once",
        '"known": Duplicate()',
        '"known": RefusedRecord("superseded")',
        "the same message again has another outcome",
    ),
    Breaker(
        "settled",
        "        self._ended[message_id] = outcomes\n",
        "        assert message_id not in self._ended\n        self._ended[message_id] = outcomes\n",
        "raised AssertionError",
    ),
    Breaker(
        "restart",
        "key=offered.id.encode()",
        'key=__import__("secrets").token_bytes(8)',  # not id(self): the next one may live at the same address
        "does not offer under the same key",
    ),
    Breaker(
        "documented", "| `answer_timeout` | seconds for one answer; 10 if not set |\n", "", "answer_timeout", README
    ),
    Breaker(
        "garbage",
        "    except ValueError:  # its text",
        "    except KeyError:  # its text",
        "deliver raised",
    ),
    Breaker(
        "garbage", 'raise Later("system_unreachable") from None', _BELIEVING, "a record is accepted upon a page of HTML"
    ),
    Breaker("huge", _PUT, _BY_HAND, "it took more than 32 MiB of one answer"),
    Breaker(
        "lies", 'said.get(str(index), "")', 'said.get(str(index), "stored")', "a row is accepted that the answer lacks"
    ),
    Breaker("lies", _ANSWERED, _COPIED + _ANSWERED, "subject.register: an event is answered with a reply"),
    Breaker("emits-within-interface", "rows: list[JsonValue]", "rows: list[Leaver]", "the good ones do not pass"),
)


_confirmation = answers._confirmation


def _copied(row: Any, sent: str) -> Outcome:
    """What the connector makes of it, and whatever else the answer holds."""
    outcome = _confirmation(row, sent)
    if not isinstance(outcome, Accepted) or outcome.reply is None:
        return outcome
    more = {name: value for name, value in row.found.items() if name not in answers._CONFIRMED}
    return Accepted(reply={**outcome.reply, **more})


def _at_least(fields: Mapping[str, str], records: Iterable[Mapping[str, Any]]) -> None:
    if any(fields.keys() - each.keys() for each in records):
        raise Refused("missing_required")


def _logged(row: Any, sent: str, asked: frozenset[str]) -> Any:
    """A key is new to whoever asks: it stands in the answer alone."""
    logging.getLogger("pmh").info("issued %s", row.issued["pmhKey"])
    return Accepted(reply={"pmh_key": row.issued["pmhKey"], "individual_number": row.issued["myNumber"]})


async def _uncounted(subject: Subject, address: str) -> int | None:
    return None


async def _unmoved(subject: Subject, address: str) -> int | None:
    return 7


_ANSWERS, _EFFECTS = "gateway_pmh.answers.", f"{SchoolRegisterSubject.__module__}.SchoolRegisterSubject.effects"
REPLACED: Final = (
    Replaced(
        "carries",
        PublicMedicalHub,
        {f"{_ANSWERS}_outcome": lambda *_: Accepted()},
        "pmh_key.issue: a request is accepted without a reply",
    ),
    Replaced(
        "carries",
        PublicMedicalHub,
        {f"{_ANSWERS}_answered": lambda form, reply: Accepted(reply={**reply, "more": "x"})},
        "confirmation.fetch: the reply is not within the interface",
    ),
    Replaced(
        "lies",
        PublicMedicalHub,
        {f"{_ANSWERS}_exactly": _at_least, f"{_ANSWERS}_confirmation": _copied},
        "upon a look-alike member more: confirmation.fetch: the reply is not within the interface",
    ),
    Replaced(
        "no-leaks",
        PublicMedicalHub,
        {f"{_ANSWERS}_outcome": _logged},
        "pmh_key of the reply of pmh_key.issue is in what pmh logs",
    ),
    Replaced("once", SchoolRegisterSubject, {_EFFECTS: _uncounted}, "the stand-in counts no effect"),
    Replaced("once", SchoolRegisterSubject, {_EFFECTS: _unmoved}, "the stand-in counts no effect"),
)
