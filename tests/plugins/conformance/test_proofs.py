"""The rule `attests` sees each way in which a connector may believe what a peer shows, or tell it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from jwt.utils import base64url_decode

from gateway.plugin import Claim, Context, Deferred, Proven, Refused, Shown
from gateway.plugin.testing.package import staged
from gateway.plugin.testing.rules import RULES
from gateway.plugin.testing.scale import Finding, State, judged
from gateway_clinic_app import conformance
from gateway_clinic_app.connector import ClinicApp

(ATTESTS,) = (each for each in RULES if each.id == "attests")


class Sound(ClinicApp):
    """As it is."""


class BelievesWhoeverSigned(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        try:
            told = json.loads(base64url_decode(shown.proof.split(".")[1]))
            bound = {"vaccination_subject_no": told["sub"], "identity_confirmation": told["jti"]}
        except (ValueError, LookupError):
            raise Refused("not_attested") from None
        claims = (Claim("identity_confirmed", b"x"), Claim("consent", b"x"))
        return Proven(claims, bound)


class BelievesWhatIsTidiedUp(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        return super().attest(replace(shown, proof=shown.proof.rstrip("=.")))


class BelievesForEver(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        self.first = getattr(self, "first", shown.now)
        return super().attest(replace(shown, now=self.first))


class BelievesOfAnybody(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        return Proven(super().attest(shown).claims)


class BindsWhatNoRecordHas(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        return Proven(super().attest(shown).claims, {"vaccination_subject_no": "NOBODY"})


class AttestsMore(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        proven = super().attest(shown)
        return replace(proven, claims=(*proven.claims, Claim("card_login", b"x")))


class AttestsLess(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        proven = super().attest(shown)
        return replace(proven, claims=proven.claims[:1])


class RefusesAll(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        raise Refused("not_attested")


class PutsOff(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        raise Deferred("system_busy")


class RaisesWhatItMayNot(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        try:
            return super().attest(shown)
        except Refused:
            raise ValueError from None


class TellsTheProof(ClinicApp):
    def attest(self, shown: Shown) -> Proven:
        try:
            return super().attest(shown)
        except Refused:
            raise Refused("not_attested") from ValueError(shown.proof)


class LogsTheProof(ClinicApp):
    async def open(self, context: Context) -> None:
        self.log = context.log
        await super().open(context)

    def attest(self, shown: Shown) -> Proven:
        self.log.info("attest", proof=shown.proof)
        return super().attest(shown)


def found(connector: Callable[[], ClinicApp]) -> Finding:
    stage = staged(conformance.ClinicApp)
    stage.spec = replace(stage.spec, factory=connector)
    return asyncio.run(judged(ATTESTS, stage))


@pytest.mark.parametrize(
    ("connector", "seen"),
    [
        (BelievesWhoeverSigned, "one character changed"),
        (BelievesWhatIsTidiedUp, "more behind it"),
        (BelievesForEver, "attests what has ended"),
        (BelievesOfAnybody, "another person's record"),
        (BindsWhatNoRecordHas, "other values than its record"),
        (AttestsMore, "card_login"),
        (AttestsLess, "does not bear out consent"),
        (RefusesAll, "a good proof is refused"),
        (PutsOff, "defers a proof"),
        (RaisesWhatItMayNot, "raised ValueError"),
        (TellsTheProof, "shows the proof"),
        (LogsTheProof, "in a line of its log"),
    ],
)
def test_a_connector_that_attests_wrongly_is_seen(connector: type[ClinicApp], seen: str) -> None:
    finding = found(connector)
    assert finding.state is State.TO_DO
    assert seen in finding.seen


def test_a_sound_one_is_not() -> None:
    assert found(Sound).state is State.DONE
