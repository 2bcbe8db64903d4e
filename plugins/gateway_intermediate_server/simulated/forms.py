"""What comes in, form by form: closed, strict, with the shapes that the real systems check (形式チェック)."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _number(text: str) -> str:
    """個人番号 with its check digit."""
    if not (len(text) == 12 and text.isascii() and text.isdecimal()):
        raise ValueError
    rest = sum(int(digit) * weight for digit, weight in zip(text, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=False)) % 11
    if int(text[-1]) != (0 if rest <= 1 else 11 - rest):
        raise ValueError
    return text


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError
    return text


Id = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_Jws = Annotated[str, StringConstraints(max_length=8192)]
_Sealed = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z_-]+$")]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_day)]
Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T"), AfterValidator(_moment)]
_Seq = Annotated[int, Field(ge=0)]
Body = Annotated[str, StringConstraints(pattern="^[0-9]{6}$")]
Number = Annotated[str, AfterValidator(_number)]
Row = Annotated[str, StringConstraints(pattern="^[0-9]{1,3}$")]
Procedure = Annotated[str, StringConstraints(pattern="^JT[0-9]{14}$")]
Dataset = Annotated[str, StringConstraints(pattern="^TM[0-9]{14}$")]
_Key = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z_-]{43}$")]
_Result = Literal["answered", "no_data", "refused"]


class Form(BaseModel):
    """Closed, and mute about its values; an error never quotes what came."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class Nothing(Form):
    """A call that says nothing."""


class Whose(Form):
    """A person."""

    internal_no: Id


class Addressee(Form):
    """付番: 個人番号, 宛名番号 and the four basic items."""

    internal_no: Id
    municipality_code: Body
    individual_number: Number
    name: _Text
    name_kana: _Text | None = None
    birth_date: Day
    sex: Annotated[str, StringConstraints(pattern="^[0-9]$")]
    address: _Text
    no_auto_response_flag: bool
    updated_at: Moment
    update_seq: _Seq


class CodeWanted(Form):
    """符号取得."""

    internal_no: Id
    process_serial_no: Id


class Dose(Form):
    """The content of a dataset record: of 予防接種記録情報 what a body may have of it (K 別添2(4))."""

    vaccinated_on: Day
    vaccine_generic_name: _Text
    dose_no: Annotated[int, Field(ge=1, le=99)] | None = None
    vaccine_common_name: _Text | None = None
    vaccine_brand_name: _Text | None = None
    vaccine_maker: _Text | None = None
    gtin: Id | None = None
    lot_no: Id | None = None
    dose_volume: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}(\.[0-9]{1,3})?$")] | None = None
    injection_site: Id | None = None
    injection_method: Id | None = None
    vaccine_expiry_date: Day | None = None
    vaccination_type: Id | None = None
    implementation_type: Id | None = None
    place: _Text | None = None
    clinic_code: Annotated[str, StringConstraints(pattern="^[0-9]{10}$")] | None = None
    subject_category: Id | None = None
    special_circumstances: _Text | None = None
    caution_flag: bool | None = None
    overseas_flag: bool | None = None


class TaxItem(Form):
    """Of one tax year: whether a person is taxed, and whether on welfare. Codes are made up."""

    fiscal_year: Annotated[str, StringConstraints(pattern="^[0-9]{4}$")]
    taxation_category: Annotated[str, StringConstraints(pattern="^[1239]$")]
    welfare_category: Annotated[str, StringConstraints(pattern="^[019]$")] | None = None


class Replica(Dose):
    """副本: one dataset record of a person."""

    internal_no: Id
    dataset_code: Dataset
    dataset_record_no: Id
    dataset_version: Annotated[int, Field(ge=1, le=9999)]
    no_auto_response_flag: bool
    updated_at: Moment
    update_seq: _Seq


class ReplicaGone(Form):
    """The original was erased."""

    internal_no: Id
    dataset_record_no: Id
    updated_at: Moment
    update_seq: _Seq


class ReplicasWanted(Form):
    """A person's, of one dataset or of all."""

    internal_no: Id
    dataset_code: Dataset | None = None


class Export(Form):
    """`after` is the `next` of the page before."""

    after: Annotated[str, StringConstraints(pattern="^[0-9]{1,15}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)]


class Jwk(Form):
    """An X25519 public key (RFC 8037 §2)."""

    kty: Literal["OKP"]
    crv: Literal["X25519"]
    x: _Key


class PermitWanted(Form):
    """What the city wants to inquire; the days are the first and the last one."""

    request_id: Id
    internal_no: Id
    row: Row
    procedure_code: Procedure
    dataset_code: Dataset
    provider_code: Body
    undisclosed_flag: bool
    inquiry_from: Day | None = None
    inquiry_to: Day | None = None
    inquirer_encryption_key: Jwk


class PermitRequest(Form):
    """Which permit."""

    permit_request_no: Id


class InquirySent(Form):
    """An inquiry, with its permit."""

    request_id: Id
    permit: _Jws


class Inquiry(Form):
    """Which inquiry."""

    inquiry_receipt_no: Id


class Provision(Form):
    """Which request of another body."""

    provision_no: Id


class Sealed(Form):
    """See `sealing`."""

    enc_ciphertext: _Sealed


class StatutoryRecord(Form):
    """情報提供等記録 (番号法第23条), with `provided_at` if something was; with the flag, the fact itself is not
    disclosed (its second paragraph).
    """

    permit_no: Id
    inquirer_code: Body
    provider_code: Body
    requested_at: Moment
    provided_at: Moment | None = None
    row: Row
    items: list[_Text]
    undisclosed_flag: bool


class Answer(Form):
    """`answer` if and only if it is answered."""

    result: _Result
    answer: Sealed | None = None


class ProvisionAnswer(Answer):
    """With the record of it. Neither permit nor destination is known of a refused request that had none."""

    provision_no: Id
    permit_no: Id | None = None
    destination: Body | None = None
    record: StatutoryRecord | None = None

    @property
    def recorded(self) -> bool:
        """Whether its record says what it is itself: with a time if and only if something is provided."""
        if self.record is None:
            return self.result == "refused"
        return (self.record.provided_at is not None) == (self.result == "answered")


class SelfRequest(Form):
    """Which request of a resident."""

    self_request_no: Id


class SelfAnswer(Answer):
    """To a resident."""

    self_request_no: Id


class Announcement(Form):
    """お知らせ."""

    announcement_no: Id
    internal_no: Id
    title: _Text
    text: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    updated_at: Moment
    update_seq: _Seq


class AnnouncementTaken(Form):
    """The city knows that response."""

    announcement_no: Id
    response: Literal["1", "2", "9"]


def told(form: Form) -> dict[str, Any]:
    """What the form says, without what it left out."""
    return form.model_dump(exclude_none=True)
