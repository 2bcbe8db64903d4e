"""What platform and server answer, form by form: closed, strict, and read whole or not at all.

The rule: what is not exactly a known answer is garbage, says nothing about what was asked, and is asked for again.
"""

from typing import Annotated, ClassVar, Final, Literal, TypeVar

import jiter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gateway.plugin import checks
from gateway.plugin.exchange import Later
from gateway_intermediate_server.interface.city import ExportedReplica, TaxItem
from gateway_intermediate_server.interface.network import Dose
from gateway_intermediate_server.permits import BodyCode, Id

Shown = Annotated[str, StringConstraints(max_length=16384)]
"""What others say and sign: read here as text only, so that what is wrong with it is refused, not asked for again."""
_Sealed = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]+$")]
InternalNo = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,64}$")]
CodeState = Literal["none", "requested", "acquired"]
Ended = Literal["answered", "no_data", "refused", "aborted"]
_CODES: Final = frozenset(
    {
        "answered_otherwise",
        "code_not_acquired",
        "no_permit",
        "number_known_otherwise",
        "record_no_taken",
        "request_reused",
        "superseded",
        "unknown_addressee",
        "unknown_inquiry",
        "version_conflict",
    }
)


_Seconds = Annotated[int, Field(ge=0, le=253402300799)]
"""Since 1970."""


def _moment(text: str) -> str:
    if not checks.instant(text):
        raise ValueError
    return text


Moment = Annotated[str, AfterValidator(_moment)]


class Garbage(Later):
    """The answer is none that was agreed on."""

    def __init__(self) -> None:
        super().__init__("system_unreachable")


class Closed(BaseModel):
    """An answer's form, mute about its values."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # each kind of answer is built when the first one comes
    )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class Done(Closed):
    """It was done; there is no more to say."""


class Trouble(Closed):
    """Why something was not done."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]

    def ours(self) -> str:
        """The code, if it is one that we know; whatever else it says is no word of ours."""
        return self.code if self.code in _CODES else "refused_by_system"


# ---- the link platform ---------------------------------------------------------------------------------------------


class Registered(Closed):
    """A person is known there, with or without a 符号."""

    result: Literal["registered", "updated", "duplicate"]
    code_state: CodeState


class Found(Closed):
    """団体内統合宛名番号 goes no further than this form."""

    integrated_addressee_no: Id
    no_auto_response_flag: bool
    code_state: CodeState


class Serial(Closed):
    """処理通番."""

    process_serial_no: Id


class ReplicaTaken(Closed):
    """A replica is there, as it was sent."""

    result: Literal["registered", "updated", "duplicate"]


class Gone(Closed):
    """It is there no more."""

    result: Literal["deleted", "absent"]


class Replicas(Closed):
    """All of a person, or of one dataset; the flag is the person's."""

    no_auto_response_flag: bool
    replicas: list[ExportedReplica]


class PersonsReplicas(Closed):
    """All of one person; without any, an empty list."""

    internal_no: InternalNo
    replicas: list[ExportedReplica]


class Page(Closed):
    """Some people, and where the next ones begin; None after the last."""

    people: list[PersonsReplicas]
    next: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,256}$")] | None


# ---- the server: what the city asks --------------------------------------------------------------------------------


class Listed(Closed):
    """The matching list, signed."""

    list: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.-]+$")]


class PermitAsked(Closed):
    """The number under which the permit can be fetched."""

    permit_request_no: Id


class PermitFetched(Closed):
    """The network's decision, if there is one by now."""

    state: Literal["pending", "granted", "denied"]
    permit: Shown | None = None


class InquirySent(Closed):
    """The server's own number of the inquiry."""

    inquiry_receipt_no: Id


class InquiryState(Closed):
    """`request_id` is the city's 照会番号."""

    inquiry_receipt_no: Id
    request_id: Id
    state: Ended | Literal["waiting"]
    ended_at: _Seconds | None = None
    taken: bool


class Inquiries(Closed):
    """All whose results are not deleted."""

    inquiries: list[InquiryState]


class Sealed(Closed):
    """Sealed by another body for our key."""

    enc_ciphertext: _Sealed


class InquiryResult(Closed):
    """How an inquiry ended, with the permit that it was made with."""

    request_id: Id
    internal_no: InternalNo | None
    state: Ended
    permit: Shown | None = None
    row: Literal["25", "26", "27", "28", "29", "153"]
    provider_code: BodyCode
    answer: Sealed | None = None


class Told(Closed):
    """What another body sealed for us; `inquiry` is the serial of its permit."""

    inquiry: Id


class ToldDoses(Told):
    """Of a dataset of vaccinations."""

    doses: Annotated[list[Dose], Field(min_length=1, max_length=1000)]


class ToldTax(Told):
    """Of a dataset of tax and welfare."""

    tax_items: Annotated[list[TaxItem], Field(min_length=1, max_length=1000)]


# ---- the server: announcements -------------------------------------------------------------------------------------


class AnnouncementState(Closed):
    """What became of one announcement."""

    announcement_no: Id
    internal_no: InternalNo | None
    response: Literal["1", "2", "9"]
    changed_at: _Seconds


class Statuses(Closed):
    """Those that were not taken."""

    statuses: list[AnnouncementState]


Form = TypeVar("Form", bound=BaseModel)


def read(form: type[Form], answer: bytes) -> Form:
    """An answer of that form. Raises Garbage."""
    try:
        # "keys": jiter would keep values in a cache of the process, long after their answer has gone.
        plain = jiter.from_json(answer, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
        return form.model_validate(plain)
    except ValueError:  # pydantic's ValidationError is one; the texts of both may quote the answer
        raise Garbage from None
