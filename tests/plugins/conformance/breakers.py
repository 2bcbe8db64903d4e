"""For each rule of the conformance suite the good example broken: what a hurried author wrote.

The rule: each differs from the good one in the one place that the rule is about.
"""

from dataclasses import dataclass
from typing import Final

from tests.plugins.conformance.hurried import (
    ALIVE,
    ANSWERED,
    ASKS_ANEW,
    BELIEVING,
    BOUND,
    BY_HAND,
    BY_STATUS,
    CLOSES,
    COPIED,
    DEAF,
    EXCHANGE,
    FIRST_ONES,
    FIRST_ONES_HEALTH,
    FORBIDDEN,
    GATHERED,
    IMPORT,
    IN_PORTIONS,
    INFLATES,
    KEEPS_HOLD,
    KEPT,
    KNOWN,
    KNOWN_ALREADY,
    KNOWN_TO_ALL,
    LOOKS_AT_THE_CLOCK,
    LOOSE,
    MADE,
    NAMED,
    OFFERED,
    OPENS,
    OPENS_UNCHECKED,
    POLLED_BY_ANY,
    POLLS,
    POLLS_ONE_BY_ONE,
    PUT,
    READS_AS_IT_OPENS,
    READS_ERRORS,
    READS_HEALTH,
    RENAMES,
    RETRIES,
    SENDS,
    SETTLED,
    SHARED,
    SLOW,
    STATUS_ALONE,
    STOPS_ASKING,
    TOLD,
    TRIED_AGAIN,
    TRIES_AGAIN,
    TROUBLED,
    UNCHECKED,
    WAITS_FOR,
)

CODE, README = "gateway_school_register.py", "README.md"


@dataclass(frozen=True)
class Breaker:
    """A rule, what stands in a file of the example and what instead, what the suite sees, and what it says to do."""

    rule: str
    old: str
    new: str
    seen: str
    file: str = CODE
    next: str = ""


