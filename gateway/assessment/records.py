"""別添2 特定個人情報ファイル記録項目: of each system, every item that a route gives it or takes from it."""

from collections.abc import Iterator

from gateway.assessment.document import Block, Heading, Table, Text
from gateway.assessment.subject import CLASSES, Subject
from gateway.plugin.contract import ContractField, leaves
from gateway.plugin.item import DataClass


def records(subject: Subject) -> Iterator[Block]:
    """One table for each system."""
    yield Heading(2, "(別添2) 特定個人情報ファイル記録項目")
    yield Text(
        "ゲートウェイを通る項目のすべてです。各システムが、ほかの方法で得て記録する項目は含みません。"
        "ここにない項目は、送る側で送られず、受ける側で受け取られません。"
    )
    for number, connector in enumerate(subject.connectors, 1):
        yield Heading(3, f"({number}) {subject.system(connector)}")
        yield from _of(subject, connector)


def _of(subject: Subject, connector: str) -> Iterator[Block]:
    found: dict[tuple[str, str], ContractField] = {}
    ways: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for flow in subject.flows():
        for at, end in enumerate((flow.destination, flow.source)):
            if end != connector:
                continue
            for field in flow.fields:
                key = field.label or field.path, field.path.rpartition(".")[2]
                found.setdefault(key, field)
                ways.setdefault(key, ({}, {}))[at][flow.name] = None
    if not found:
        yield Text("経路がないため、何も通らない。")
        return
    order = list(CLASSES)
    ranked = sorted(found, key=lambda key: order.index(_class(found[key])))
    yield Table(
        ("項目", "名称", "情報区分", "受け取る経路", "渡す経路"),
        tuple(
            (key[0], key[1], CLASSES[_class(found[key])], *("、".join(each) or "–" for each in ways[key]))
            for key in ranked
        ),
    )
    if unused := _unused(subject, connector):
        yield Text(f"固定定義にあって、経路のない項目(通らない): {unused} 件")


def _class(field: ContractField) -> DataClass:
    assert field.data_class is not None  # noqa: S101  (routes carry leaves only)
    return field.data_class


def _unused(subject: Subject, connector: str) -> int:
    locked = {
        path.rpartition(".")[2]
        for operation in subject.config.contracts[connector].operations
        for path in leaves((*operation.fields, *operation.reply))
    }
    carried = {
        field.path.rpartition(".")[2]
        for flow in subject.flows()
        if connector in (flow.source, flow.destination)
        for field in flow.fields
    }
    return len(locked - carried)
