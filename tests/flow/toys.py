"""Two toy interfaces of the tests' own: an office that knows people, and a register that it tells of them.

They have what the real ones have and more: nested objects and lists, items that stay behind, a request with a reply
that the route narrows, an operation without a route.
"""

from datetime import timedelta
from typing import Any

from gateway.plugin import Claim, Deferred, Interface, Operation, Payload, Proven, Refused, Shown, fields

OFFICE, REGISTER, TENANT = "office", "register", "999997"


class Home(Payload):
    address: fields.Address
    municipality_code: fields.MunicipalityCode | None = None


class Guardian(Payload):
    guardian_name: fields.GuardianName
    birth_date: fields.BirthDate | None = None
    sex: fields.Sex | None = None


class Person(Payload):
    internal_no: fields.InternalNo
    name: fields.Name
    update_seq: fields.UpdateSeq
    control_flag_recovery: fields.ControlFlagRecovery
    individual_number: fields.IndividualNumber | None = None
    sex: fields.Sex | None = None
    home: Home | None = None
    guardians: list[Guardian] | None = None


class Sought(Payload):
    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode | None = None


class Told(Payload):
    """What the office may hear."""

    internal_no: fields.InternalNo
    update_seq: fields.UpdateSeq
    sex: fields.Sex | None = None


class HomeThere(Payload):
    address: fields.Address


class GuardianThere(Payload):
    guardian_name: fields.GuardianName


class PersonThere(Payload):
    """No individual number, no sex; a name is shorter here than at the office, as real systems differ."""

    internal_no: fields.InternalNo
    name: fields.Name
    update_seq: fields.UpdateSeq
    control_flag_recovery: fields.ControlFlagRecovery
    home: HomeThere | None = None
    guardians: list[GuardianThere] | None = None


class Found(Payload):
    """What the register could say; the route carries less."""

    internal_no: fields.InternalNo
    update_seq: fields.UpdateSeq
    sex: fields.Sex | None = None
    name: fields.Name | None = None


def _operation(name: str, direction: Any, payload: type[Payload], **more: Any) -> Operation:
    return Operation(name=name, label="試験", direction=direction, payload=payload, person_key="internal_no", **more)


OFFICE_INTERFACE = Interface(
    connector=OFFICE,
    version="1",
    operations=(
        _operation("person.put", "sends", Person, version=("update_seq",)),
        _operation("person.find", "sends", Sought, reply=Told),
        _operation("person.unrouted", "sends", Sought),
    ),
)
REGISTER_INTERFACE = Interface(
    connector=REGISTER,
    version="1",
    operations=(
        _operation("person.put", "receives", PersonThere, version=("update_seq",)),
        _operation("person.find", "receives", Sought, reply=Found),
    ),
    codes={"register_full": "The register takes nobody any more."},
)

CARRIED = (
    "internal_no",
    "name",
    "update_seq",
    "control_flag_recovery",
    "home.address",
    "guardians[].guardian_name",
)
WITHHELD = ("guardians[].birth_date", "guardians[].sex", "home.municipality_code", "individual_number", "sex")

NUMBER = "000000000000"
"""An individual number that is made up: it starts with 0000 and has its check digit."""


def person(number: int = 1, seq: int = 1, **other: Any) -> dict[str, Any]:
    """A made-up person as the office sends them."""
    return {
        "internal_no": f"{number:010}",
        "name": f"架空　太郎{number}",
        "update_seq": seq,
        "control_flag_recovery": False,
    } | other


def whole_person(number: int = 1, seq: int = 1) -> dict[str, Any]:
    """One with every field that the office may send."""
    return person(
        number,
        seq,
        individual_number=NUMBER,
        sex="1",
        home={"address": "架空市見本町１－２－３", "municipality_code": TENANT},
        guardians=[
            {"guardian_name": "髙﨑　花子", "birth_date": "1990-01-01"},
            {"guardian_name": "髙﨑　次郎", "sex": "1"},
        ],
    )


def sought(number: int = 1) -> dict[str, Any]:
    """A question after a person."""
    return {"internal_no": f"{number:010}"}


class Terminal:
    """Proofs as the toy office's peers show them: `<internal_no>/<claim>[:<text>]/...`, each claim good for an hour.

    `broken` raises what no connector may raise, `garbled` answers something that is no Proven.
    """

    def attest(self, shown: Shown) -> Proven:
        person, *claims = shown.proof.split("/")
        match person:
            case "broken":
                raise ValueError(shown.proof)
            case "garbled":
                return shown.proof  # type: ignore[return-value]
            case "waiting":
                raise Deferred("system_busy", retry_after=3.0)
            case "forged":
                raise Refused("dispute", "internal_no")
        return Proven(tuple(self._claim(each, shown) for each in claims), {"internal_no": person})

    def _claim(self, said: str, shown: Shown) -> Claim:
        name, _, text = said.partition(":")
        hour = timedelta(hours=1)
        until = shown.now - hour if text == "over" else shown.now + hour
        return Claim(name, shown.proof.encode(), until, text if text not in {"", "over"} else None)  # type: ignore[arg-type]
