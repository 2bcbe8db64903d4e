"""Who may do what: each act at the operators' listener, as each role, against the table that people read."""

import json
import re
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.hub.admin_copies import CopyRoutes
from gateway.hub.admin_remains import RemainsRoute
from gateway.hub.admin_retention import RetentionRoutes
from gateway.hub.admin_search import SystemSearchRoute
from gateway.hub.journal import FactKind
from gateway.hub.people import Role
from gateway.hub.retention import retain
from gateway.wiring.at_edges import LookRoute, UseStopRoute
from tests.flow.calling import calling
from tests.flow.test_people import TERMINAL, sitting
from tests.flow.toys import OFFICE, REGISTER, TENANT

DOCS = Path(__file__).parents[2] / "docs"
GRANTED = {
    "staff-0001": Role.OPERATOR,
    "staff-0002": Role.OFFICER,
    "staff-0003": Role.APPROVER,
    "staff-0004": Role.AUDITOR,
}
PEOPLE: dict[str, Role] = {**GRANTED, "staff-0100": Role.ADMINISTRATOR}
UNKNOWN = "01960000-0000-7000-8000-000000000018"
SOUGHT = {"connector": OFFICE, "tags": {}, "reason": "audit", "case": "R8-1"}
NO_MATTER_OF_ROLES = {"/healthz", "/readyz", "/metrics"}


class Act(NamedTuple):
    """How it is asked for, so that whoever may do it changes nothing; `row` of the table, if the act has many."""

    act: str
    method: str
    path: str
    body: Any = None
    row: str = ""


ACTS = (
    Act("search", "POST", "/v1/{tenant}/search", {"message": UNKNOWN}, "kind and day"),
    Act("search", "POST", "/v1/{tenant}/search", {"connector": OFFICE}, "any other word"),
    Act("search", "POST", "/v1/system/search", {}, "`gateway log search system`"),
    Act("report", "POST", "/v1/{tenant}/reports/slips", {}, "`gateway log report`"),
    Act("report", "POST", "/v1/{tenant}/reports/disclosure", {}, "`gateway log report disclosure`"),
    Act("report", "POST", "/v1/{tenant}/reports/unusual", {}, "`gateway log report unusual`, `users`"),
    Act("report", "POST", "/v1/{tenant}/reports/users", {}, "`gateway log report unusual`, `users`"),
    Act("review", "GET", "/v1/{tenant}/review"),
    Act("sign", "POST", "/v1/{tenant}/review", {}),
    Act("findings", "GET", "/v1/{tenant}/findings"),
    Act("flag", "POST", "/v1/{tenant}/findings", {}),
    Act("take", "POST", "/v1/{tenant}/findings/1/take", {}),
    Act("close", "POST", "/v1/{tenant}/findings/1/close", {}),
    Act("users", "POST", "/v1/{tenant}/users", {}),
    Act("sign_users", "POST", "/v1/{tenant}/users/sign", {}),
    Act("people", "GET", "/v1/{tenant}/people"),
    Act("history", "GET", "/v1/{tenant}/people/history"),
    Act("grant", "POST", "/v1/{tenant}/people", {}),
    Act("revoke", "POST", "/v1/{tenant}/people/staff-0009/revoke", {}),
    Act("trace", "GET", f"/v1/{{tenant}}/messages/{UNKNOWN}"),
    Act("dead", "GET", "/v1/{tenant}/dead"),
    Act("refused", "GET", "/v1/{tenant}/refused"),
    Act("replay", "POST", f"/v1/{{tenant}}/messages/{UNKNOWN}/replay"),
    Act("holds", "GET", "/v1/{tenant}/holds"),
    Act("look", "GET", f"/v1/{{tenant}}/{REGISTER}/holds/{UNKNOWN}"),
    Act("release", "POST", f"/v1/{{tenant}}/holds/{UNKNOWN}/release"),
    Act("refuse", "POST", f"/v1/{{tenant}}/holds/{UNKNOWN}/refuse", {}),
    Act("deleted", "GET", f"/v1/{{tenant}}/messages/{UNKNOWN}/deleted"),
    Act("retention", "POST", "/v1/{tenant}/retention", {}),
    Act("legal_holds", "GET", "/v1/{tenant}/legal-holds"),
    Act("legal_hold", "POST", "/v1/{tenant}/legal-holds", {}),
    Act("lift", "POST", "/v1/{tenant}/legal-holds/lift", {}),
    Act("erase", "POST", "/v1/{tenant}/erasures", {}),
    Act("mark", "POST", f"/v1/{{tenant}}/messages/{UNKNOWN}/undisclosed", {}),
    Act("stop_use", "POST", f"/v1/{{tenant}}/{OFFICE}/use-stops/0000-1111-2222"),
    Act("resume_use", "POST", f"/v1/{{tenant}}/{OFFICE}/use-stops/0000-1111-2222/resume"),
    Act("connectors", "GET", "/v1/connectors"),
    Act("reload", "POST", "/v1/reload"),
    Act("copies", "GET", "/v1/copies"),
    Act("copy", "POST", "/v1/copies", {}),
    Act("copy_destroyed", "POST", "/v1/copies/x/destroyed", {}),
)


