"""The pages of the reference that are drawn from code, configuration and the matrix of tests/views.

`make docs` writes them; a test sees that they are fresh.
"""

from collections.abc import Mapping
from pathlib import Path

from docs.drawn import commands, configuration, decisions, door, facts
from gateway.assessment import Subject, build
from gateway.config import load
from gateway.config.files import LegalBasis
from gateway.edge.rules import operations_at
from gateway.errors import CODES
from gateway.interfaces import markdown
from gateway.plugin.testing.rules import RULES
from gateway.wiring.tagging import person_fields
from tests.views.matrix import COLUMNS, SECTIONS, Row, given, matrix, reasons, sources

ROOT = Path(__file__).parents[1]

ERRORS = """\
# Error codes

<!-- Written by `make docs` from gateway/errors.py; do not edit. -->

A code is stable: it goes to the peer (in the `code` of a problem detail, RFC 9457, or of a refused record) and into the
central log. The sentence beside it is for people and may change. Neither ever holds a value of a message, nor the name
of an unknown key: of such keys a refused record's `path` says only where they stand, `unknown:3:2` for two of which the
first is the object's third key. A connector's own codes stand in its locked interface, under `codes`.

The status is what a sender gets when the whole message ends so: 4xx means that the sender, or who runs the gateway,
must change something, and the same again is refused again; 503 means the same again, later.

| code | status | meaning |
| --- | --- | --- |
"""


def errors() -> str:
    """The table of all codes, in the order of `gateway.errors`."""
    return ERRORS + "".join(f"| `{name}` | {code.status} | {code.title} |\n" for name, code in CODES.items())


VIEWS = """\
# Who is given which field

<!-- Written by `make docs` from tests/views/ and config/; do not edit. -->

For data-protection officers. For each field (項目) that the assessment documents name, and each system that is
connected: whether the gateway gives it to that system, on which route, and if not, why. The Japanese names are those of
the documents.

What a system *may* be given was read from the documents, cell by cell (`tests/views/matrix.csv`). What it *is* given is
drawn from the locked interfaces and routes of the example municipality in `config/`. `tests/views/test_matrix.py` holds
the one against the other: exactly the cells that name a route are given. `tests/views/test_walk.py` tries every other
cell on every route and reply towards its system, and sees it refused at the sending edge, by the blind hub, and at the
receiving edge, each without the help of the others. A municipality's own routes can only give less: what is in no lock
cannot be put on a route, and the locks take in nothing beyond these cells.

| a cell says | it means |
| --- | --- |
| R01, R02... | given, on these [routes](#routes) or in their replies; named up to the dash |
"""
LEGEND = """\
| × | forbidden by the documents, or by the rule that the row cites |
| (×) | forbidden because no flow of the documents carries it: default deny |

Control flags (不開示, 閲覧停止) are given neither to the portal nor to clinics: whom they hide is answered as "no such
person". A PMH key comes from the portal once, in the hand-over (R07), and is never given to it.

連携基盤・中間サーバー is this city's own: what it is given stays inside the city. 団体内統合宛名番号 is allocated
there, from the individual number, which goes no further (R17); 符号 and 処理通番 are in no interface at all.

他団体・本人 stands behind it: the body that inquired (R20), or the person who asked (R20-self), over the information
provision network. What that column names is all that they are told, sealed with the key that they sent, after release
where a person or record is marked 自動応答不可; what else R20 carries addresses the answer, and stays with the
intermediate server. Nobody is told without the network's word for it.

## Routes

The *legal basis* is all that a message cites: of the references to a row (項) of the table, the one under which it
goes, and the assessment (A1) that was published before. What *must be attested*: without it nothing passes. What *may
be attested*: `agent` says that somebody acts for the person, a parent say, and the log tells so; `review` that people
look before it goes; `undisclosed` that it was asked or given is not to be disclosed. *Purpose text*: the version that a
consent must be to.

| route | from | to | legal basis | must be attested | may be attested | purpose text |
| --- | --- | --- | --- | --- | --- | --- |
"""
BASES = """
| legal basis | reference | in force |
| --- | --- | --- |
"""
SOURCES = """
## What the sources are

The *assessment documents* are two published 特定個人情報保護評価書:

- 川崎市「予防接種の実施等に関する事務 全項目評価書」, 評価書番号60, as put out for public comment in 令和8年6月;
- 筑西市「予防接種に関する事務 重点項目評価書」, 評価書番号19, 令和5年7月21日.

*Requirements* is our own reading of them, where each system, flow, item, identifier and safeguard has a number. It is
not in this tree: to follow a row, take the place in the documents that stands here.

| a row cites | which is |
| --- | --- |
"""


