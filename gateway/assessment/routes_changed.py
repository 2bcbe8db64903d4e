"""What differs between the routes of two configurations, in the items of the form."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from gateway.assessment.change import Change, Kind
from gateway.assessment.subject import ALLOWED, CLAIMS, CLASSES, Flow, Subject, cited
from gateway.config import LegalBasis, Route
from gateway.interfaces.changes import Kind as How
from gateway.interfaces.changes import kinds
from gateway.plugin.contract import ContractField

_CHAPTERS: Final = {
    "use": "Ⅱ 3. 特定個人情報の入手・使用",
    "inquiry": "Ⅱ 3. 特定個人情報の入手・使用(情報照会)",
    "entrustment": "Ⅱ 4. 取扱いの委託",
    "transfer": "Ⅱ 5. 提供・移転(移転)",
    "provision": "Ⅱ 5. 提供・移転(提供)",
    None: "Ⅱ 特定個人情報ファイルの概要",
}


def routes_changed(old: Subject, new: Subject) -> Iterator[Change]:
    """Routes that came, went or changed."""
    before, after = ({route.id: route for route in each.routes} for each in (old, new))
    for name, route in after.items():
        if name not in before:
            yield Change(_item(new, route), "経路なし", _whole(new, route), _arrives(new, route), (name,))
        else:
            yield from _changed(old, before[name], new, route)
    for name, route in before.items():
        if name not in after:
            yield Change(_item(old, route), _whole(old, route), "経路なし", "narrower", (name,))


def _arrives(subject: Subject, route: Route) -> Kind:
    return "new_source" if subject.allowed(route) in {"use", "inquiry"} else "new_recipient"


def _changed(old: Subject, was: Route, new: Subject, now: Route) -> Iterator[Change]:
    item = _item(new, now)
    if (was.source, was.destination, was.operation) != (now.source, now.destination, now.operation):
        yield Change(item, _ends(old, was), _ends(new, now), _arrives(new, now), (now.id,))
    elif was.destination_operation != now.destination_operation:
        yield Change(f"{item} 使用方法", was.destination_operation, now.destination_operation, "new_purpose", (now.id,))
    yield from _items(old, was, new, now)
    yield from _bases(old, was, new, now)
    if old.purpose(was) != new.purpose(now) or was.purpose != now.purpose:
        kind: Kind = "new_purpose" if was.purpose != now.purpose else "formal"
        yield Change("Ⅱ 3. ⑥使用目的 ※", old.purpose(was), new.purpose(now), kind, (now.id,))
    yield from _claims(was, now)
    entries = cited(was.assessment, old.assessment(was)), cited(now.assessment, new.assessment(now))
    if entries[0] != entries[1]:  # another text or day under the same id may be no new assessment
        kind = "formal" if was.assessment != now.assessment else "unjudged"
        yield Change("公表日(経路が依存する評価書)", *entries, kind, (now.id,))


def _items(old: Subject, was: Route, new: Subject, now: Route) -> Iterator[Change]:
    """Items that came or went; and those whose lock has another class, or other rules."""
    flows = [{each.reply: each for each in end.flows_of(route)} for end, route in ((old, was), (new, now))]
    for reply in (False, True):
        before, after = (_by_path(each.get(reply)) for each in flows)
        label = f"(別添2) 経路 {now.id}" + (" 回答" if reply else "")
        known = {field.data_class for field in before.values()}
        for path, field in after.items():
            if path not in before:
                kind: Kind = "new_item" if field.data_class in known else "new_class"
                yield Change(label, "記録項目なし", _field(field), kind, (now.id,))
            elif field != before[path]:
                yield _relocked(label, before[path], field, now.id)
        for path in [each for each in before if each not in after]:
            yield Change(label, _field(before[path]), "記録項目なし", "narrower", (now.id,))


def _relocked(label: str, before: ContractField, after: ContractField, route: str) -> Change:
    """The same path under another lock: another class or wider rules may carry what was not assessed."""
    found = {*kinds(before, after, set())}
    if How.OTHER_DATA_CLASS in found:
        kind: Kind = "new_class"
    elif found & {How.WIDENED, How.OTHER_FORM, How.OTHER_TYPE}:
        kind = "new_item"
    else:
        kind = "formal" if found <= {How.RENAMED, How.BECAME_OPTIONAL} else "narrower"
    return Change(label, _ruled(before), _ruled(after), kind, (route,))


def _rules(field: ContractField) -> dict[str, Any]:
    return field.model_dump(mode="json", exclude={"label", "path", "data_class"}, exclude_none=True)


def _ruled(field: ContractField) -> str:
    return _field(field) + " " + "、".join(f"{key}={value}" for key, value in sorted(_rules(field).items()))


def _bases(old: Subject, was: Route, new: Subject, now: Route) -> Iterator[Change]:
    """What it may cite. Another text, or another chapter of the form, under the same id is another basis."""
    before, after = dict(old.law(was)), dict(new.law(now))
    for name, basis in after.items():
        item = "Ⅰ 6. 情報連携 ②法令上の根拠 ※" if basis.allows in {"inquiry", "provision"} else "Ⅰ 5. 法令上の根拠 ※"
        if name not in before:
            yield Change(item, "なし", cited(name, basis), "new_basis", (now.id,))
        elif before[name] != basis:
            yield Change(item, _law(name, before[name]), _law(name, basis), _rebased(before[name], basis), (now.id,))
    for name in [each for each in before if each not in after]:
        yield Change("Ⅰ 5., 6. 法令上の根拠 ※", cited(name, before[name]), "なし", "narrower", (now.id,))


def _rebased(was: LegalBasis, now: LegalBasis) -> Kind:
    if was.counterparty is not None and now.counterparty is None:
        return "new_recipient"
    return "new_basis" if (was.reference, was.allows) != (now.reference, now.allows) else "formal"


def _law(name: str, basis: LegalBasis) -> str:
    """All that an entry says, so that what differs shows."""
    party = "、都道府県知事に限る" if basis.counterparty is not None else ""
    return f"{cited(name, basis)}(区分: {ALLOWED[basis.allows] if basis.allows is not None else 'なし'}{party})"


def _claims(was: Route, now: Route) -> Iterator[Change]:
    """What must be attested, what may be, and whether people look."""
    item = f"Ⅲ 経路 {now.id} の条件 ※"
    before, after = {*was.attest}, {*now.attest}
    for claim in sorted(before - after):
        yield Change(item, f"必須: {CLAIMS[claim]}", "必須でない", "weaker", (now.id,))
    for claim in sorted(after - before):
        yield Change(item, "必須でない", f"必須: {CLAIMS[claim]}", "lighter", (now.id,))
    for claim in sorted({*was.may_attest} - {*now.may_attest} - after):
        kind: Kind = "weaker" if claim in {"review", "undisclosed"} else "narrower"
        yield Change(item, f"任意: {CLAIMS[claim]}", "受け付けない", kind, (now.id,))
    for claim in sorted({*now.may_attest} - {*was.may_attest} - before):
        kind = "lighter" if claim in {"review", "undisclosed"} else "new_means"
        yield Change(item, "受け付けない", f"任意: {CLAIMS[claim]}", kind, (now.id,))
    if was.hold != now.hold:
        words = {True: "常に保留し2人で確認", False: "常には保留しない"}
        yield Change(item, words[was.hold], words[now.hold], "lighter" if now.hold else "weaker", (now.id,))
    if was.consent_texts != now.consent_texts:
        yield Change(
            "Ⅱ 3. ⑤本人への明示", "、".join(was.consent_texts), "、".join(now.consent_texts), "unjudged", (now.id,)
        )


def _item(subject: Subject, route: Route) -> str:
    return f"{_CHAPTERS[subject.allowed(route)]} 経路 {route.id}"


def _ends(subject: Subject, route: Route) -> str:
    return f"{subject.system(route.source)} → {subject.system(route.destination)}: {subject.operation(route).label}"


def _whole(subject: Subject, route: Route) -> str:
    kind = subject.allowed(route)
    items = "。".join(_carried(each, asks=bool(route.reply_fields)) for each in subject.flows_of(route))
    allowed = ALLOWED[kind] if kind is not None else "区分なし"
    law = "、".join(basis.reference for _, basis in subject.law(route))
    return f"{_ends(subject, route)}({allowed})。{items}。根拠: {law}"


def _carried(flow: Flow, *, asks: bool) -> str:
    """What goes one way: an item that is asked by and answered with stands in both."""
    label = "回答の項目" if flow.reply else "問合せの項目" if asks else "項目"
    return f"{label}: {'、'.join(field.label or field.path for field in flow.fields)}"


def _by_path(flow: Flow | None) -> dict[str, ContractField]:
    fields: Iterable[ContractField] = flow.fields if flow is not None else ()
    return {field.path: field for field in fields}


def _field(field: ContractField) -> str:
    known = CLASSES[field.data_class] if field.data_class is not None else ""
    return f"{field.label or field.path}〔{field.path}〕({known})"
