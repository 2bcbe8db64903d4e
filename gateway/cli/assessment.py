"""`gateway assessment`: the assessment document from the configuration, and the change table between two."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.show import AsJson, Root, Tenant, ending, machine, rows, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.assessment import Row

app = typer.Typer(no_args_is_help=True, help="Draw the assessment document, and its change table.")
_SUFFIXES = (".md", ".csv")


@app.command(epilog=ending("gateway assessment build 999997 --root /var/lib/renkei --output assessment"))
def build(
    tenant: Tenant,
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="The folder to write to; made if needed.")],
    root: Root = Path(),
) -> None:
    """Write the parts of the form that software can know.

    In Japanese: as Markdown and, with the extra `office` installed, as .docx; the drawing of the flows as SVG. What
    only people can know is marked 【記入：…】, and filled in in DIR/assessment-TENANT-answers.toml: a new build adds
    new blanks at its end and changes nothing of what stands there. What the configuration does not bring about is told
    as 未実施, and named on stderr.
    """
    from gateway.assessment import Subject, judged, write
    from gateway.config import load

    with stopped():
        subject = Subject.of(load(root.resolve()), tenant)
        built, files = write(subject, output)
        for each in files:
            tell(f"{each}")
        for id_, basis in sorted({each.assessment: subject.assessment(each) for each in subject.routes}.items()):
            count = sum(each.assessment == id_ for each in subject.routes)
            tell(f"assessment {id_}: {basis.reference}, from {basis.valid_from}; routes that depend on it: {count}")
        tell(f"blanks: {len(built.blanks.asked)}, of which {len(built.blanks.open)} wait for an answer in {files[0]}")
        if not any(each.suffix == ".docx" for each in files):
            tell(
                "no .docx: python-docx is not installed; install it with: pip install 'renkei-gateway[office]'",
                err=True,
            )
        for name in built.blanks.without_place:
            tell(
                f"{files[0]}: {name}: the document does not ask this any more; move the answer or take it out", err=True
            )
        for safeguard in judged(subject):
            if not safeguard.in_force:
                tell(f"not in force: {safeguard.name}: {safeguard.says}", err=True)


@app.command(
    epilog=ending(
        "gateway assessment diff /srv/renkei-20270401 /var/lib/renkei 999997 --out changes.md",
        wrong="a change that is likely a 重要な変更 has no assessment of a later date",
    )
)
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD_ROOT", help="A folder that holds the former config/ and keys/.")],
    new: Annotated[Path, typer.Argument(metavar="NEW_ROOT", help="A folder that holds the new config/ and keys/.")],
    tenant: Tenant,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it: a new FILE.md or FILE.csv.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the change table (別添3) between two configurations.

    Of each root it reads config/, and the certificates and public keys that this names as far as they are there. A
    change that is likely a 重要な変更 must be assessed and published before it takes effect: its routes have to name an
    assessment that begins later than the one that they depended on. A change that is about no route needs one such
    among all routes. Whether it is one, people decide.
    """
    from gateway.assessment import Subject, difference, not_compared
    from gateway.config import load

    with stopped():
        if out is not None and out.suffix not in _SUFFIXES:
            raise Misconfigured((f"--out {out}: name a file that ends in {' or '.join(_SUFFIXES)}",))
        before, after = (Subject.of(load(each.resolve()), tenant) for each in (old, new))
        found = difference(before, after)
        if out is not None:
            with out.open("x", encoding="utf-8", newline="") as stream:
                stream.write(_csv(found) if out.suffix == ".csv" else _markdown(found))
            tell(f"{out}: {len(found)} changes")
        elif as_json:
            machine([_plain(each) for each in found])
        else:
            _show(found)
        if missing := not_compared(before, after):
            files = f"files of certificates and public keys: {len(missing)}, {missing[0]} the first"
            tell(f"not compared, for they are not below both roots: {files}", err=True)
        uncovered = [each for each in found if not each.covered]
        for each in uncovered:
            where = ", ".join(each.change.routes) or f"tenant {tenant}"
            tell(f"not covered: {where}: {each.change.item}: {each.change.why}", err=True)
        if uncovered:
            told = "publish an assessment, add it to config/legal_basis.toml with a later valid_from, and name it in"
            tell(f"{told} the routes: routes.assessment", err=True)
            raise typer.Exit(1)


def _show(found: Sequence["Row"]) -> None:
    from gateway.assessment import COLUMNS, cells

    rows([dict(zip(COLUMNS, cells(each), strict=True)) for each in found], empty="no difference")


def _markdown(found: Sequence["Row"]) -> str:
    from gateway.assessment import change_table
    from gateway.assessment.markdown import markdown

    return markdown(change_table(found))


def _csv(found: Sequence["Row"]) -> str:
    """As the reports have it: RFC 4180 with a byte order mark, and no cell that a spreadsheet computes."""
    from gateway.assessment import COLUMNS, cells
    from gateway.cli.report_file import guarded

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([guarded(cell) for cell in cells(each)] for each in found)
    return "\ufeff" + text.getvalue()


def _plain(row: "Row") -> dict[str, Any]:
    change = row.change
    return {
        "item": change.item,
        "before": change.before,
        "after": change.after,
        "kind": change.kind,
        "routes": list(change.routes),
        "important": change.important,
        "covered": row.covered,
        "assessment": row.assessment if change.important else None,
        "valid_from": str(row.day) if change.important and row.day is not None else None,
    }
