"""People of the toy tenant, and routes that hold: what the tests of holds start from."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.hub.people import Configured, Person, Role
from gateway.hub.rights import Grant, Revocation

TERMINAL = "terminal-7"


def certificate(name: str) -> str:
    """A made-up certificate's digest."""
    return hashlib.sha256(name.encode()).hexdigest()


ADMINISTRATOR = Person("staff-0100", certificate("staff-0100"), frozenset({Role.ADMINISTRATOR}))
ANNA, BEN, CARA, OPA = "staff-0011", "staff-0012", "staff-0013", "staff-0014"
"""An officer, an approver, one who is both, and an operator."""
ROLES: dict[str, tuple[Any, ...]] = {
    ANNA: (Role.OFFICER,),
    BEN: (Role.APPROVER,),
    CARA: (Role.OFFICER, Role.APPROVER),
    OPA: (Role.OPERATOR,),
}


def someone(name: str) -> Person:
    """As the hub knows them."""
    return Person(name, certificate(name), frozenset(ROLES[name]))


async def staffed(hub: Any) -> None:
    """Grant everybody their roles."""
    hub.people.adopt(Configured({}, {ADMINISTRATOR.id: ADMINISTRATOR.certificate}))
    until = datetime.now(UTC).date() + timedelta(days=100)
    for name, roles in ROLES.items():
        for role in roles:
            grant = Grant(person=name, role=role, certificate=certificate(name), until=until)
            await hub.people.grant(grant, ADMINISTRATOR, TERMINAL, datetime.now(UTC))


async def revoked(hub: Any, name: str) -> None:
    """Take all roles of somebody."""
    for role in ROLES[name]:
        revocation = Revocation(person=name, role=role)
        await hub.people.revoke(revocation, ADMINISTRATOR, TERMINAL, datetime.now(UTC))


def holding(rules: Any, **changes: Any) -> Any:
    """The same rules, where the route of persons holds, or is otherwise changed."""
    file = rules.tenant.file
    changed = changes or {"hold": True}
    routes = tuple(each.model_copy(update=changed) if each.id == "T1" else each for each in file.routes)
    return replace(rules, tenant=replace(rules.tenant, file=file.model_copy(update={"routes": routes})))


def hold_everything(line: Any, **changes: Any) -> None:
    """From now on the route of persons holds, at hub and edges."""
    line.office.rules, line.register.rules = (
        holding(line.office.rules, **changes),
        holding(line.register.rules, **changes),
    )
    line.hub.adopt(holding(line.hub.rules, **changes), line.hub.dispatcher.limits)


async def looked(line: Any, message_id: str, *names: str) -> None:
    """Each of them looks at it, at the register's edge."""
    for name in names:
        await line.register.look(message_id, certificate(name), TERMINAL)
