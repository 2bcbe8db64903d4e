"""What goes on routes, as a table: from whom to whom, how often, under which law and conditions."""

from collections.abc import Iterable
from typing import Final

from gateway.assessment.document import Block, Table, Text, lines
from gateway.assessment.means import how_often
from gateway.assessment.subject import CLAIMS, CLASSES, Flow, Subject, cited

_HEAD: Final = (
    "経路",
    "どこから",
    "どこへ",
    "業務電文",
    "時期・頻度",
    "項目数と情報区分",
    "法的根拠(適用期間)",
    "条件",
    "評価書",
)


def flow_table(subject: Subject, flows: Iterable[Flow]) -> Block:
    """A row for each, or a sentence that there is none."""
    rows = tuple(_row(subject, each) for each in flows)
    return Table(_HEAD, rows) if rows else Text("該当する経路はない。")


def _row(subject: Subject, flow: Flow) -> tuple[str, ...]:
    route = flow.route
    return (
        flow.name,
        subject.system(flow.source),
        subject.system(flow.destination),
        flow.operation.label,
        how_often(subject, flow),
        f"{len(flow.fields)} 項目\n" + "\n".join(CLASSES[each] for each in CLASSES if each in flow.classes),
        lines([cited(name, basis) for name, basis in subject.law(route)]),
        lines(_conditions(flow), none="–"),
        f"{route.assessment}({subject.assessment(route).valid_from} から)",
    )


def _conditions(flow: Flow) -> list[str]:
    """What must be attested before it goes, and whether people look first."""
    route = flow.route
    if flow.reply:
        return []
    found = [f"必須: {CLAIMS.get(each, each)}" for each in route.attest]
    found += [f"任意: {CLAIMS.get(each, each)}" for each in route.may_attest]
    if route.hold:
        found.append("常に保留し、2人が確認して解除する")
    return found
