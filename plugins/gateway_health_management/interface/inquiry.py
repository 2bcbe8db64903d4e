"""What the city asks of another body, and how that ends: with an answer, or without one (F24, F25)."""

from typing import Final

from gateway.plugin import Operation, Payload, fields


class Inquiry(Payload):
    """情報照会 (F24): what is asked of which body, by which 項 of the table and for which procedure."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    inquiry_no: fields.InquiryNo
    inquiry_row: fields.InquiryRow
    procedure_code: fields.ProcedureCode
    dataset_code: fields.DatasetCode
    provider_code: fields.ProviderCode
    inquiry_from: fields.InquiryFrom | None = None
    inquiry_to: fields.InquiryTo | None = None
    undisclosed_flag: fields.UndisclosedFlag


class Dose(Payload):
    """What the ministerial order lets bodies tell each other of one dose: no clinic, no doctor, no free text."""

    vaccinated_on: fields.VaccinatedOn
    vaccine_generic_name: fields.VaccineGenericName
    dose_no: fields.DoseNo | None = None
    vaccination_type: fields.VaccinationType | None = None
    implementation_type: fields.ImplementationType | None = None
    vaccine_maker: fields.VaccineMaker | None = None
    lot_no: fields.LotNo | None = None
    dose_volume: fields.DoseVolume | None = None
    overseas_flag: fields.OverseasFlag


class InquiryAnswer(Payload):
    """The answer to an inquiry (F25); `doses` is absent where the other body has none."""

    internal_no: fields.InternalNo
    inquiry_no: fields.InquiryNo
    inquiry_status: fields.InquiryStatus
    inquiry_row: fields.InquiryRow
    dataset_code: fields.DatasetCode
    provider_code: fields.ProviderCode
    undisclosed_flag: fields.UndisclosedFlag
    doses: list[Dose] | None = None


class TaxItem(Payload):
    """What decides who pays (実費徴収の決定), of one tax year (C178): no income, no amount, no other person."""

    fiscal_year: fields.FiscalYear
    taxation_category: fields.TaxationCategory
    welfare_category: fields.WelfareCategory | None = None


class TaxAnswer(Payload):
    """The answer of tax and welfare (F25, rule 8); `tax_items` is absent where the other body has none."""

    internal_no: fields.InternalNo
    inquiry_no: fields.InquiryNo
    inquiry_status: fields.InquiryStatus
    inquiry_row: fields.InquiryRow
    dataset_code: fields.DatasetCode
    provider_code: fields.ProviderCode
    undisclosed_flag: fields.UndisclosedFlag
    tax_items: list[TaxItem] | None = None


class InquiryEnd(Payload):
    """An inquiry that ended without an answer: refused by the network or by the other body, or aborted."""

    internal_no: fields.InternalNo
    inquiry_no: fields.InquiryNo
    inquiry_status: fields.InquiryStatus
    inquiry_row: fields.InquiryRow
    provider_code: fields.ProviderCode


OPERATIONS: Final = (
    Operation(name="inquiry.request", label="情報照会", direction="sends", payload=Inquiry, person_key="internal_no"),
    Operation(
        name="inquiry.answer",
        label="情報照会の回答",
        direction="receives",
        payload=InquiryAnswer,
        person_key="internal_no",
        attests=("permit",),
        most_records=1,
    ),
    Operation(
        name="inquiry.tax_answer",
        label="情報照会の回答(税・福祉)",
        direction="receives",
        payload=TaxAnswer,
        person_key="internal_no",
        attests=("permit",),
        most_records=1,
    ),
    Operation(
        name="inquiry.end",
        label="情報照会の終了",
        direction="receives",
        payload=InquiryEnd,
        person_key="internal_no",
        most_records=1,
    ),
)
