"""`gateway check`: all that a start needs, opened without starting; then what may flow, and under which law."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.cli.show import machine, rows, tell
from gateway.config import Lapse, Route, ending, idle, lapses, passed
from gateway.wiring.examine import examine


def examined(root: Path, *, as_json: bool) -> bool:
    """Print every route, and to stderr what is amiss without stopping a start. False if a connector would be
    quarantined, a legal basis or a certificate has ended, a machine's certificate is not here, whose use is stopped
    cannot be read, or others may write a log.

    Raises Misconfigured with every problem that would stop the start.
    """
    now = datetime.now(UTC)
    examined = examine(root, now)
    config, lapsed = examined.config, list(lapses(examined.config, now))
    unused, over, soon = list(idle(config)), list(passed(config, now)), list(ending(config, now))
    for problem in examined.quarantined:
        tell(f"would be quarantined: {problem}", err=True)
    amiss = (*examined.missing, *examined.use_stops, *examined.exposed)
    for each in (*lapsed, *soon, *examined.expiring, *amiss, *over, *unused):
        tell(f"{each}", err=True)
    found = [
        _flow(code, route, [each for each in lapsed if (each.tenant, each.route) == (code, route.id)])
        for code, tenant in config.tenants.items()
        for route in tenant.file.routes
    ]
    if as_json:
        machine(
            {
                "routes": found,
                "quarantined": examined.quarantined,
                "expiring": [
                    {"where": each.where, "file": each.file, "end": each.end.isoformat(), "ended": each.ended}
                    for each in examined.expiring
                ],
                "missing": examined.missing,
                "use_stops": examined.use_stops,
                "exposed": examined.exposed,
                "ending": soon,
                "passed": over,
                "idle": unused,
            }
        )
    else:
        rows([_brief(each) for each in found], empty="The configuration is valid; no route carries anything.")
    return (
        not examined.quarantined
        and not amiss
        and not any([*(each.ended for each in lapsed), *(each.ended for each in examined.expiring)])
    )


def _flow(tenant: str, route: Route, lapsed: Collection[Lapse]) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "route": route.id,
        "from": f"{route.source} {route.operation}",
        "to": f"{route.destination} {route.destination_operation}",
        "fields": len(route.fields),
        "reply": len(route.reply_fields) or None,
        "legal basis": ", ".join((*route.legal_basis, *route.rows, route.assessment)),
        "not in force": [
            {"id": each.cited} | each.basis.model_dump(mode="json") | {"ended": each.ended} for each in lapsed
        ],
    }


def _brief(flow: dict[str, Any]) -> dict[str, Any]:
    """The same as a row; what is not in force shows beside the legal basis."""
    lapsed = [f"{each['id']} {'ended' if each['ended'] else 'not yet'}" for each in flow.pop("not in force")]
    return flow | {"legal basis": "; ".join([flow["legal basis"], *lapsed])}
