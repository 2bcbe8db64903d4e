"""`docs/persons.md`: by which fields a person is named at each connector of the example."""

from collections.abc import Mapping
from pathlib import Path

from gateway.config import load
from gateway.edge.rules import operations_at
from gateway.wiring.tagging import person_fields

ROOT = Path(__file__).parents[2]

HEAD = """\
# By which fields a person is named

<!-- Written by `make docs` from config/; do not edit. -->

For whoever looks for one person, or stops the use of one's data. `gateway keys tags TENANT CONNECTOR person.json` and
`gateway keys stop-use TENANT CONNECTOR person.json` read one JSON object with fields of this table, such as
`{"internal_no": "..."}`; what the systems call a person is not the same everywhere. These are the routes of the example
municipality in `config/`; of another municipality's, a file with `{}` makes the command say which fields it takes.

Tags find what that connector *sent*. A stop holds for what it sends and receives.

本人を示す項目の一覧です。タグで見つかるのは、その接続プラグインが*送った*ものです。利用停止は、送るものと受けるものの両方に効きます。

| connector | system | `gateway keys tags` | `gateway keys stop-use` |
| --- | --- | --- | --- |
"""
BEGIN = """
**With which to begin.** At a counter, with a My Number card in hand: `individual_number` (個人番号) finds the person at
the connectors that have it above, and nothing at the others: ask whoever runs the health management system for the
内部番号 (`internal_no`) of that person, and whoever runs the vaccination records for the rest. An answer is sent by
whoever was asked, and is found by what it was asked with. What is searched by no number stays unfound; the report says
which systems were searched.

**どれから始めるか。** 窓口で個人番号カードの提示を受けたときは、上の表に `individual_number` がある接続プラグインで
使います。ほかの接続プラグインでは見つからないため、健康管理システムの担当に内部番号(`internal_no`)を、
予診情報・予防接種記録管理システムの担当にそのほかの番号を照会します。検索しなかったシステムの記録は
見つかりません。帳票には、どのシステムを検索したかが書かれます。
"""


def page() -> str:
    """Of each connector of the example: what names a person in what it sends, and in all that passes its edge."""
    config = load(ROOT)
    ((code, tenant),) = config.tenants.items()
    text = HEAD
    for name in tenant.file.connectors:
        sent = {field: some[0].label for field, some in person_fields(config, code, name).items()}
        passing = {
            field.path: field.label
            for _, operation in operations_at(config.contracts, tenant, name)
            for field in operation.fields
            if field.path == operation.person_key and field.identifies
        }
        text += f"| `{name}` | {config.contracts[name].label} | {_named(sent)} | {_named(passing)} |\n"
    return text + BEGIN


def _named(fields: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {label}" for name, label in sorted(fields.items())) or "–"
