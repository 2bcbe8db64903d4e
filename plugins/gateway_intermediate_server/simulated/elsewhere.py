"""What happens elsewhere, for tests and demonstrations: other bodies ask us, residents ask, things go wrong.

The rule: without `wrong` everything is as the law has it; with it exactly that one thing is wrong.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from gateway_intermediate_server.simulated.bodies import Question
from gateway_intermediate_server.simulated.config import Strikes
from gateway_intermediate_server.simulated.database import new_no
from gateway_intermediate_server.simulated.face import Call
from gateway_intermediate_server.simulated.faults import INQUIRY_FAULTS, Faults
from gateway_intermediate_server.simulated.forms import (
    Body,
    Dataset,
    Day,
    Dose,
    Form,
    Id,
    Nothing,
    Number,
    Procedure,
    Provision,
    Row,
    SelfRequest,
    TaxItem,
    told,
)
from gateway_intermediate_server.simulated.matching import ROWS
from gateway_intermediate_server.simulated.network import OTHERS, Wanted
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.sealing import Key, thumbprint
from gateway_intermediate_server.simulated.server import Server

_Answer = Mapping[str, Any]
_AN_HOUR: Final = 3600
_NO_SUCH_CITY: Final = "999971"
_ON_THE_PERMIT: Final = frozenset({"row_out_of_bounds", "row_26_by_municipality", "not_on_list", "wrong_municipality"})
Wrong = Literal[
    "forged_permit", "replayed_permit", "expired_permit", "no_permit", "unsigned_permit", "no_key", "other_key",
    "row_out_of_bounds", "row_26_by_municipality", "not_on_list", "wrong_municipality", "forged_route",
    "claimed_destination",
]  # fmt: skip


class Inquire(Form):
    """Another body asks us about a person."""

    body: Body
    individual_number: Number
    row: Row
    procedure_code: Procedure
    dataset_code: Dataset
    undisclosed_flag: bool = False
    inquiry_from: Day | None = None
    inquiry_to: Day | None = None
    wrong: Wrong | None = None


class Person(Form):
    """A person of another body, with doses and tax items."""

    body: Body
    individual_number: Number
    doses: list[Dose]
    tax_items: list[TaxItem] = Field(default_factory=list)


class SelfAsk(Form):
    """A resident asks at the portal."""

    individual_number: Number
    dataset_code: Dataset
    wrong: Literal["forged_permit", "expired_permit", "no_permit", "no_key", "other_key"] | None = None


class AnnouncementRead(Form):
    """A person reads it."""

    announcement_no: Id


class Abort(Form):
    """`inquiry` is the request_id."""

    inquiry: Id


class Next(Form):
    """What is to go wrong with the next inquiry of ours."""

    wrong: Annotated[str, StringConstraints(pattern=f"^({'|'.join(INQUIRY_FAULTS)})$")]


class FaultsSet(Form):
    """These and no others."""

    faults: Strikes


class Elsewhere:
    """The calls of the other listener."""

    def __init__(self, server: Server, faults: Faults) -> None:
        self._server = server
        self._network = server.network
        self._faults = faults

    def calls(self) -> dict[str, Call]:
        """By path."""
        return {
            "/control/v1/inquire": Call(Inquire, self._inquire),
            "/control/v1/inquired": Call(Provision, self._inquired),
            "/control/v1/person": Call(Person, self._person),
            "/control/v1/self-information": Call(SelfAsk, self._ask_own),
            "/control/v1/self-informed": Call(SelfRequest, self._told_own),
            "/control/v1/announcement-read": Call(AnnouncementRead, self._read),
            "/control/v1/statutory-records": Call(Nothing, self._records),
            "/control/v1/state": Call(Nothing, self._state),
            "/control/v1/abort": Call(Abort, self._abort),
            "/control/v1/next": Call(Next, self._next),
            "/control/v1/faults": Call(FaultsSet, self._set_faults),
        }

    # ---- other bodies ------------------------------------------------------------------------------------------------

    def _inquire(self, given: Inquire) -> _Answer:
        key = self._server.bodies.key(given.body).public
        wanted = Wanted(
            inquirer=given.body,
            provider=self._server.body,
            row=given.row,
            procedure_code=given.procedure_code,
            dataset_code=given.dataset_code,
            undisclosed_flag=given.undisclosed_flag,
            key=thumbprint(key),
        )
        if given.wrong in _ON_THE_PERMIT:
            wanted = _misgranted(wanted, given.wrong)
        elif not self._network.allows(wanted):
            raise Refusal(409, "denied")
        permit, route_info = self._signed(wanted, given.wrong)
        number = new_no("PV")
        question = Question(number, wanted, permit, route_info, replayable=given.wrong is None)
        self._server.bodies.ask(question)
        code = self._network.code(self._server.body, given.individual_number)
        days = {name: getattr(given, name) for name in ("inquiry_from", "inquiry_to") if getattr(given, name)}
        content = {
            "row": wanted.row,
            "procedure_code": wanted.procedure_code,
            "dataset_code": wanted.dataset_code,
            "claimed_inquirer_code": given.body,
            "claimed_destination": _other(given.body) if given.wrong == "claimed_destination" else given.body,
            "permit": None if given.wrong == "no_permit" else permit,
            "route_info": route_info,
            "inquirer_encryption_key": _shown(key, given.wrong),
        }
        self._server.provisions.arrive(number, self._server.codes.whose(code), content | days)
        return {"provision_no": number}

    def _signed(self, wanted: Wanted, wrong: str | None) -> tuple[str, str]:
        """Permit and route information as they reach us. Raises Refusal."""
        if wrong == "replayed_permit":
            return self._server.bodies.former(wanted.inquirer)
        to = wanted.provider
        ago = self._network.permit_life + _AN_HOUR if wrong == "expired_permit" else 0
        permit, route_info = self._network.permit(wanted, to, ago=ago), self._network.route(wanted, to)
        match wrong:
            case "forged_permit":
                permit = self._network.key.forged(permit)
            case "unsigned_permit":
                permit = self._network.key.unsigned(permit)
            case "forged_route":
                route_info = self._network.key.forged(route_info)
        return permit, route_info

    def _inquired(self, given: Provision) -> _Answer:
        return self._server.bodies.heard(given.provision_no)

    def _person(self, given: Person) -> _Answer:
        self._server.bodies.key(given.body)
        code = self._network.code(given.body, given.individual_number)
        self._server.bodies.settle(
            given.body, code, [told(dose) for dose in given.doses], [told(item) for item in given.tax_items]
        )
        return {}

    # ---- residents ---------------------------------------------------------------------------------------------------

    def _ask_own(self, given: SelfAsk) -> _Answer:
        number, jti, key = new_no("SR"), new_no("SA"), Key.made()
        ago = self._network.permit_life + _AN_HOUR if given.wrong == "expired_permit" else 0
        permit = self._network.authorisation(
            self._server.body, given.dataset_code, thumbprint(key.public), jti, ago=ago
        )
        if given.wrong == "forged_permit":
            permit = self._network.key.forged(permit)
        self._server.residents.ask(number, jti, key)
        code = self._network.code(self._server.body, given.individual_number)
        content = {
            "dataset_code": given.dataset_code,
            "authorisation": None if given.wrong == "no_permit" else permit,
            "recipient_encryption_key": _shown(key.public, given.wrong),
        }
        self._server.self_requests.arrive(number, self._server.codes.whose(code), content)
        return {"self_request_no": number}

    def _told_own(self, given: SelfRequest) -> _Answer:
        return self._server.residents.heard(given.self_request_no)

    def _read(self, given: AnnouncementRead) -> _Answer:
        self._server.announcements.read(given.announcement_no)
        return {}

    # ---- what there is, and what goes wrong --------------------------------------------------------------------------

    def _records(self, _: Nothing) -> _Answer:
        return {"own": self._server.records.made(), "others": self._server.bodies.records()}

    def _state(self, _: Nothing) -> _Answer:
        return {**self._server.counts(), "faults": dict(self._faults.struck)}

    def _abort(self, given: Abort) -> _Answer:
        self._server.inquiries.abort(given.inquiry)
        return {}

    def _next(self, given: Next) -> _Answer:
        self._faults.once_more(given.wrong)
        return {}

    def _set_faults(self, given: FaultsSet) -> _Answer:
        self._faults.set(given.faults)
        return {}


def _misgranted(wanted: Wanted, wrong: str | None) -> Wanted:
    """A permit that the network should not have granted. Raises Refusal."""
    match wrong:
        case "row_out_of_bounds":
            line = next(line for line in ROWS if line.row == "27")
            return replace(wanted, row=line.row, procedure_code=line.procedure_code, dataset_code=line.dataset_code)
        case "row_26_by_municipality":
            if OTHERS[wanted.inquirer] != "municipality":
                raise Refusal(409, "not_a_municipality")
            line = next(line for line in ROWS if line.row == "26" and line.inquirer == "governor")
            return replace(wanted, row=line.row, procedure_code=line.procedure_code, dataset_code=line.dataset_code)
        case "not_on_list":
            return replace(wanted, procedure_code="JT99999999999999")
    return replace(wanted, provider=_NO_SUCH_CITY)


def _shown(key: dict[str, str], wrong: str | None) -> dict[str, str] | None:
    """The key that comes with the request."""
    if wrong == "no_key":
        return None
    return Key.made().public if wrong == "other_key" else key


def _other(body: str) -> str:
    return next(other for other in OTHERS if other != body)
