"""A locked interface as a page that people read: an operation a section, a field a row; in English or Japanese."""

from collections.abc import Iterator

from gateway.interfaces.markdown import code, plain
from gateway.interfaces.words import (
    DATA_CLASSES,
    DIRECTIONS,
    EXCHANGES,
    KINDS,
    REPLY,
    Language,
    Word,
    rules,
)
from gateway.plugin.contract import Contract, ContractField, ContractOperation

_HEADINGS = (
    Word("field", "項目"),
    Word("label", "名称"),
    Word("data class", "情報区分"),
    Word("type", "型"),
    Word("required", "必須"),
    Word("rules", "規則"),
)
_YES = Word("yes", "必須")
_NO = Word("no", "任意")


def rows(fields: tuple[ContractField, ...], language: Language) -> list[dict[str, str]]:
    """Equal rows, in the order of the lock."""
    heads = [each(language) for each in _HEADINGS]
    return [dict(zip(heads, _cells(each, language), strict=True)) for each in fields]


def _cells(field: ContractField, language: Language) -> tuple[str, ...]:
    return (
        field.path,
        field.label,
        DATA_CLASSES[field.data_class](language) if field.data_class is not None else "",
        KINDS[field.kind](language),
        (_YES if field.required else _NO)(language),
        rules(field, language),
    )


def head(contract: Contract, language: Language) -> Iterator[str]:
    """What stands over the operations, line by line, for a terminal."""
    yield Word(
        f"{contract.connector} version {contract.version}, digest {contract.digest()}",
        f"{contract.connector} 版 {contract.version}、要約値 {contract.digest()}",
    )(language)
    if contract.label:
        yield Word(f"called {contract.label}", f"名称: {contract.label}")(language)
    if contract.never:
        classes = ", ".join(DATA_CLASSES[each](language) for each in contract.never)
        yield Word(f"never carries {classes}", f"取り扱わない情報区分: {classes}")(language)


def heading(operation: ContractOperation, language: Language) -> str:
    """One line: what it is, which way, of whom, and what holds for it alone."""
    what = (
        f"{DIRECTIONS[operation.direction](language)} {operation.name} ({operation.label}), "
        f"{EXCHANGES[operation.kind](language)}"
    )
    more = (
        (f"person key {operation.person_key}", f"個人キー {operation.person_key}"),
        *(
            [(f"attests {_listed(operation.attests)}", f"証明事項 {_listed(operation.attests)}")]
            * bool(operation.attests)
        ),
        *([("ahead of all else of its person", "本人のほかの電文を待たない")] * operation.ahead),
        *(
            [(f"at most {operation.most_records} in a message", f"1電文に{operation.most_records}件以内")]
            * bool(operation.most_records)
        ),
    )
    return "; ".join((what, *(Word(*each)(language) for each in more)))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def markdown(contract: Contract, language: Language) -> str:
    """The whole interface as Markdown."""
    return "\n".join(_lines(contract, language)) + "\n"


def _lines(contract: Contract, language: Language) -> Iterator[str]:
    yield f"# {plain(contract.label) or contract.connector} (`{contract.connector}`)"
    yield ""
    version = Word(f"Version {contract.version}, digest", f"版 {contract.version}、要約値")(language)
    yield f"{version} `{contract.digest()}`"
    if contract.never:
        never = ", ".join(DATA_CLASSES[each](language) for each in contract.never)
        yield ""
        yield Word(f"Never carries: {never}", f"取り扱わない情報区分: {never}")(language)
    for operation in contract.operations:
        labelled = operation.model_copy(update={"label": plain(operation.label)})
        yield from ("", f"## {heading(labelled, language)}", "")
        yield from _table(operation.fields, language)
        if operation.reply:
            yield from ("", f"**{REPLY(language)}**", "")
            yield from _table(operation.reply, language)
    if contract.codes:
        name_of, meaning = Word("code", "符号")(language), Word("meaning", "意味")(language)
        yield from ("", f"## {Word('Codes of its system', 'システム固有の符号')(language)}", "")
        yield from (f"| {name_of} | {meaning} |", "| --- | --- |")
        yield from (f"| {code(name)} | {plain(told)} |" for name, told in contract.codes.items())


def _table(fields: tuple[ContractField, ...], language: Language) -> Iterator[str]:
    yield f"| {' | '.join(each(language) for each in _HEADINGS)} |"
    yield f"|{' --- |' * len(_HEADINGS)}"
    for field in fields:
        path, label, *others, ruled = _cells(field, language)
        yield f"| {' | '.join((code(path), plain(label), *others, _marked(ruled, field.pattern)))} |"


def _marked(ruled: str, pattern: str | None) -> str:
    """The rules of a field, of which the pattern alone is code."""
    told = plain(ruled)
    return told if pattern is None else told.replace(plain(f"`{pattern}`"), code(pattern))
