"""A protected person is asked about: the answer waits until two officers have looked and released it (C146, C152-C154).

The rule: they act at the running gateway, under certificates of their own; what they see at their screens nobody keeps.
"""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gateway_demo_city.addressees import FORMER_CITY, Addressees, standing, told
from gateway_demo_city.day import Day
from gateway_demo_city.elsewhere import Elsewhere
from gateway_demo_city.faults import Expected
from gateway_demo_city.log import facts
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.report import Attempt
from gateway_demo_city.site import INTERMEDIATE, Site
from gateway_demo_city.split import Split
from gateway_demo_city.stage import Failed, Stage, gateway, until

_OFFICER: Final = "staff-0011"
_APPROVER: Final = "staff-0012"
_ROLES: Final = {_OFFICER: "officer", _APPROVER: "approver"}
_ADMINISTRATOR: Final = "staff-0100"
_ACTS: Final = ("hold.looked", "hold.approved", "hold.released")
_MUST: Final = (
    ("hold.looked", _OFFICER),
    ("hold.looked", _APPROVER),
    ("hold.approved", _OFFICER),
    ("hold.released", _APPROVER),
)
_TERM: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one person acts, under that person's certificate."""

    stage: Stage
    site: Split
    person: str

    @property
    def certificate(self) -> Path:
        return self.site.offline.root / "keys" / "tls" / f"{self.person}.crt"

    async def do(self, *command: str, at: Site) -> str:
        """Standard output. Raises Failed."""
        status, out, err = await self.try_to(*command, at=at)
        if status != 0:
            raise Failed(f"gateway {' '.join(command[:2])} ended with {status}: {err.strip()}")
        return out

    async def try_to(self, *command: str, at: Site) -> tuple[int, str, str]:
        """Exit status, standard output and error."""
        return await self.stage.seen(*gateway(*command, "--root", str(at.root), "--as", str(self.certificate)))


async def granted(day: Day) -> None:
    """The administrator says who they are, at the running gateway."""
    administrator = Desk(day.stage, day.site, _ADMINISTRATOR)
    last = (datetime.now(UTC) + _TERM).date().isoformat()

    async def grant(person: str, role: str) -> None:
        made = gateway("people", "certificate", person, "--root", str(day.site.offline.root))
        await day.stage.must(f"certificate_{person}", *made)
        certificate = str(Desk(day.stage, day.site, person).certificate)
        right = (MUNICIPALITY, person, role, "--certificate", certificate, "--until", last)
        await administrator.do("people", "grant", *right, at=day.site.hub)

    await asyncio.gather(*(grant(person, role) for person, role in _ROLES.items()))


async def released(day: Day, people: Addressees, elsewhere: Elsewhere) -> None:
    """From the question to the answer. The same person twice is refused."""
    first, second = (Desk(day.stage, day.site, person) for person in _ROLES)
    number = await elsewhere.ask(FORMER_CITY, people.protected, "25")
    message = await _held(day, first)
    looks = await asyncio.gather(*(_look(desk, message) for desk in (first, second)))
    seen = all(record["lot_no"] in look for look in looks for record in standing(people.protected))
    release = ("hold", "release", MUNICIPALITY, message)
    await first.do(*release, at=day.site.hub)
    _, _, refusal = await first.try_to(*release, at=day.site.hub)
    _note(day, refusal)
    quiet = await elsewhere.waits(number)
    await second.do(*release, at=day.site.hub)
    heard = await elsewhere.heard(number)
    right = seen and quiet and (heard["state"], heard["doses"]) == ("answered", told(standing(people.protected)))
    acts = Counter((fact["kind"], fact["person"]) for fact in facts(day.site, _ACTS))
    right &= acts == Counter(_MUST)
    said = "nothing goes out before; two look, one approves, the other releases: each a fact with a name"
    day.report.check("a protected person is held, and released by two", said, passed=right)
    day.count("answers held, and released by two officers", 1)


async def _held(day: Day, desk: Desk) -> str:
    """The message that waits, as the list has it. Raises Failed."""
    await until(lambda: bool(facts(day.site, {"hold.placed"})))
    (held,) = json.loads(await desk.do("hold", "list", MUNICIPALITY, "--json", at=desk.site.hub))
    return str(held["message_id"])


async def _look(desk: Desk, message: str) -> str:
    """What stands on the screen: only the edge that gives it out can open it."""
    return await desk.do("hold", "show", MUNICIPALITY, INTERMEDIATE, message, at=desk.site.edges)


def _note(day: Day, refusal: str) -> None:
    found = re.match(r"[a-z_]+", refusal)
    actual = Expected("refused", found[0] if found else None)
    must = Expected("refused", "second_person_needed")
    day.report.attempts.append(Attempt("an officer", "approves, and then releases as well", must, actual))
