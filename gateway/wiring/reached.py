"""How far every log and every directory has come, kept in the system's log: below that no later start goes.

Who can put back the system's log together with the others goes unseen here; only a checkpoint kept elsewhere tells.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.hub.hub import TenantHub
from gateway.hub.journal import FactKind, Journal

_HOW: Final = "put back its newest copy, as docs/restore.md says"
_KINDS = (FactKind.GATEWAY_STARTED, FactKind.CONFIG_APPLIED, FactKind.GATEWAY_STOPPED)


def reached(hubs: Mapping[str, TenantHub]) -> dict[str, dict[str, Any]]:
    """Facts and root of each tenant's log, and the version of each directory in use."""
    logs = {code: hub.journal.size_and_root() for code, hub in hubs.items()}
    return {
        "logs": {code: size for code, (size, _) in logs.items()},
        "roots": {code: root.hex() for code, (_, root) in logs.items()},
        "directories": {code: hub.rules.directory.version for code, hub in hubs.items()},
    }


def went_back(system: Journal, now: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each log that is gone, shorter or another, and each directory that is older, than it was."""
    said = [each for each in map(system.last, _KINDS) if each]
    problems = [] if said else [_gone(code, size) for code, size in now["logs"].items() if size]
    for before in said:
        problems += [_log(code, size, now) for code, size in _less(before, now, "logs")]
        problems += [f"the log of {code} is not the one of an earlier run" for code in _other(before, now)]
        problems += [
            f"the directory of {code} is older than version {version}, which was in use"
            for code, version in _less(before, now, "directories")
        ]
    return list(dict.fromkeys(problems))


def _gone(code: str, size: int) -> str:
    """The system's log tells of the first start before any other has a fact; what tells of the last is never purged."""
    return f"the log of system tells of no start, and that of {code} has {size} facts: it is gone; {_HOW}"


def _less(before: Mapping[str, Any], now: Mapping[str, Mapping[str, Any]], of: str) -> list[tuple[str, int]]:
    return [(code, was) for code, was in before.get(of, {}).items() if now[of].get(code, was) < was]


def _other(before: Mapping[str, Any], now: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The logs that have as many facts as before, but another root."""
    same = [code for code, size in before.get("logs", {}).items() if now["logs"].get(code) == size]
    return [code for code in same if before.get("roots", {}).get(code, now["roots"][code]) != now["roots"][code]]


def _log(code: str, size: int, now: Mapping[str, Mapping[str, Any]]) -> str:
    has = now["logs"][code]
    return f"the log of {code} has {has} facts, fewer than the {size} of an earlier run: {_HOW}"
