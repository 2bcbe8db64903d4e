"""What is proven when all has ended: every fact of the logs is hashed again, and nothing of a person is left behind."""

import json
from collections.abc import Mapping
from typing import Final

from gateway_demo_city.city import canaries
from gateway_demo_city.keys import issued
from gateway_demo_city.known_as import known_as
from gateway_demo_city.ledger import CITY_LEDGER
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.report import Report
from gateway_demo_city.site import INTERMEDIATE, PMH_FOLDER
from gateway_demo_city.split import Split
from gateway_demo_city.stage import Failed, Stage, gateway
from gateway_demo_city.sweep import Sweep, sweep
from gateway_demo_city.systems import INIT_SYSTEMS, KEEPS, RESEARCH, network_key

_THEIR_OWN: Final = (INIT_SYSTEMS, PMH_FOLDER, f"{RESEARCH}_{KEEPS}", f"{INTERMEDIATE}_{KEEPS}", CITY_LEDGER)
"""What systems keep of their own: PMH its keys, research its doses, 中間サーバー and network their people, the
city its ledger."""


async def verify(stage: Stage, site: Split, report: Report) -> None:
    """The tenant's log and the system's, as anyone can do it who has the files; they are the hub's."""
    status, out = await stage.run("verify", *gateway("log", "verify", "--root", str(site.hub.root), "--json"))
    if status not in {0, 1}:
        raise Failed(f"log verify ended with {status}")
    report.logs = json.loads(out)
    for log in report.logs:
        told = f"{log['facts']:,} facts, {log['checkpoints']} checkpoints, root {log['root']}"
        report.check(f"log verify: {log['tenant']}", told, passed=log["problem"] is None)


async def copy(stage: Stage, site: Split) -> None:
    """A backup, and the log as strangers get it, to be searched with all else. Raises Failed."""
    root, copies = str(site.hub.root), site.root / "copies"
    await stage.must("backup", *gateway("backup", str(copies / "backup"), "--root", root))
    await stage.must("export", *gateway("log", "export", MUNICIPALITY, str(copies / "log"), "--root", root))


def search(site: Split, seen: Mapping[str, set[str]], report: Report) -> None:
    """Search everything under the root, of all processes, but what systems keep themselves; then show that a planted
    value is found.
    """
    sought: dict[str, set[str]] = {kind: set(values) for kind, values in seen.items()} | {"pmh_key": issued(site)}
    sought |= known_as(site)
    own = [site.exchange / name for name in ("in", "work", "done", "out")]
    for file in sorted((site.exchange / "done").iterdir()):
        for kind, values in canaries(file, site.form).items():
            sought.setdefault(kind, set()).update(values)
    swept = sweep(
        [site.root], sought, leave_out=[*own, *(site.root / name for name in _THEIR_OWN), network_key(site.offline)]
    )
    report.check("canary sweep", _told(swept), passed=not swept.findings)
    canary = next((value for values in sought.values() for value in values), None)
    if canary is None:  # somebody's own file, which the gateway could not read either
        return
    planted = site.root / "observed" / "planted.json"
    planted.write_text(json.dumps({"planted": canary}))
    found = sweep([planted], sought).findings
    report.check("a planted canary is found", "written to a file as JSON, found, deleted", passed=bool(found))
    planted.unlink()


def _told(swept: Sweep) -> str:
    seen = f"{swept.files:,} files, {swept.size / 1e6:,.1f} MB, {swept.canaries:,} values in {swept.forms:,} forms"
    found = [f"{each.place}: {each.kind} in {each.form}" for each in swept.findings[:5]]
    return "; ".join([seen, *(found or ["none found"])])
