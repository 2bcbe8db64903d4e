"""PMH keys over real processes: one for each number, whoever dies meanwhile."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from itertools import islice
from pathlib import Path

from gateway_demo_city.city import rows
from gateway_demo_city.faults import GOOD
from gateway_demo_city.keys import Pmh, issued
from gateway_demo_city.outside import Outside
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Process, Stage, gateway
from tests.ports import free_port

_RECORD_SYSTEM = "gateway_vaccination_records.record_system"


async def started_records(stage: Stage, config: Path) -> Process:
    process = await stage.start("record_system", sys.executable, "-m", _RECORD_SYSTEM, "--config", str(config))
    await process.first_line()
    return process


async def started_gateway(stage: Stage, outside: Outside) -> Process:
    process = await stage.start("gateway", *gateway("run", "--root", str(stage.root)))
    await outside.ready(process)
    return process


async def killed(process: Process) -> None:
    process.child.kill()
    await process.child.wait()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(6000):
        if await holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")


async def test_each_number_has_one_key_though_gateway_and_record_system_are_killed_while_asking(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        site = await Site.make(stage)
        config = site.record_system()
        port = free_port()
        config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
        records = await started_records(stage, config)
        site.point_at(port)
        pmh = await Pmh.start(stage, site, {"asynchronous": 2, "drop": 1, "busy": 1})
        made = [row for row in islice(rows(2000, 1), 1500) if row.kind == GOOD.kind]
        async with Outside(site, port) as outside:

            async def asked() -> bool:
                return bool((await outside.pmh(pmh.port))["rows"])

            async def some_issued() -> bool:
                return bool((await outside.keys())["issued"])

            async def all_issued() -> bool:
                return status.exists() and not (await outside.keys())["wanted"]

            status = site.exchange / "status" / "city.status.csv"
            daemon = await started_gateway(stage, outside)
            draft = site.exchange / "city.draft"
            draft.write_bytes(b"".join(line + b"\r\n" for line in (site.form.header(), *(row.line for row in made))))
            draft.rename(site.exchange / "in" / "city.csv")
            await until(asked)
            await killed(daemon)
            daemon = await started_gateway(stage, outside)
            await until(some_issued)
            await killed(records)
            await started_records(stage, config)
            await until(all_issued)
            held, told = await outside.keys(), await outside.pmh(pmh.port)
        assert await daemon.stop() == 0
        assert held == {"issued": told["keys"], "wanted": 0, "disputed": 0}
        numbers = {row.cells["individual_number"] for row in made} - {""}
        deleted = {row.cells["individual_number"] for row in made if row.cells["change_type"] == "3"}
        assert len(numbers - deleted) <= told["keys"] <= len(numbers)
        _, out = await stage.run("verify", *gateway("log", "verify", "--root", str(tmp_path), "--json"))
        assert [each["problem"] for each in json.loads(out)] == [None, None]
        left = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and "pmh_" not in str(file))
        assert not [each for each in issued(site) if each.encode() in left]
