"""照会許可用照合リスト: who may ask whom, for which procedure, for which dataset. All its codes are made up.

Rows are those of 番号法第19条第8号に基づく主務省令第2条の表 (L4–L6). With 27 to 29
a municipality asks others for tax items; so the list alone does not keep a city from providing under them.
"""

from typing import Final, NamedTuple

VACCINATION: Final = "TM00000000000101"
TAX: Final = "TM00000000000201"
SUBSIDY: Final = "TM00000000000301"


class Row(NamedTuple):
    """`inquirer` and `provider` are a kind of body, or "any"."""

    row: str
    procedure_code: str
    inquirer: str
    provider: str
    dataset_code: str


ROWS: Final = (
    Row("25", "JT00000000002501", "any", "any", VACCINATION),
    Row("26", "JT00000000002601", "governor", "municipality", VACCINATION),
    Row("26", "JT00000000002602", "municipality", "governor", SUBSIDY),
    Row("27", "JT00000000002701", "municipality", "municipality", TAX),
    Row("28", "JT00000000002801", "municipality", "municipality", TAX),
    Row("29", "JT00000000002901", "municipality", "municipality", TAX),
    Row("153", "JT00000000015301", "any", "any", VACCINATION),
)


def listed(wanted: Row) -> bool:
    """Whether a line of the list covers it; `inquirer` and `provider` of `wanted` are kinds."""
    return any(
        (line.row, line.procedure_code, line.dataset_code) == (wanted.row, wanted.procedure_code, wanted.dataset_code)
        and line.inquirer in ("any", wanted.inquirer)
        and line.provider in ("any", wanted.provider)
        for line in ROWS
    )