def views() -> str:
    """The matrix as tables, one for each section of the requirements, with the routes that use it."""
    config = load(ROOT)
    ((_, tenant),) = config.tenants.items()
    used = given(tenant)
    why = "".join(f"| *{word}* | allowed, and not given: {told} |\n" for word, told in reasons().items())
    page = VIEWS + why + LEGEND
    for each in tenant.file.routes:
        ends = f"`{each.source}` | `{each.destination}`"
        lists = (
            (*each.legal_basis, *each.rows, each.assessment),
            each.attest,
            each.may_attest,
            each.consent_texts,
        )
        page += f"| {each.id} | {ends} | {' | '.join(', '.join(one) or '–' for one in lists)} |\n"
    named = {name for each in tenant.file.routes for name in each.cites(each.rows)}
    page += BASES + "".join(_basis(name, config.legal_basis[name]) for name in sorted(named))
    page += SOURCES + "".join(f"| {cited} | {told} |\n" for cited, told in sources().items())
    heads = ("項目", *COLUMNS.values(), "source", "note")
    for section, title in SECTIONS.items():
        page += f"\n## {title}\n\n| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n"
        page += "".join(_line(row, used) for row in matrix() if section in row.section.split())
    return page


def _basis(name: str, basis: LegalBasis) -> str:
    until = f" to {basis.valid_until}" if basis.valid_until else ""
    return f"| {name} | {basis.reference} | from {basis.valid_from}{until} |\n"


def _line(row: Row, used: Mapping[tuple[str, str], tuple[str, ...]]) -> str:
    cells = []
    for receiver, cell in row.cells.items():
        families = {route.partition("-")[0] for route in used.get((row.field, receiver), ())}
        cells.append(", ".join(sorted(families)) or (f"*{cell.reason}*" if cell.reason else cell.mark))
    first = f"{row.label} `{row.field}`"
    source = " ".join((*(f"§{each}" for each in row.section.split() if each != "other"), row.source)).strip()
    return f"| {' | '.join((first, *cells, source, row.note))} |\n"


PERSONS = """\
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


def persons() -> str:
    """Of each connector of the example: what names a person in what it sends, and in all that passes its edge."""
    config = load(ROOT)
    ((code, tenant),) = config.tenants.items()
    page = PERSONS
    for name in tenant.file.connectors:
        sent = {field: some[0].label for field, some in person_fields(config, code, name).items()}
        passing = {
            field.path: field.label
            for _, operation in operations_at(config.contracts, tenant, name)
            for field in operation.fields
            if field.path == operation.person_key and field.identifies
        }
        page += f"| `{name}` | {config.contracts[name].label} | {_named(sent)} | {_named(passing)} |\n"
    return page + BEGIN


def _named(fields: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {label}" for name, label in sorted(fields.items())) or "–"


def assessment() -> dict[str, str]:
    """The assessment document of the example, without answers, and its drawing."""
    config = load(ROOT)
    (code,) = config.tenants
    built = build(Subject.of(config, code), {})
    folder = "assessment-example"
    return {f"{folder}/{built.name}.md": built.text, f"{folder}/{built.name}-flow.svg": built.picture}


INTERFACES = """\
# The locked interfaces

<!-- Written by `make docs` from config/interfaces/; do not edit. -->

What each connector's system may send and receive, field by field: the locks of the example municipality in `config/`,
to read. [Interfaces as contracts](../contracts.md) says how to get the same for programs, and what a change breaks.

固定定義の一覧です。各システムが送受信できる項目を示します。

| connector | system | version | |
| --- | --- | --- | --- |
"""
DRAWN = "<!-- Written by `make docs` from config/interfaces/; do not edit. -->"


def interfaces() -> dict[str, str]:
    """A page for each lock in each language, and one that leads to them."""
    contracts = load(ROOT).contracts
    found, page = {}, INTERFACES
    for name, contract in sorted(contracts.items()):
        ways = f"[English]({name}.md), [日本語]({name}.ja.md)"
        page += f"| `{name}` | {contract.label} | {contract.version} | {ways} |\n"
        found[f"interfaces/{name}.md"] = markdown(contract, "en").replace("\n", f"\n\n{DRAWN}\n", 1)
        found[f"interfaces/{name}.ja.md"] = markdown(contract, "ja").replace("\n", f"\n\n{DRAWN}\n", 1)
    return {"interfaces/README.md": page, **found}


CONFORMANCE = """\
# The rules of the conformance suite

<!-- Written by `make docs` from gateway/plugin/testing/rules/; do not edit. -->

To these `gateway plugin check` holds a connector; [the conformance suite](conformance.md) says how, and what the levels
mean.

| rule | level | what holds | why |
| --- | --- | --- | --- |
"""


def conformance() -> str:
    """The catalogue of rules, in its order."""
    rows = (f"| `{each.id}` | {each.level} | {each.meaning} | {each.why} |\n" for each in RULES)
    return CONFORMANCE + "".join(rows)


def pages() -> dict[str, str]:
    """Every generated page by its name below `docs/`."""
    reference = {"commands": commands, "configuration": configuration, "facts": facts, "plugin": door}
    return {
        "errors.md": errors(),
        "persons.md": persons(),
        "views.md": views(),
        **interfaces(),
        **assessment(),
        "conformance-rules.md": conformance(),
        "decisions/README.md": decisions.page(),
        **{f"reference/{name}.md": each.page() for name, each in reference.items()},
    }


if __name__ == "__main__":
    for name, text in pages().items():
        page = Path(__file__).parent / name
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")
