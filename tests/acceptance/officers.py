"""An officer and an approver of 架空市, and what they do with what is held, each under a certificate of their own."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.acceptance.programs import GATEWAY, Ended, command
from tests.acceptance.site import Site
from tests.acceptance.subjects import MUNICIPALITY

OFFICER: Final = "staff-0011"
APPROVER: Final = "staff-0012"
TERMINAL: Final = "desk-1"
_DAYS: Final = 9


def grant(site: Site, authority: Path, *roles: tuple[str, str]) -> None:
    """Each (name, role), with a certificate of the trial's authority, made once."""
    own = ("--as", str(site.tls / "staff-0100.crt"))
    until = (datetime.now(UTC) + timedelta(days=_DAYS)).date().isoformat()
    for name, role in roles or ((OFFICER, "officer"), (APPROVER, "approver")):
        if not (site.tls / f"{name}.crt").exists():
            made = command(*GATEWAY, "people", "certificate", name, "--root", str(authority))
            assert made.status == 0, made.err
        pinned = ("--certificate", str(site.tls / f"{name}.crt"), "--until", until)
        granted = site.cli("people", "grant", MUNICIPALITY, name, role, *pinned, *own)
        assert granted.status == 0, granted.err


def held(site: Site) -> list[dict[str, Any]]:
    """What waits, as the operator's list has it."""
    told = site.cli("hold", "list", MUNICIPALITY, "--json")
    assert told.status == 0, told.err
    return list(json.loads(told.out))


def decide(site: Site, act: str, message_id: str, name: str, *more: str) -> Ended:
    """Release or refuse."""
    return site.cli("hold", act, MUNICIPALITY, message_id, *more, *_own(site, name))


def shown(site: Site, edge: Path, destination: str, message_id: str, name: str) -> Ended:
    """The content, at the process with that root."""
    words = ("hold", "show", MUNICIPALITY, destination, message_id, *_own(site, name))
    return command(*GATEWAY, *words, "--root", str(edge))


def code(ended: Ended) -> str:
    """Why a command was refused."""
    assert ended.status == 1, ended.out
    return ended.err.partition(":")[0]


def _own(site: Site, name: str) -> tuple[str, ...]:
    return ("--as", str(site.tls / f"{name}.crt"), "--terminal", TERMINAL)
