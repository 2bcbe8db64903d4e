"""Whether a change of a lock breaks somebody in this configuration: senders, receivers, routes, what is under way."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from gateway.config import Config, Route, contradictions, still_valid
from gateway.interfaces.changes import Change, changes, gone
from gateway.interfaces.effects import ASIDE, RULES, Rule, Side, Weight, Whom
from gateway.plugin.contract import Contract

_ANSWERS: Final[Mapping[Side, str]] = MappingProxyType(
    {"given": "an answer of this plugin", "taken": "an answer of the other end"}
)
"""The sender of a reply, by the side on which it stands."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one change does to one of those whom it concerns. `routes` are theirs, as `999997 R01`; none if it is not
    known which there are, or if it concerns none of them.
    """

    weight: Weight
    whom: Whom | None
    place: str
    told: str
    routes: tuple[str, ...] = ()

    def sentence(self) -> str:
        """One line for people."""
        if self.whom is None:
            return f"{self.weight}: {self.place}: {self.told}"
        named = f" ({', '.join(self.routes)})" if self.routes else ""
        return f"{self.weight} {self.whom.replace('_', ' ')}{named}: {self.place}: {self.told}"

    def plain(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "weight": self.weight.value,
            "whom": self.whom.value if self.whom is not None else None,
            "place": self.place,
            "told": self.told,
            "routes": list(self.routes),
            "sentence": self.sentence(),
        }


_WITH_IT: Final = Effect(
    Weight.HEED,
    Whom.IN_FLIGHT,
    "interface",
    "the connector is gone and nothing flows by it any more, nor what is under way to it or from it",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The changes of one lock with all their effects, those that break something first."""

    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]

    @property
    def breaks(self) -> bool:
        """Whether something that works today would not."""
        return any(each.weight is Weight.BREAKS for each in self.effects)

    @property
    def widens(self) -> bool:
        """Whether more may flow than was reviewed; that breaks nobody by itself."""
        return any(each.widens for each in self.changes)


def judge(before: Contract, after: Contract, config: Config | None, now: datetime) -> Verdict:
    """Of one connector's lock, in the configuration that would be in force, or, if the connector is gone, in the one
    that is: there its routes stand. None: whoever there may be is concerned.

    What is under way is concerned even if nothing is just now: only the hub knows.
    """
    found = changes(before, after)
    effects = [effect for change in found for effect in _effects(change, after.connector, config)]
    if gone(before, after):
        effects.append(_WITH_IT)
    elif before.digest() != after.digest():
        effects.append(_under_way(before, config, now))
    return Verdict(found, tuple(sorted(effects, key=lambda each: [*Weight].index(each.weight))))


def with_locks(config: Config, locks: Iterable[Contract]) -> Config:
    """The configuration with other locks in the place of its own."""
    return replace(config, contracts={**config.contracts, **{each.connector: each for each in locks}})


def fresh_problems(present: Config, coming: Config) -> tuple[str, ...]:
    """What `gateway check` would newly say: a sentence each, with file and key."""
    return tuple(Counter(contradictions(coming)) - Counter(contradictions(present)))


def _under_way(before: Contract, config: Config | None, now: datetime) -> Effect:
    """Every change is another digest, and each header says under which it was sealed."""
    kept = config is not None and still_valid(before.digest(), before.connector, config.former, now)
    told = "what is under way passes, for the former digest is still valid"
    if not kept:
        told = (
            "what is under way passes only while the former digest is valid: gateway interface lock --former-until DAY"
        )
    return Effect(Weight.COMPATIBLE if kept else Weight.HEED, Whom.IN_FLIGHT, "digest", told)


def _effects(change: Change, connector: str, config: Config | None) -> Iterator[Effect]:
    compatible = Effect(Weight.COMPATIBLE, None, change.place, _word(change))
    if change.operation is None:
        rules: Iterable[Rule] = [ASIDE[change.kind]] if change.kind in ASIDE else []
        yield from [Effect(each.weight, each.whom, change.place, _told(each, change)) for each in rules] or [compatible]
        return
    own = None if config is None else tuple(_routes(change, connector, config))
    concerned = []
    for rule in RULES.get((change.kind, _side(change)), ()):
        routes = None if own is None else tuple(name for name, route in own if _is_of(rule, change, route))
        if routes is None or routes:
            concerned.append(Effect(rule.weight, rule.whom, change.place, _told(rule, change), routes or ()))
    yield from concerned or [compatible]


def _side(change: Change) -> Side:
    assert change.operation is not None  # noqa: S101
    return "given" if (change.operation.direction == "sends") == (change.part == "record") else "taken"


def _routes(change: Change, connector: str, config: Config) -> Iterator[tuple[str, Route]]:
    """The routes of all tenants that carry the operation, by their names."""
    operation = change.operation
    assert operation is not None  # noqa: S101
    for code, tenant in config.tenants.items():
        for route in tenant.file.routes:
            ends = {
                "sends": (route.source, route.operation),
                "receives": (route.destination, route.destination_operation),
            }
            if ends[operation.direction] == (connector, operation.name):
                yield f"{code} {route.id}", route


def _is_of(rule: Rule, change: Change, route: Route) -> bool:
    if rule.routes == "all" or change.field is None:
        return True
    listed = route.fields if change.part == "record" else route.reply_fields
    path = change.field.path
    part = path.rpartition(".")[0]
    reached = not part or any(each.startswith(f"{part}.") for each in listed)
    carried = any(each == path or each.startswith((f"{path}.", f"{path}[].")) for each in listed)
    return reached and rule.routes in ("reaching", "listing" if carried else "lacking")


def _told(rule: Rule, change: Change) -> str:
    return rule.told.format(
        field=change.field.path if change.field else "",
        operation=change.operation.name if change.operation else "",
        sender="a sender" if change.part == "record" else _ANSWERS[_side(change)],
        name=change.name,
        was=change.was or "nothing",
        now=change.now or "nothing",
    )


def _word(change: Change) -> str:
    return change.kind.replace("_", " ")
