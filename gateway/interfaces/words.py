"""The words of an interface for people, in English and Japanese: types, data classes, and the rules of a field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from gateway.interfaces.schema import CHECKS_TOLD, FREE_TEXT
from gateway.plugin.contract import ContractField

Language: TypeAlias = Literal["en", "ja"]


@dataclass(frozen=True, slots=True)
class Word:
    """One word in both languages."""

    en: str
    ja: str

    def __call__(self, language: Language) -> str:
        return self.ja if language == "ja" else self.en


KINDS: Final[Mapping[str, Word]] = MappingProxyType(
    {
        "code": Word("code", "コード"),
        "text": Word("text", "文字列"),
        "integer": Word("integer", "整数"),
        "flag": Word("flag", "真偽値"),
        "object": Word("object", "組"),
        "list": Word("list", "繰返し"),
    }
)
DATA_CLASSES: Final[Mapping[str, Word]] = MappingProxyType(
    {
        "individual_number": Word("individual_number", "個人番号"),
        "identifier": Word("identifier", "その他識別情報"),
        "basic": Word("basic", "基本情報(氏名・住所・生年月日・性別等)"),
        "contact": Word("contact", "連絡先"),
        "health": Word("health", "健康・医療関係情報"),
        "tax_welfare": Word("tax_welfare", "地方税・生活保護・社会福祉関係情報"),
        "safety": Word("safety", "制御・安全のための区分"),
        "operational": Word("operational", "事務処理情報"),
    }
)
DIRECTIONS: Final[Mapping[str, Word]] = MappingProxyType(
    {"sends": Word("sends", "送信"), "receives": Word("receives", "受信")}
)
EXCHANGES: Final[Mapping[str, Word]] = MappingProxyType(
    {"event": Word("event", "通知"), "request": Word("request", "照会")}
)
REQUIRED: Final = Word("required", "必須")
OPTIONAL: Final = Word("optional", "任意")
REPLY: Final = Word("reply", "応答")


def rules(field: ContractField, language: Language) -> str:
    """What decides of a field beyond its type, in words."""
    return ("; " if language == "en" else "、").join(_rules(field, language))


def _rules(field: ContractField, language: Language) -> Iterator[str]:
    if field.values is not None:
        yield Word("one of ", "次のいずれか: ")(language) + " | ".join(field.values)
    if field.pattern is not None:
        yield Word("of the form ", "書式 ")(language) + f"`{field.pattern}`"
    if field.max_length is not None and field.values is None:
        yield Word(f"at most {field.max_length} characters", f"{field.max_length}字以内")(language)
    if field.minimum is not None:
        yield Word(f"at least {field.minimum}", f"{field.minimum}以上")(language)
    if field.maximum is not None:
        yield Word(f"at most {field.maximum}", f"{field.maximum}以下")(language)
    checks = [CHECKS_TOLD[field.check]] if field.check is not None else []
    for each in [*checks, *([FREE_TEXT] if field.kind == "text" else [])]:
        told = each.japanese if language == "ja" else each.english[0].lower() + each.english[1:]
        yield told.removesuffix(".").removesuffix("。")


def described(field: ContractField, language: Language) -> str:
    """A whole field in one phrase: label, type, whether it must be there, data class and rules."""
    parts = [
        field.label or field.path,
        KINDS[field.kind](language),
        (REQUIRED if field.required else OPTIONAL)(language),
        DATA_CLASSES[field.data_class](language) if field.data_class is not None else "",
        rules(field, language),
    ]
    return ("; " if language == "en" else "、").join(filter(None, parts))
