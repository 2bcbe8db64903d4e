"""A held message as people read it: what stands in the clear, and each field of each record with its label.

Pure. What comes out holds personal values: it goes to the one who asked, over mutual TLS, and nowhere else.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.config.attested import REVIEW
from gateway.edge.rules import EdgeRules
from gateway.messages import AdmittedHere, Header, carried_until
from gateway.plugin.contract import ContractField


def shown(here: AdmittedHere, rules: EdgeRules) -> dict[str, Any]:
    """As plain JSON; records in their order, by index. A record that this connector's own interface refuses is shown
    with its code: it would not be handed over.
    """
    operation = rules.receiving_operation(here.header)
    fields = {each.path: each for each in (operation.fields if operation else ())}
    records: list[dict[str, Any]] = [
        {"index": index, "fields": list(_leaves(record.model_dump(exclude_none=True), fields, "", ""))}
        for index, record in here.records
    ]
    records += [{"index": bad.index, "code": bad.code, "path": bad.path} for bad in here.refused]
    return {**_clear(here.header, rules), "records": sorted(records, key=lambda each: each["index"])}


def _clear(header: Header, rules: EdgeRules) -> dict[str, Any]:
    """Whether it was attested or the route says so, the cause is the same (rule 5)."""
    bases = (rules.legal_basis.get(each) for each in header.legal_basis)
    return {
        "message_id": header.message_id,
        "route": header.route,
        "source": header.source,
        "destination": header.destination,
        "operation": header.operation,
        "created_at": header.created_at,
        "expires_at": carried_until(header),
        "legal_basis": [each.reference for each in bases if each is not None],
        "cause": REVIEW,
        "attestations": [msgspec.to_builtins(each) for each in header.attestations if each.claim != REVIEW],
    }


def _leaves(
    value: Mapping[str, Any], fields: Mapping[str, ContractField], path: str, place: str
) -> Iterator[dict[str, Any]]:
    """`path` is that of the lock, without indices; `place` has them."""
    for name, each in value.items():
        at, where = (f"{path}.{name}", f"{place}.{name}") if path else (name, name)
        if isinstance(each, Mapping):
            yield from _leaves(each, fields, at, where)
        elif isinstance(each, list):
            for number, element in enumerate(each):
                yield from _leaves(element, fields, f"{at}[]", f"{where}[{number}]")
        else:
            yield {"path": where, "label": fields[at].label, "value": each}