def table(page, heading, yes):
    """The rows under that heading: act and command, and who may."""
    section = (DOCS / page).read_text().split(f"### {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    head, _, *rest = rows
    roles = [next(role for role in Role if role in column.split()) for column in head[2:]]
    assert sorted(roles) == sorted(Role)
    return {
        (act.strip("`"), command): {role for role, cell in zip(roles, may, strict=True) if cell == yes}
        for act, command, *may in rest
    }


WHO_MAY = table("operate.md", "Who may do what", "yes")


def may(act):
    (found,) = [who for (name, command), who in WHO_MAY.items() if name == act.act and command.endswith(act.row)]
    return found


@pytest.fixture(scope="module", autouse=True)
def certificates(site):
    tls = site.config.root / "keys/tls"
    for name in ("root", *PEOPLE):
        if not (tls / f"{name}.key").exists():
            site.authority.client(name, datetime.now(UTC)).write(tls, name)


def everything(callers, line):
    """What a daemon adds to the hub's own addresses."""

    async def now(hub):
        return await retain(hub.rules.tenant, hub.journal, line.clock())

    async def look(place, message_id, certificate, terminal):
        await line.hub.look(place[1], message_id, certificate, terminal)

    async def stop(place, case, certificate, terminal, *, resumed):
        await line.hub.use_stop(place[1], case, certificate, terminal, resumed=resumed)

    async def cosign():
        pass

    async def folders(log) -> dict[str, set[date]]:
        return {}

    class All:
        def add_to(self, router):
            RetentionRoutes(callers, line.clock, now).add_to(router)
            CopyRoutes(callers, line.clock, lambda: {"system": line.journal}, "system", cosign).add_to(router)
            RemainsRoute(callers, line.clock, folders, list).add_to(router)
            SystemSearchRoute(callers, line.clock, "system", line.journal, line.hub.search).add_to(router)
            LookRoute(callers, look).add_to(router)
            UseStopRoute(callers, stop).add_to(router)

    return All()


@pytest.fixture
async def desk(site, tmp_path):
    async with sitting(site, tmp_path, everything) as made:
        for name, role in GRANTED.items():
            assert (await made.grant(name, role.value))[0] == 200
        yield made
        made.line.hub.search.close()


async def answer(session, act):
    data = None if act.body is None else json.dumps(act.body).encode()
    path = act.path.format(tenant=TENANT)
    async with session.request(act.method, path, data=data, headers=TERMINAL) as response:
        return response.status, await response.read()


async def test_whoever_may_by_the_table_may_and_everybody_else_is_refused_by_a_fact(desk):
    expected = []
    async with AsyncExitStack() as stack:
        base = f"https://localhost:{desk.port}"
        sessions = {name: await stack.enter_async_context(calling(desk.site, base, name)) for name in PEOPLE}
        for act in ACTS:
            for name, role in PEOPLE.items():
                status, said = await answer(sessions[name], act)
                refused = status == 403 and json.loads(said)["code"] == "role_missing"
                assert refused == (role not in may(act)), f"{role} {act.act} {act.row}"
                expected += [(name, act.act, "role_missing")] if refused else []
    assert [each for each in await desk.acts() if each[2] == "role_missing"] == expected


async def test_the_configured_operators_act_on_the_process_and_in_a_tenant_as_operators(desk):
    async with calling(desk.site, f"https://localhost:{desk.port}", "root") as session:
        for act in ACTS:
            status, said = await answer(session, act)
            refused = status == 403 and json.loads(said)["code"] == "role_missing"
            of_process = "{tenant}" not in act.path
            assert refused == (not of_process and Role.OPERATOR not in may(act)), act.act
            assert not (of_process and may(act)), "nobody is granted that"


async def test_the_table_has_every_act_that_there_is_and_no_other(desk):
    """Whoever adds an address says here, and there, who may."""
    there = {
        (route.method, route.resource.canonical)
        for route in desk.listener.application().router.routes()
        if route.resource.canonical not in NO_MATTER_OF_ROLES
    }
    asked = {(method, form) for act in ACTS for method, form in there if method == act.method and fits(form, act.path)}
    assert asked == there
    assert {act.act for act in ACTS} == {act for act, _ in WHO_MAY}
    for name, command in WHO_MAY:
        assert any(act.act == name and command.endswith(act.row) for act in ACTS), command


def fits(form, path):
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", form), path) is not None


def test_the_table_in_japanese_says_the_same():
    japanese = table("operate.ja.md", "誰が何をできるか", "可")
    assert [(act, who) for (act, _), who in japanese.items()] == [(act, who) for (act, _), who in WHO_MAY.items()]


async def test_an_auditor_is_told_no_more_than_an_operator(desk):
    """Whom nothing is disclosed to that is not to be, and whose looking is a fact as everybody's."""
    async with calling(desk.site, f"https://localhost:{desk.port}", "staff-0004") as session:
        asked = Act("search", "POST", "/v1/{tenant}/search", {"person": SOUGHT, "kind": "message.recorded"})
        assert (await answer(session, asked))[0] == 200
    (fact,) = [each for _, _, each in desk.line.journal.told((FactKind.OPERATOR_ACTED,)) if each["act"] == "search"]
    assert (fact["operator"], fact["reason"], fact["case"]) == ("staff-0004", "audit", "R8-1")


async def test_an_auditor_is_made_by_an_administrator_and_is_nothing_else(desk):
    assert await desk.grant("staff-0004", "operator") == (403, "duties_conflict")
    assert await desk.grant("staff-0002", "auditor") == (403, "duties_conflict")
    revoked = await desk.ask("staff-0100", "POST", f"/v1/{TENANT}/people/staff-0004/revoke", {"role": "auditor"})
    assert revoked == (200, {"person": "staff-0004", "role": "auditor"})
    assert await desk.ask("staff-0004", "POST", f"/v1/{TENANT}/search", {}) == (403, "unknown_certificate")
