"""What the facts of persons come to: who has which right until when, and which change of that would break a rule.

A right is (person, role, last day) in one tenant; the day is Japan's, inclusive. What the configuration says goes
first: a grant that contradicts it does not count.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import StringConstraints

from gateway.config import japanese_day
from gateway.config.files import Closed, Day, StaffId
from gateway.errors import Refused
from gateway.hub.people import APART, CONFIRMING, Configured, Person, Role, same_person

LONGEST: Final = timedelta(days=366)
"""So every account is looked at again each year (C049), and no right rests on a fact that retention has purged."""
_MONTH: Final = timedelta(days=30)
"""For so long a right that has ended is listed, and from so long before its end it is marked."""

Granted = Literal[Role.OPERATOR, Role.OFFICER, Role.APPROVER, Role.AUDITOR]
"""An administrator is made by configuration alone."""


class Grant(Closed):
    """A right that is to be: `certificate` is SHA-256 over the personal certificate, in hex."""

    person: StaffId
    role: Granted
    certificate: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    until: Day


class Revocation(Closed):
    """A right that is to end now."""

    person: StaffId
    role: Granted


class Rights:
    """The rights of one tenant, up to the last fact that was applied. `configured` is swapped on a reload."""

    def __init__(self, configured: Configured) -> None:
        self.configured = configured
        self._certificates: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._until: dict[str, dict[Role, date]] = {}
        self._revoked: dict[tuple[str, Role], date] = {}

    def apply(self, fields: Mapping[str, Any], *, granted: bool) -> None:
        """Let one more fact count, of a grant or of a revocation. A new certificate replaces the former one in all
        rights of its person.
        """
        person, role = fields["person"], Role(fields["role"])
        if granted:
            self._certificates[person] = fields["certificate"]
            self._owners[fields["certificate"]] = person
            self._until.setdefault(person, {})[role] = date.fromisoformat(fields["until"])
            self._revoked.pop((person, role), None)
        elif self._until.get(person, {}).pop(role, None) is not None:
            self._revoked[person, role] = japanese_day(datetime.fromisoformat(fields["at"]))

    def person(self, certificate: str, day: date) -> Person | None:
        """Whose certificate it is, with the roles that count on that day; None if it is nobody's then."""
        found = [
            Person(name, certificate, roles)
            for name, own in {**self._certificates, **self.configured.certificates}.items()
            if own == certificate and (roles := self._roles(name, day))
        ]
        return found[0] if len(found) == 1 else None

    def former(self, certificate: str) -> Person | None:
        """Whose certificate it was by the last grant that named it, without a role; None if it never was anybody's."""
        owner = self._owners.get(certificate)
        return None if owner is None else Person(owner, certificate, frozenset())

    def confirmers(self, day: date) -> dict[str, Person]:
        """Whoever may confirm on that day, by staff id."""
        found = (self.person(each, day) for each in self._certificates.values())
        return {person.id: person for person in found if person is not None and person.roles & CONFIRMING}

    def require(self, by: Person, roles: Collection[Role], day: date) -> None:
        """That this person has one of these roles on that day, by the same certificate. Raises
        Refused("role_missing").
        """
        found = self.person(by.certificate, day)
        if found is None or found.id != by.id or found.roles.isdisjoint(roles):
            raise Refused("role_missing")

    def require_grantable(self, grant: Grant, by: str, day: date) -> None:
        """Raises Refused: own_grant, duties_conflict, certificate_taken, certificates_missing or bad_last_day."""
        if same_person(grant.person, by):
            raise Refused("own_grant")
        if self._contradicts(grant.person, grant.role) or self._audits_own_acts(grant, day):
            raise Refused("duties_conflict")
        own = self.configured.certificates.get(grant.person)
        if grant.certificate in self.configured.others or own not in (None, grant.certificate):
            raise Refused("certificate_taken")
        if self._holders(grant.certificate, day) - {grant.person}:
            raise Refused("certificate_taken")
        if self.configured.missing:  # it may be any of them
            raise Refused("certificates_missing")
        if not day <= grant.until <= day + LONGEST:
            raise Refused("bad_last_day")

    def require_revocable(self, revocation: Revocation, by: str) -> None:
        """Raises Refused: own_grant or unknown_right. What has ended may be revoked, too."""
        if same_person(revocation.person, by):
            raise Refused("own_grant")
        if revocation.role not in self._until.get(revocation.person, {}):
            raise Refused("unknown_right")

    def listed(self, day: date) -> Iterator[dict[str, str | None]]:
        """Every right that counts, those that ended or were revoked within 30 days, and those that contradict the
        configuration, by person.
        """
        for role, names in (
            (Role.OPERATOR, self.configured.operators),
            (Role.ADMINISTRATOR, self.configured.administrators),
        ):
            for name, certificate in sorted(names.items()):
                yield _row(name, role, certificate, None, "configured")
        for name, rights in sorted(self._until.items()):
            for role, until in sorted(rights.items()):
                if until + _MONTH >= day:
                    yield _row(name, role, self._certificates[name], until, self._standing(name, role, until, day))
        for (name, role), on in sorted(self._revoked.items()):
            if on + _MONTH >= day:
                yield _row(name, role, self._certificates[name], on, "revoked")

    def _holders(self, certificate: str, day: date) -> set[str]:
        """Whose certificate it is by the configuration, or by the facts alone: a grant that does not count beside the
        configuration counts where it is not known, when the log is verified.
        """
        told = (name for name, rights in self._until.items() if any(day <= until for until in rights.values()))
        return {name for name in told if self._certificates[name] == certificate} | {
            name for name, own in self.configured.certificates.items() if own == certificate
        }

    def _roles(self, name: str, day: date) -> frozenset[Role]:
        return self._by_configuration(name) | {
            role
            for role, until in self._until.get(name, {}).items()
            if day <= until and not self._contradicts(name, role)
        }

    def _by_configuration(self, name: str) -> frozenset[Role]:
        if name in self.configured.operators:
            return frozenset({Role.OPERATOR})
        return frozenset({Role.ADMINISTRATOR}) if name in self.configured.administrators else frozenset()

    def _contradicts(self, name: str, role: Role) -> bool:
        """Whoever runs the machine, or says who confirms, does not confirm himself, and audits nobody."""
        return role in APART and any(same_person(name, each) for each in self.configured.certificates)

    def _audits_own_acts(self, grant: Grant, day: date) -> bool:
        """Whether an auditor would get another role, or somebody with another role would be auditor."""
        audits = grant.role is Role.AUDITOR
        return any(
            day <= until and (role is Role.AUDITOR) != audits
            for name, rights in self._until.items()
            if same_person(name, grant.person)
            for role, until in rights.items()
        )

    def _standing(self, name: str, role: Role, until: date, day: date) -> str:
        if day > until:
            return "ended"
        if self._contradicts(name, role):
            return "not_counted"
        return "ends_soon" if day + _MONTH >= until else "valid"


def _row(name: str, role: Role, certificate: str, until: date | None, standing: str) -> dict[str, str | None]:
    last = until.isoformat() if until is not None else None
    return {"person": name, "role": role.value, "certificate": certificate, "until": last, "standing": standing}
