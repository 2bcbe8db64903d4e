"""The catalogue: every field that may flow, once, with its type, constraints, label and data class.

A plugin types its payload's attributes with these aliases; the attribute's name must be the item's name. What the
catalogue lacks, a plugin declares as its own `Item`; the reviewer of the lock then decides its data class.
Names and labels come from the record items of the assessment documents (K 別添2(1), requirements §3 and §5).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from gateway.errors import Misconfigured
from gateway.plugin.checks import CHECKS, FEW_DIGITS, NO_CONTROL, holds_individual_number


class DataClass(StrEnum):
    """情報区分: what a zone's clearance speaks of."""

    INDIVIDUAL_NUMBER = "individual_number"
    IDENTIFIER = "identifier"
    BASIC = "basic"
    CONTACT = "contact"
    HEALTH = "health"
    TAX_WELFARE = "tax_welfare"
    SAFETY = "safety"
    OPERATIONAL = "operational"


class Kind(StrEnum):
    """The JSON form of a field. `code` is a text with a pattern, a check or a closed list; `text` is free text."""

    CODE = "code"
    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One allowed field. Lengths are in characters, bounds inclusive; `check` names one of `checks.CHECKS`."""

    name: str
    label: str
    data_class: DataClass
    kind: Kind
    max_length: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] | None = None
    check: str | None = None
    minimum: int | None = None
    maximum: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        match self.kind:
            case Kind.FLAG:
                return core_schema.bool_schema(strict=True)
            case Kind.INTEGER:
                return core_schema.int_schema(strict=True, ge=self.minimum, le=self.maximum)
            case Kind.TEXT | Kind.CODE:
                text = core_schema.str_schema(strict=True, min_length=1, max_length=self.max_length)
                return core_schema.chain_schema([text, *self._rules()])

    def _rules(self) -> Iterator[CoreSchema]:
        """The rules beyond JSON type and length, in the order in which they are told; each names its code, no value."""
        plain = self.pattern is not None and _ALIKE.fullmatch(self.pattern) is not None
        if not (plain or self.values is not None or self.check):  # else its form admits no control character
            yield _rule("control_character", _like(NO_CONTROL))
        if self.pattern:
            yield _rule("wrong_pattern", _pattern(self.name, self.pattern))
        if self.values is not None:
            yield _rule("not_in_code_list", core_schema.literal_schema(list(self.values)))
        if self.check is not None:
            if self.check not in CHECKS:
                told = f"item {self.name}: there is no check {self.check}; there is {', '.join(CHECKS)}"
                raise Misconfigured((told,))
            check = CHECKS[self.check]
            yield _rule(check.code, _holding(check.holds, check.surely))
        if self.kind is Kind.TEXT:
            yield _rule(
                "individual_number_in_text", _holding(lambda text: not holds_individual_number(text), FEW_DIGITS)
            )


def _rule(code: str, schema: CoreSchema) -> CoreSchema:
    """Whatever it refuses, and why: the refusal is that code."""
    return core_schema.custom_error_schema(
        schema, custom_error_type="gateway", custom_error_message="{code}", custom_error_context={"code": code}
    )


def _like(form: str) -> CoreSchema:
    """A text of a form, read by Rust: nine texts of ten need no call into Python."""
    return core_schema.str_schema(pattern=form, regex_engine="rust-regex")


def _holding(holds: Callable[[str], object], surely: str | None = None) -> CoreSchema:
    """A text for which something holds; of a text of the form `surely` that is known without asking."""

    def asked(text: str) -> str:
        if not holds(text):
            raise ValueError
        return text

    ask = core_schema.no_info_plain_validator_function(asked)
    return ask if surely is None else core_schema.union_schema([_like(surely), ask], mode="left_to_right")


def _pattern(name: str, pattern: str) -> CoreSchema:
    try:
        form = re.compile(pattern, re.ASCII)
    except re.error:
        raise Misconfigured((f"item {name}: its pattern is not a regular expression",)) from None
    return _like(rf"^(?:{pattern})\z") if _ALIKE.fullmatch(pattern) else _holding(form.fullmatch)


_ALIKE: Final = re.compile(r"(\[([0-9A-Za-z](-[0-9A-Za-z])?)+-?\]([*+]|\{[0-9]{1,3}(,[0-9]{1,3})?\})?)+")
"""Patterns that Rust reads as Python does: letters and digits of ASCII in brackets, and how many of them."""


def _code(name: str, label: str, data_class: DataClass, **rules: Any) -> Item:
    return Item(name=name, label=label, data_class=data_class, kind=Kind.CODE, **rules)


def _text(name: str, label: str, data_class: DataClass, max_length: int) -> Item:
    return Item(name=name, label=label, data_class=data_class, kind=Kind.TEXT, max_length=max_length)


def _flag(name: str, label: str) -> Item:
    return Item(name=name, label=label, data_class=DataClass.SAFETY, kind=Kind.FLAG)


_D = DataClass
_ID = r"[0-9A-Za-z][0-9A-Za-z-]*"

# I01–I31: identifiers
IndividualNumber: TypeAlias = Annotated[
    str, _code("individual_number", "個人番号", _D.INDIVIDUAL_NUMBER, max_length=12, check="individual_number")
]
InternalNo: TypeAlias = Annotated[
    str, _code("internal_no", "内部番号", _D.IDENTIFIER, max_length=15, pattern=r"[0-9]{1,15}")
]
PmhKey: TypeAlias = Annotated[str, _code("pmh_key", "PMHキー", _D.IDENTIFIER, max_length=64, pattern=_ID)]
"""I02: one for each individual number, for good (C167). Its real form is not public; this one is wide on purpose."""
VaccinationSubjectNo: TypeAlias = Annotated[
    str, _code("vaccination_subject_no", "予防接種対象者番号", _D.IDENTIFIER, max_length=32, pattern=_ID)
]
MunicipalityCode: TypeAlias = Annotated[
    str, _code("municipality_code", "自治体コード", _D.OPERATIONAL, max_length=6, check="municipality_code")
]
MunicipalityBusinessId: TypeAlias = Annotated[
    str, _code("municipality_business_id", "自治体業務ID", _D.OPERATIONAL, max_length=20, pattern=_ID)
]

# 基本5情報 and what belongs to them
Name: TypeAlias = Annotated[str, _text("name", "氏名", _D.BASIC, 100)]
NameKana: TypeAlias = Annotated[str, _text("name_kana", "カナ", _D.BASIC, 100)]
Address: TypeAlias = Annotated[str, _text("address", "住所", _D.BASIC, 200)]
BirthDate: TypeAlias = Annotated[str, _code("birth_date", "生年月日", _D.BASIC, max_length=10, check="date")]
Sex: TypeAlias = Annotated[str, _code("sex", "性別", _D.BASIC, max_length=1, values=("1", "2", "9"))]
GuardianName: TypeAlias = Annotated[str, _text("guardian_name", "保護者氏名", _D.BASIC, 100)]
ResidentStatus: TypeAlias = Annotated[
    str, _code("resident_status", "住民状態", _D.BASIC, max_length=1, values=("1", "2", "3", "4"))
]
"""1 住民, 2 住民登録外者, 3 転出, 4 死亡 (made-up codes: the standard's table is not public)."""

# state, moves and control
ChangeType: TypeAlias = Annotated[
    str, _code("change_type", "変更区分", _D.OPERATIONAL, max_length=1, values=("1", "2", "3"))
]
"""1 追加, 2 変更, 3 削除 (K 別添2(1); the values are inferred)."""
DeletionEventDate: TypeAlias = Annotated[
    str, _code("deletion_event_date", "削除の異動日", _D.BASIC, max_length=10, check="date")
]
SubjectCategory: TypeAlias = Annotated[
    str, _code("subject_category", "接種対象者区分", _D.HEALTH, max_length=2, values=("A1", "A2", "B1", "R1"))
]
"""A1 定期A類 (乳幼児), A2 定期A類 (学童以上), B1 定期B類, R1 臨時 (made-up codes: the table is not public)."""
UpdatedAt: TypeAlias = Annotated[str, _code("updated_at", "更新日時", _D.OPERATIONAL, max_length=32, check="instant")]
UpdateSeq: TypeAlias = Annotated[
    int,
    Item(
        name="update_seq", label="更新連番", data_class=_D.OPERATIONAL, kind=Kind.INTEGER, minimum=0, maximum=2**31 - 1
    ),
]
ControlFlagRecovery: TypeAlias = Annotated[bool, _flag("control_flag_recovery", "制御フラグ(リカバリー)")]
ControlFlagNondisclosure: TypeAlias = Annotated[bool, _flag("control_flag_nondisclosure", "制御フラグ(不開示)")]
ControlFlagViewSuspended: TypeAlias = Annotated[bool, _flag("control_flag_view_suspended", "制御フラグ(閲覧停止)")]
