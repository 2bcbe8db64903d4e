"""A *way* is a route in one direction, its question or event, or its reply; and rules that somebody let widen it."""

import copy
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gateway.config import Config, Route
from gateway.edge.rules import EdgeRules
from gateway.plugin.contract import ContractField, ContractOperation
from gateway.plugin.item import DataClass
from tests.views.matrix import BEYOND, beyond
from tests.views.samples import places, put, record_of

CODE = "999997"


@dataclass(frozen=True)
class Way:
    """A route in one direction, with the locks of its two ends."""

    route: Route
    reply: bool
    giving: tuple[ContractField, ...] = field(repr=False)
    taking: tuple[ContractField, ...] = field(repr=False)

    @property
    def sender(self) -> str:
        return self.route.destination if self.reply else self.route.source

    @property
    def receiver(self) -> str:
        return self.route.source if self.reply else self.route.destination

    @property
    def column(self) -> str:
        """Who the matrix says it is given to: the receiver, or who stands behind it."""
        return BEYOND if beyond(self.route) else self.receiver

    @property
    def paths(self) -> tuple[str, ...]:
        """What the route lets go this way."""
        return self.route.reply_fields if self.reply else self.route.fields

    @cached_property
    def whole(self) -> dict[str, Any]:
        """A record with everything that the sender's interface has, under a row of the route if it has rows."""
        row = {self.route.row_field: next(iter(self.route.legal_rows))} if self.route.row_field else {}
        return record_of(self.giving) | row

    @cached_property
    def places(self) -> frozenset[str]:
        return places(self.giving, self.taking)

    def with_more(self, *paths: str, value: str = "架空") -> dict[str, Any]:
        """The whole record, with a made-up value at each of these paths."""
        record = copy.deepcopy(self.whole)
        for path in paths:
            put(record, path, value)
        return record

    def __str__(self) -> str:
        return f"{self.route.id}-{'reply-' * self.reply}to-{self.receiver}"


def ways(config: Config) -> list[Way]:
    """Every way of the example."""
    found = []
    for route in config.tenants[CODE].file.routes:
        here = config.contracts[route.source].operation("sends", route.operation)
        there = config.contracts[route.destination].operation("receives", route.destination_operation)
        assert here
        assert there
        found.append(Way(route, reply=False, giving=here.fields, taking=there.fields))
        if route.reply_fields:
            found.append(Way(route, reply=True, giving=there.reply, taking=here.reply))
    return found


def opened_to(rules: EdgeRules, way: Way, path: str) -> EdgeRules:
    """Rules of an edge whose route has one more path this way, as if somebody had let it in."""
    key, file = "reply_fields" if way.reply else "fields", rules.tenant.file
    routes = tuple(
        each.model_copy(update={key: (*way.paths, path)}) if each == way.route else each for each in file.routes
    )
    tenant = dataclasses.replace(rules.tenant, file=file.model_copy(update={"routes": routes}))
    return dataclasses.replace(rules, tenant=tenant)


def locked_with(rules: EdgeRules, way: Way, paths: Iterable[str]) -> EdgeRules:
    """Rules of a sending edge whose own lock has more fields this way, whatever these are."""
    extra = tuple(ContractField(path=each, kind="text", required=False, data_class=DataClass.HEALTH) for each in paths)
    here, there = rules.ends(way.route)
    old, key = (there, "reply") if way.reply else (here, "fields")
    plain = {name: getattr(old, name) for name in ContractOperation.model_fields}
    new = ContractOperation(**plain | {key: (*way.giving, *extra)})  # not a copy: that would keep the old one's models
    operations = tuple(new if each is old else each for each in rules.contract.operations)
    contract = rules.contract.model_copy(update={"operations": operations})
    return dataclasses.replace(rules, contracts={**rules.contracts, rules.connector: contract})
