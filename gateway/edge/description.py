"""`/openapi.json`: what one system may call at one listener, drawn once for each configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.edge.edge import Edge
from gateway.edge.rules import EdgeRules
from gateway.interfaces import as_text, of_tenant, openapi


@dataclass(slots=True)
class Descriptions:
    """Those of one listener. A reload exchanges an edge's rules whole, so rules that are the same say the same."""

    listener: str
    _drawn: dict[tuple[tuple[str, str], ...], tuple[tuple[EdgeRules, ...], bytes]] = field(default_factory=dict)

    def of(self, edges: Sequence[Edge]) -> bytes:
        """The document, as `gateway interface export` writes it, of the edges that a certificate is pinned to."""
        rules = tuple(sorted((each.rules for each in edges), key=_place))
        place = tuple(map(_place, rules))
        known = self._drawn.get(place)
        if known is None or any(old is not new for old, new in zip(known[0], rules, strict=True)):
            known = self._drawn[place] = rules, self._draw(rules)
        return known[1]

    def _draw(self, every: tuple[EdgeRules, ...]) -> bytes:
        cleared = ((each, each.listener_clearance.get(self.listener, frozenset())) for each in every)
        described = (
            of_tenant(each.tenant, each.connector, each.contracts, each.limits, clearance)
            for each, clearance in cleared
        )
        return as_text(openapi(one for some in described for one in some)).encode()


def _place(rules: EdgeRules) -> tuple[str, str]:
    return rules.tenant.code, rules.connector