BREAKERS: Final = (
    Breaker(
        "loads", MADE, f'{MADE}        open(f"{{__file__}}.pid", "w").close()\n', "had a side effect (a file written)"
    ),
    Breaker("loads", IMPORT, f'{IMPORT}open(f"{{__file__}}.pid", "w").close()\n', "importing it had a side effect"),
    Breaker("loads", IMPORT, f"{IMPORT}import socket\nsocket.gethostbyname('localhost')\n", "(socket.gethostbyname)"),
    Breaker("loads", IMPORT, f"{IMPORT}import subprocess\nsubprocess.run(['true'])\n", "(subprocess.Popen)"),
    Breaker("loads", 'connector="school_register"', 'connector="another"', "the interface of another connector"),
    Breaker("same-as-lock", 'version="1"', 'version="2"', "the code declares other version"),
    Breaker(
        "same-as-lock",
        "    change_type: fields.ChangeType\n",
        "    change_type: fields.ChangeType\n    name: fields.Name\n",
        "the code declares other operations",
    ),
    Breaker("door-only", IMPORT, f"{IMPORT}import gateway.errors\n", "imports gateway.errors"),
    Breaker(
        "door-only",
        IMPORT,
        f"{IMPORT}import importlib\nimportlib.import_module('.hub', 'gateway')\n",
        "imports gateway.hub",
    ),
    Breaker("door-only", IMPORT, f"{IMPORT}__import__('gateway.errors')\n", "imports gateway.errors"),
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
        f"{RETRIES}    retries: list[Retries] = []\n",
        "an unknown setting in Retries is taken",
    ),
    Breaker(
        "opens-and-closes",
        CLOSES,
        "        self._context = self._context.outbox\n",
        "the second close raised AttributeError",
    ),
    Breaker(
        "opens-and-closes",
        CLOSES,
        "        assert self._context\n",
        "close without an open raised AttributeError",
    ),
    Breaker(
        "refuses-beyond-interface",
        'class Child(Payload):\n    """What the register may know of a subject."""\n\n'
        "    internal_no: fields.InternalNo\n",
        LOOSE,
        "subject.register: its class takes",
    ),
    Breaker(
        "carries",
        '"stored": Accepted(),\n    "known": Duplicate()',
        '"stored": RefusedRecord("superseded"),\n    "known": RefusedRecord("superseded")',
        "an honest record is refused",
    ),
    Breaker(
        "carries", "        if not offered.rows:\n", "        if offered.rows:\n", "what the system offers is not sent"
    ),
    Breaker("carries", PUT, PUT.replace("rows,", "[{k: v for k, v in row.items() if v} for row in rows],"), "deferred"),
    Breaker("carries", PUT, f"        rows[0]['internal_no'] = str(int(rows[0]['internal_no']))\n{PUT}", "deferred"),
    Breaker(
        "carries",
        '"subject.delete", offered.rows',
        '"subject.delete", offered.rows[:100]',
        "of 120 records that are on offer some are not sent",
    ),
    Breaker("carries", PUT, "        raise SystemExit(0)\n", "deliver raised SystemExit"),
    Breaker("carries", PUT, "        raise asyncio.CancelledError\n", "deliver raised CancelledError"),
    *(
        Breaker("redirects-nowhere", old, new, "it followed a redirection")
        for old, new in ((PUT, BY_HAND), (ALIVE, READS_HEALTH), (OPENS, READS_AS_IT_OPENS))
    ),
    *(
        Breaker("knows-its-system", PUT, UNCHECKED.format(less=less), f"it spoke while its system shows {seen}")
        for less, seen in (
            ("tls.check_hostname, tls.verify_mode = False, 0", "a certificate of another authority"),
            ("tls.check_hostname = False", "a certificate of another name"),
        )
    ),
    Breaker(
        "knows-its-system",
        OPENS,
        OPENS + OPENS_UNCHECKED,
        "it spoke while its system shows a certificate of another name",
    ),
    Breaker(
        "knows-its-system",
        "Health(ok=False",
        "Health(ok=True",
        "says that it is well while its system shows a certificate of another authority",
    ),
    *(
        Breaker("keeps-apart", old, new, f"while another instance's system is away: {seen}", next=next_)
        for old, new, seen, next_ in (
            (ALIVE, FIRST_ONES_HEALTH, "it does not say that it is well", "keep address, session and failures"),
            (PUT, FIRST_ONES, "subject.register is deferred", "keep address, session and failures"),
            (PUT, KNOWN_TO_ALL, "subject.register: an honest record is refused", "knows of persons and messages"),
            (SENDS, POLLED_BY_ANY, "subject.delete: what the system offers is not sent", "has polled, and how far"),
        )
    ),
    Breaker(
        "keeps-apart",
        PUT,
        GATHERED,
        "the same has other effects once another instance has worked",
        next="was given to deliver in that instance",
    ),
    Breaker(
        "keeps-apart",
        CLOSES,
        "        globals()['_read'] = None\n",
        "once another instance has closed: poll raised TypeError",
        next="let close() end what its own instance has begun, nothing that another one uses; else raise Refused",
    ),
    Breaker(
        "no-leaks",
        PUT,
        f'        self._context.log.info("storing", row=rows)\n{PUT}',
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
        Breaker("no-leaks", PUT, TROUBLED.format(status=status, error=error), "subject.register is in a line")
        for status, error in (
            *((each, "") for each in (412, 429, 500, 503)),
            (0, "ClientConnectorError"),
            (0, "TimeoutError"),
        )
    ),
    Breaker(
        "no-leaks",
        PUT,
        f"        __import__('tempfile').TemporaryFile('w').write(str(rows))\n{PUT}",
        "internal_no of subject.register is in a file that it wrote",
    ),
    *(
        Breaker("no-leaks", PUT, RENAMES.format(new=new) + PUT, f"internal_no of subject.register is in {seen}")
        for new, seen in (
            ("f'{folder}/{rows[0][\"internal_no\"]}'", "a name that it gave"),
            ("f'{folder}/export'", "a file that it wrote (/"),
        )
    ),
    Breaker(
        "no-leaks",
        TOLD,
        f"{TOLD}                if len(done) < len(ended):\n"
        "                    self._context.log.warning('refused', rows=offered.rows)\n",
        "internal_no of subject.delete is in a line of its log",
    ),
    Breaker(
        "no-leaks",
        OPENS,
        f"{OPENS}        with open(self._settings.key) as key:\n"
        "            context.log.info('opened', key=key.read())\n",
        "a secret of its settings is in a line of its log",
    ),
    *(
        Breaker("no-leaks", old, new, "internal_no of subject.register is in stdout or stderr")
        for old, new in (
            (PUT, f"        __import__('os').write(2, str(rows).encode())\n{PUT}"),
            (PUT, f"        __import__('sys').__stdout__.write(str(rows))\n{PUT}"),
            (EXCHANGE, BOUND),
        )
    ),
    Breaker(
        "no-leaks",
        PUT,
        f"        self._context.log.info('storing', row='*******' + rows[0]['internal_no'][-8:])\n{PUT}",
        "internal_no of subject.register is, at least in part, in a line of its log",
    ),
    Breaker("no-leaks", EXCHANGE, KEPT, "internal_no of subject.register is in a file that it kept open"),
    Breaker(
        "no-leaks",
        ANSWERED,
        f"        if 'old' in said.values():\n            self._context.log.warning('refused', rows=rows)\n{ANSWERED}",
        "internal_no of subject.register is in a line of its log",
    ),
    *(
        Breaker("no-leaks", PUT, each, "internal_no of subject.register is in a line of its log")
        for each in (TRIED_AGAIN, KNOWN_ALREADY, SLOW)
    ),
    Breaker("no-leaks", OPENS, FORBIDDEN, "a secret of its settings is in a line of its log"),
    Breaker("no-leaks", OPENS, NAMED, "a secret of its settings is in the name of a task"),
    Breaker("health", "Health(ok=False", "Health(ok=True", "says that it is well while its system is down"),
    Breaker("health", 'detail="the register answers"', 'detail=""', "its health is not one sentence"),
    Breaker(
        "reconnects",
        PUT,
        f"""\
        if getattr(self, "gone", False):
            raise Later("system_unreachable")
        self.gone = True
{PUT}        self.gone = False
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
    *(Breaker("deadlines", PUT, each, "deliver had not returned") for each in (BY_HAND, LOOKS_AT_THE_CLOCK, WAITS_FOR)),
    Breaker("late", PUT, BY_HAND, "accepted while its system answers too late"),
    Breaker("late", PUT, ASKS_ANEW, "a message whose answer was late had a second effect"),
    Breaker("cut-off", PUT, STATUS_ALONE, "accepted by an answer that was cut off"),
    Breaker("cut-off", PUT, TRIES_AGAIN, "a message whose answer was cut off had a second effect"),
    Breaker(
        "busy",
        PUT,
        "        try:\n"
        + PUT.replace("        ", "            ", 1).replace("\n        said", "\n            said")
        + '        except Later:\n            raise Later("system_busy") from None\n',
        "a 429 with Retry-After is deferred without its seconds",
    ),
    *(
        Breaker("status-alone", PUT, BY_STATUS.format(status=status, outcome=outcome), f"{seen} upon a {status}")
        for status, outcome, seen in (
            (204, "Accepted()", "accepted"),
            (403, 'RefusedRecord("register_closed")', "refused for good (register_closed)"),
            (409, "Duplicate()", "duplicate"),
            (502, 'RefusedRecord("register_closed")', "refused for good (register_closed)"),
        )
    ),
    Breaker("recovers", PUT, STOPS_ASKING, ": subject.register is deferred again and again"),
    Breaker("recovers", PUT, KEEPS_HOLD, ": subject.register is deferred again and again"),
    Breaker("recovers", POLLS, POLLS_ONE_BY_ONE, "what the system offers is not sent"),
    Breaker(
        "cancelled",
        PUT,
        "        try:\n"
        + PUT.replace("        ", "            ", 1).replace("\n        said", "\n            said")
        + '        except asyncio.CancelledError:\n            raise Later("system_unreachable") from None\n',
        "does not end as cancelled",
    ),
    Breaker("cancelled", OFFERED, f"{DEAF}{OFFERED}", "a cancelled poll does not end"),
    Breaker(
        "cancelled",
        OPENS,
        f"{OPENS}        try:\n            await self._ask('GET', '/alive')\n"
        "        except (Later, asyncio.CancelledError):\n            pass\n",
        "a cancelled opening does not end as cancelled",
    ),
    Breaker(
        "cancelled",
        '            await self._ask("GET", "/alive")\n',
        "            try:\n"
        '                await self._ask("GET", "/alive")\n'
        "            except asyncio.CancelledError:\n"
        '                return Health(ok=False, detail="stopped")\n',
        "a cancelled health does not end as cancelled",
    ),
    Breaker(
        "cancelled",
        SETTLED,
        f"{SETTLED}        try:\n            await asyncio.sleep(600)\n"
        "        except asyncio.CancelledError:\n            pass\n",
        "a cancelled settled does not end as cancelled",
    ),
    Breaker("at-once", IN_PORTIONS, SHARED, "have other effects than one after another"),
    Breaker(
        "once",
        PUT,
        "        seen = globals().setdefault('_seen', set())\n"
        "        if message_id in seen:\n            return dict.fromkeys(portion, Duplicate())\n"
        f"        seen.add(message_id)\n{PUT}",
        "of a message that comes in parts something is lost",
    ),
    *(
        Breaker("once", PUT, KNOWN.format(kept=kept, said=said), "a later state is not passed on")
        for kept, said in (("self.__dict__", "Accepted"), ("globals()", "Duplicate"))
    ),
    Breaker(
        "once",
        PUT,
        PUT.replace("rows, ends", "rows[:100], ends")
        + '        said |= {str(index): "stored" for index in [*portion][100:]}\n',
        "of a message of 120 records something is lost",
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
        SETTLED,
        f"        assert message_id not in self._ended\n{SETTLED}",
        "raised AssertionError",
    ),
    Breaker(
        "restart",
        "key=offered.id.encode()",
        'key=__import__("secrets").token_bytes(8)',  # not id(self): the next one may live at the same address
        "does not offer under the same key",
    ),
    Breaker(
        "clean-addresses",
        "/children/{message_id}",
        "/children/{message_id}?n={rows[0]['internal_no']}",
        "internal_no of subject.register is in the address of a request",
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
        "garbage", 'raise Later("system_unreachable") from None', BELIEVING, "a record is accepted upon a page of HTML"
    ),
    Breaker("huge", PUT, BY_HAND, "upon a body without an end it took more than 32 MiB of one answer"),
    Breaker("huge", PUT, INFLATES, "upon a body that swells it took more than 32 MiB of one answer"),
    Breaker("huge", ALIVE, READS_HEALTH, "upon a body without an end it took more than 32 MiB"),
    Breaker("huge", PUT, READS_ERRORS, "upon an error without an end it took more than 32 MiB"),
    Breaker(
        "lies", 'said.get(str(index), "")', 'said.get(str(index), "stored")', "a row is accepted that the answer lacks"
    ),
    Breaker("lies", ANSWERED, COPIED + ANSWERED, "subject.register: an event is answered with a reply"),
    Breaker("emits-within-interface", "rows: list[JsonValue]", "rows: list[Leaver]", "the good ones do not pass"),
)
