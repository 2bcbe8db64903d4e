"""What goes out, to another body or to the person: from this connector to itself through the hub (R20).

Made of the replica on the way in, sealed with the key of whoever asked on the way out.
"""

from typing import Final, Literal

from gateway.plugin import ClaimName, Operation, Payload, fields


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


class Provision(Payload):
    """情報提供 to another body (F26, R20): what the replica has of the dataset, in the days that were asked for;
    `doses` is absent where it has nothing.
    """

    internal_no: fields.InternalNo
    provision_no: fields.ProvisionNo
    provision_row: fields.ProvisionRow
    inquirer_code: fields.InquirerCode
    dataset_code: fields.DatasetCode
    doses: list[Dose] | None = None


class SelfInformation(Payload):
    """自己情報提供 (F27): the same to the person, who asked for it over the network."""

    internal_no: fields.InternalNo
    provision_no: fields.ProvisionNo
    dataset_code: fields.DatasetCode
    doses: list[Dose] | None = None


_PERMIT: Final[tuple[ClaimName, ...]] = ("permit",)
_ASKED: Final[tuple[ClaimName, ...]] = ("self_requested",)
_BOTH: Final[tuple[Literal["sends", "receives"], ...]] = ("sends", "receives")
PROVISION: Final = "provision.answer"
SELF_INFORMATION: Final = "self_information.answer"

OPERATIONS: Final = (
    *(
        Operation(
            name=PROVISION,
            label="情報提供",
            direction=direction,
            payload=Provision,
            person_key="internal_no",
            attests=_PERMIT,
            most_records=1,
        )
        for direction in _BOTH
    ),
    *(
        Operation(
            name=SELF_INFORMATION,
            label="自己情報提供",
            direction=direction,
            payload=SelfInformation,
            person_key="internal_no",
            attests=_ASKED,
            most_records=1,
        )
        for direction in _BOTH
    ),
)
