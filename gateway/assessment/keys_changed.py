"""What differs in the keys that are compared as they stand, and in the files of public material that they name."""

import hashlib
from collections.abc import Iterator
from math import inf
from typing import Any

from gateway.assessment.change import Change, Kind
from gateway.assessment.keys import KEYS, PRESENT, PUBLIC_SETTINGS, Key, Material
from gateway.assessment.leaves import at_home, leaves_of
from gateway.assessment.subject import Subject
from gateway.keys.certificates import digests_of_file


def keys_changed(old: Subject, new: Subject) -> Iterator[Change]:
    """A row for each value that differs. What came or went is told as a whole, and its values are not."""
    for (key, names), was, now in _pairs(old, new):
        rule = KEYS[key]
        told = _content(old, was, new, now, rule) if isinstance(rule, Material) else _values(was, now, rule)
        if told is not None:
            yield Change(rule.item.format(*_called(new, key, names)).rstrip(), *told, _routes(new, key, names))


def not_compared(old: Subject, new: Subject) -> list[str]:
    """The files of public material that both name and that are not to be read below both roots."""
    pairs = [(was, now) for (key, _), was, now in _pairs(old, new) if isinstance(KEYS[key], Material)]
    same = dict.fromkeys(path for was, now in pairs for path in _paths(was) if path in _paths(now))
    return [path for path in same if None in (_digest(old, path), _digest(new, path))]


def _pairs(old: Subject, new: Subject) -> Iterator[tuple[tuple[str, tuple[str, ...]], Any, Any]]:
    """Each key that is compared and stands on both sides, or is of something that came or went."""
    before, after = ({leaf[:2]: leaf[2] for leaf in leaves_of(each) if _compared(*leaf[:2])} for each in (old, new))
    for place in dict.fromkeys((*before, *after)):
        was, now = before.get(place), after.get(place)
        if (place in before and place in after) or PRESENT in (was, now):
            yield place, *at_home(old, was, new, now)


def _compared(key: str, names: tuple[str, ...]) -> bool:
    return key in KEYS and (not key.endswith(".settings.*") or PUBLIC_SETTINGS.fullmatch(names[-1]) is not None)


def _values(was: Any, now: Any, rule: Key) -> tuple[str, str, Kind] | None:
    if was == now:
        return None
    if PRESENT in (was, now):
        return was or "なし", now or "なし", rule.more
    shrank = rule.less is not None and (inf if now is None else now) < (inf if was is None else was)
    told = rule.says(was), rule.says(now)
    after = told[1] if told[0] != told[1] else f"{told[1]}(変更後)"
    return told[0], after, rule.less if shrank and rule.less is not None else rule.more


def _content(old: Subject, was: Any, new: Subject, now: Any, rule: Material) -> tuple[str, str, Kind] | None:
    before, after = ({path: _digest(each, path) for path in _paths(value)} for each, value in ((old, was), (new, now)))
    known = None not in (*before.values(), *after.values())
    if before.keys() == after.keys() or rule.told:
        both = [(before[path], after[path]) for path in before if path in after]
        changed = any(None not in pair and pair[0] != pair[1] for pair in both)
        return ("変更前の内容", "内容が変わった", rule.more) if changed else None
    if known and {*before.values()} == {*after.values()}:
        return None
    return "変更前のファイル", "別のファイル", rule.more


def _paths(value: Any) -> tuple[str, ...]:
    """Files that a value names, relative to the root or not; a setting may be anything."""
    named = value if isinstance(value, list | tuple) else (value,)
    texts = (each for each in named if isinstance(each, str) and each.isprintable())
    return tuple(each.removeprefix("file:") for each in texts if not each.startswith(("env:", "systemd:")))


def _digest(subject: Subject, path: str) -> str | None:
    """SHA-256 of the certificates in a file, or of a file that has none; None if it cannot be read."""
    file = subject.config.path(path)
    try:
        return " ".join(sorted(digests_of_file(file)))
    except ValueError:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _called(subject: Subject, key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names as an office knows them. Whose a certificate is, is not published."""
    if key.startswith("tenant.connectors.*"):
        return subject.system(names[0]), *names[1:]
    return names or ("",)


def _routes(subject: Subject, key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Which routes a key is about; none if it is about all."""
    if key.startswith("tenant.connectors.*"):
        return subject.routes_of(names[0])
    return names if key.startswith("tenant.routes.*") else ()
