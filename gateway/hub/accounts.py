"""The accounts of one tenant: derived from the facts in its log, changed by facts, and nothing beside the log.

Whoever asks is told what the log says by then: a change counts as soon as its fact is durable, and not before. What is
written is asked for once more inside the write, where the log has its order: nobody acts behind his own revocation.
"""

import sqlite3
from collections.abc import Callable, Collection
from datetime import datetime

from gateway.config import japanese_day
from gateway.hub.journal import PERSON_FACTS, FactKind, Journal
from gateway.hub.journal.reading import told
from gateway.hub.people import Configured, Confirmers, Person, Role
from gateway.hub.rights import Grant, Revocation, Rights
from gateway.link.allowance import Allowance, Exhausted
from gateway.messages import stamp


class Accounts:
    """Who may act in this tenant (`People`). Each call raises Deferred("log_unavailable") if the log cannot be read."""

    def __init__(self, journal: Journal, configured: Configured) -> None:
        self._journal = journal
        self._rights = Rights(configured)
        self._came_back = Allowance()
        self._followed = 0

    def adopt(self, configured: Configured) -> None:
        """A reload: from now on these stand in the configuration."""
        self._rights.configured = configured

    @property
    def configured(self) -> Configured:
        """Those of the configuration."""
        return self._rights.configured

    def person(self, certificate: str, now: datetime) -> Person | None:
        """Whose certificate it is, with the roles that count now; None if it is nobody's."""
        return self._today().person(certificate, japanese_day(now))

    def came_back(self, certificate: str) -> Person | None:
        """Who comes with a certificate that was granted a right here and gives none any more, without a role: to be
        recorded. None of a stranger's, and beyond 60 a minute, so that nobody whose right has ended fills the disk.
        """
        if (found := self._today().former(certificate)) is not None:
            try:
                self._came_back.spend()
            except Exhausted:
                return None
        return found

    def listed(self, now: datetime) -> list[dict[str, str | None]]:
        """Every right, with its standing: configured, valid, ends_soon (within 30 days), ended or revoked (30 days
        ago at most, `until` being that day), or not_counted, for the configuration says otherwise (C047).
        """
        return list(self._today().listed(japanese_day(now)))

    async def grant(self, grant: Grant, by: Person, terminal: str, now: datetime) -> None:
        """Raises Refused: role_missing, own_grant, duties_conflict, certificate_taken, certificates_missing or
        bad_last_day.
        """
        day, body = japanese_day(now), {**grant.model_dump(mode="json"), **_said(by, terminal)}

        def check(connection: sqlite3.Connection) -> None:
            rights = self._within(connection)
            rights.require(by, [Role.ADMINISTRATOR], day)
            rights.require_grantable(grant, by.id, day)

        await self._journal.fact(FactKind.PERSON_GRANTED, body, at=stamp(now), check=check)

    async def revoke(self, revocation: Revocation, by: Person, terminal: str, now: datetime) -> None:
        """Raises Refused: role_missing, own_grant or unknown_right."""
        day, body = japanese_day(now), {**revocation.model_dump(mode="json"), **_said(by, terminal)}

        def check(connection: sqlite3.Connection) -> None:
            rights = self._within(connection)
            rights.require(by, [Role.ADMINISTRATOR], day)
            rights.require_revocable(revocation, by.id)

        await self._journal.fact(FactKind.PERSON_REVOKED, body, at=stamp(now), check=check)

    def confirmers(self, now: datetime) -> Confirmers:
        """For a write to ask who may confirm now."""
        return lambda connection: self._within(connection).confirmers(japanese_day(now))

    def requiring(self, by: Person, roles: Collection[Role], now: datetime) -> Callable[[sqlite3.Connection], None]:
        """For a write to ask whether this person has one of these roles still: it raises Refused("role_missing")."""
        return lambda connection: self._within(connection).require(by, roles, japanese_day(now))

    def _today(self) -> Rights:
        """The rights, brought after the log."""
        for seq, kind, fields in self._journal.told(PERSON_FACTS, after=self._followed):
            self._rights.apply(fields, granted=kind is FactKind.PERSON_GRANTED)
            self._followed = seq
        return self._rights

    def _within(self, connection: sqlite3.Connection) -> Rights:
        """The rights as a write finds them: by every fact before it, also those that become durable with it."""
        rights = Rights(self._rights.configured)
        for _, kind, fields in told(connection, PERSON_FACTS, 0):
            rights.apply(fields, granted=kind is FactKind.PERSON_GRANTED)
        return rights


def _said(by: Person, terminal: str) -> dict[str, str]:
    return {"by": by.id, "client_certificate": by.certificate, "terminal": terminal}
