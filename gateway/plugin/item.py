"""One allowed field: its type, constraints, label and data class, and how a text is held against them in Rust."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

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
    """One allowed field. Lengths are in characters, bounds inclusive; `check` names one of `checks.CHECKS`.

    Raises Misconfigured if there is no such check, or if the pattern is none.
    """

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

    def __post_init__(self) -> None:
        if self.values is not None and not self.values:
            raise Misconfigured((f"item {self.name}: its code list is empty: nothing could be said",))
        if self.check is not None and self.check not in CHECKS:
            raise Misconfigured((f"item {self.name}: there is no check {self.check}; there is {', '.join(CHECKS)}",))
        if self.pattern == "":
            raise Misconfigured((f"item {self.name}: its pattern is empty: it says nothing",))
        if self.pattern is not None:
            try:
                re.compile(self.pattern, re.ASCII)
            except re.error:
                raise Misconfigured((f"item {self.name}: its pattern is not a regular expression",)) from None

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
        plain = self.pattern is not None and ALIKE.fullmatch(self.pattern) is not None
        formed = self.check not in (None, "no_individual_number")  # which says what a text is not, and no form
        if not (plain or formed or self.values is not None):  # else its form admits no control character
            yield _rule("control_character", _like(NO_CONTROL))
        if self.pattern:
            yield _rule("wrong_pattern", _pattern(self.pattern))
        if self.values is not None:
            yield _rule("not_in_code_list", core_schema.literal_schema(list(self.values)))
        if self.check is not None:
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


def _pattern(pattern: str) -> CoreSchema:
    return (
        _like(rf"^(?:{pattern})\z") if ALIKE.fullmatch(pattern) else _holding(re.compile(pattern, re.ASCII).fullmatch)
    )


ALIKE: Final = re.compile(r"(\[([0-9A-Za-z](-[0-9A-Za-z])?)+-?\]([*+]|\{[0-9]{1,3}(,[0-9]{1,3})?\})?)+")
"""Patterns that Rust reads as Python does: letters and digits of ASCII in brackets, and how many of them."""
