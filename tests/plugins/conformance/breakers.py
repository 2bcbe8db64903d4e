"""For each rule of the conformance suite a connector that breaks it: the good example, and what a hurried author wrote.

The rule: each differs from the good one in the one place that the rule is about.
"""

from dataclasses import dataclass
from typing import Final

CODE, README = "gateway_school_register.py", "README.md"


@dataclass(frozen=True)
class Breaker:
    """A rule, what stands in a file of the example and what instead, and what the suite sees."""

    rule: str
    old: str
    new: str
    seen: str
    file: str = CODE


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
_PATIENT = """\
        self._register = System(context.session, self._settings.base_url, 5.0, 60.0)
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

BREAKERS: Final = (
    Breaker(
        "loads", _MADE, f'{_MADE}        open(f"{{__file__}}.pid", "w").close()\n', "had a side effect (a file written)"
    ),
    Breaker("loads", 'connector="school_register"', 'connector="another"', "the interface of another connector"),
    Breaker("same-as-lock", 'version="1"', 'version="2"', "the code declares other version"),
    Breaker(
        "same-as-lock",
        "    change_type: fields.ChangeType\n",
        "    change_type: fields.ChangeType\n    name: fields.Name\n",
        "the code declares other operations",
    ),
    Breaker("door-only", "import asyncio\n", "import asyncio\nimport gateway.errors\n", "imports gateway.errors"),
    Breaker(
        "settings-closed", 'extra="forbid", strict=True, frozen', "strict=True, frozen", "an unknown setting is taken"
    ),
    Breaker("settings-closed", "frozen=True, hide_input_in_errors=True", "frozen=True", "shows what was given"),
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
    Breaker("restart", "key=offered.id.encode()", "key=str(id(self)).encode()", "does not offer under the same key"),
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
    Breaker("emits-within-interface", "rows: list[JsonValue]", "rows: list[Leaver]", "the good ones do not pass"),
)
