"""`docs/views.md`: who is given which field, by the matrix of tests/views and the example's routes."""

from collections.abc import Mapping
from pathlib import Path

from gateway.config import load
from gateway.config.files import LegalBasis
from tests.views.matrix import COLUMNS, SECTIONS, Row, given, matrix, reasons, sources

ROOT = Path(__file__).parents[2]

HEAD = """\
# Who is given which field

<!-- Written by `make docs` from tests/views/ and config/; do not edit. -->

For data-protection officers. For each field (項目) that the assessment documents name, and each system that is
connected: whether the gateway gives it to that system, on which route, and if not, why. The Japanese names are those of
the documents.

What a system *may* be given was read from the documents, cell by cell (`tests/views/matrix.csv`). What it *is* given is
drawn from the locked interfaces and routes of the example municipality in `config/`. `tests/views/test_matrix.py` holds
the one against the other: exactly the cells that name a route are given. `tests/views/test_walk.py` tries every other
cell on every route and reply towards its system, and sees it refused at the sending edge, by the blind hub, and at the
receiving edge, each without the help of the others. Between these systems a municipality's own routes can only give
less: what is in no lock cannot be put on a route, and the locks of these connectors take in nothing beyond these cells.
Of a connector of its own, or one whose lock it has changed, this page says nothing: there its lock, as reviewed, and
its routes are the bound (`gateway interface show NAME`), and its [assessment](assessment.md) says what goes by them.

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


def page() -> str:
    """The matrix as tables, one for each section of the requirements, with the routes that use it."""
    config = load(ROOT)
    ((_, tenant),) = config.tenants.items()
    used = given(tenant)
    why = "".join(f"| *{word}* | allowed, and not given: {told} |\n" for word, told in reasons().items())
    text = HEAD + why + LEGEND
    for each in tenant.file.routes:
        ends = f"`{each.source}` | `{each.destination}`"
        lists = (
            (*each.legal_basis, *each.rows, each.assessment),
            each.attest,
            each.may_attest,
            each.consent_texts,
        )
        text += f"| {each.id} | {ends} | {' | '.join(', '.join(one) or '–' for one in lists)} |\n"
    named = {name for each in tenant.file.routes for name in each.cites(each.rows)}
    text += BASES + "".join(_basis(name, config.legal_basis[name]) for name in sorted(named))
    text += SOURCES + "".join(f"| {cited} | {told} |\n" for cited, told in sources().items())
    heads = ("項目", *COLUMNS.values(), "source", "note")
    for section, title in SECTIONS.items():
        text += f"\n## {title}\n\n| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n"
        text += "".join(_line(row, used) for row in matrix() if section in row.section.split())
    return text


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
