"""One city's day, told once from beginning to end: real processes, a real folder, real mutual TLS, injected faults.

The demo knows the gateway and the systems only from outside, by their commands, their HTTPS and the exchange folder.
At the end everything that the run left behind is searched for the values that went through it.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from gateway_demo_city import attempts, between_bodies, evening, plan, proof, residents, visits
from gateway_demo_city.addressees import Addressees
from gateway_demo_city.day import Day
from gateway_demo_city.households import LEAST, households
from gateway_demo_city.keys import FAULTS, HONEST, all_issued, hold
from gateway_demo_city.outside import Outside
from gateway_demo_city.report import Report
from gateway_demo_city.site import DESTINATION
from gateway_demo_city.split import Split
from gateway_demo_city.stage import Process, Stage
from gateway_demo_city.subjects import Folder, Options, Teller, hand_in, made_up, own_file
from gateway_demo_city.systems import Systems


async def play(options: Options, root: Path, tell: Teller) -> Report:
    """Run it all under an empty folder. Raises Failed where the run itself, rather than a check, breaks."""
    report = Report(str(root))
    async with Stage(root) as stage:
        tell.step("A new site in three roots: keys, certificates, signed directory, locked interfaces")
        site = await Split.make(stage)
        tell.step("Record system, PMH, portal, clinics, history lookup, research, network: seven processes with faults")
        systems = await Systems.start(stage, site, options.seed, HONEST if options.file else FAULTS)
        tell.step("Hub, edges and internet edge: three processes, mutual TLS between all of them")
        site = Split.read(root)
        daemons = await site.start(stage)
        async with Outside(site, systems.ports[DESTINATION]) as outside:
            for daemon, each in zip(daemons, site.processes.values(), strict=True):
                await outside.ready(daemon, each)
            seen = await _from_morning_to_night(options, Folder(site, outside, daemons), stage, systems, report, tell)
            report.deliveries = await outside.deliveries()
            await outside.keep_metrics(site.processes)
        tell.step("SIGTERM to all ten; they drain and end")
        ended = await _stopped(daemons[1:]) | await _stopped(daemons[:1]) | await _stopped(systems.processes)
        told = [f"{name} ended with {status}" for name, status in ended.items() if status != 0]
        report.check(
            "all ten processes ended cleanly", ", ".join(told) or "exit status 0 after SIGTERM", passed=not told
        )
        report.faults = {name: n for name, n in systems.records.last_line().items() if isinstance(n, int)}
        tell.step("Every fact of the log is hashed again")
        await proof.verify(stage, site, report)
        await proof.copy(stage, site)
    tell.step("Everything that was left behind is searched for the values that went through")
    proof.search(site, seen, report)
    return report


async def _from_morning_to_night(
    options: Options, folder: Folder, stage: Stage, systems: Systems, report: Report, tell: Teller
) -> dict[str, set[str]]:
    """What happens while the processes run; gives the values that went through, by kind."""
    site, outside = folder.site, folder.outside
    total = await hand_in(options, folder, tell)
    tell.step("A PMH key is asked for each number that has none")
    await all_issued(outside, folder.daemons[0], total)
    if options.file is not None:
        await hold(outside, systems.pmh, site, report)
        own_file(folder, report)
        tell.step("A file of your own: nobody visits portal or clinic, and PMH does not lie")
        return {}
    expectation, numbers = await made_up(options, folder, report, tell)
    await hold(outside, systems.pmh, site, report, expectation)
    day = Day(stage, site, systems, outside, report, households(options.residents, options.seed))
    day.saw("vaccination_subject_no", *numbers)
    if len(day.people) < LEAST:
        tell.step("Too few residents for the rest of the day: nobody visits portal or clinic")
    else:
        await _with_people(day, folder, Addressees.made(options.residents, options.seed), tell)
    return day.seen


async def _with_people(day: Day, folder: Folder, people: Addressees, tell: Teller) -> None:
    tell.step("The city registers questionnaires, doses due and notices")
    templates = plan.templates()
    await day.outside.send("template.register", templates)
    registered = await folder.register(plan.files(day.people, day.site.form), tell)
    day.count("questionnaires registered by the city", len(templates))
    day.count("doses due and notices registered by the city", registered)
    elsewhere = await between_bodies.play(day, folder, people, tell)
    tell.step(f"{len(day.people)} residents log in at the portal, parents for their children")
    await residents.morning(day)
    tell.step("They are vaccinated at two clinics")
    done = await visits.afternoon(day)
    tell.step("The doses go back to the city, and under an ID5 to research")
    await evening.evening(day, done)
    tell.step("What must fail is tried")
    await attempts.night(day, done)
    await between_bodies.results_gone(day, people, elsewhere)


async def _stopped(processes: Sequence[Process]) -> dict[str, int]:
    """The exit status of each. Who needs another to drain is stopped before it: edges, hub, systems."""
    statuses = await asyncio.gather(*(process.stop() for process in processes))
    return {process.name: status for process, status in zip(processes, statuses, strict=True)}
