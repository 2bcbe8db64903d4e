"""A document as .docx, by python-docx (the extra `office`), the same bytes whenever it is made of the same.

A drawing in SVG cannot be put in by python-docx: the page names the file, which the office inserts itself.
"""

import io
import zipfile
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Final

import docx
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Cm, Emu, Length, Pt, RGBColor
from docx.styles.style import BaseStyle
from docx.table import Table as DocxTable
from docx.text.paragraph import Paragraph

from gateway.assessment.document import Block, Heading, Picture, Table, Text
from gateway.assessment.lettering import room_of

_FONT: Final = "MS 明朝"
_TITLES: Final = "MS ゴシック"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip file can name."""
_ROOM: Final = Cm(29.7 - 2 * 1.8)
"""From margin to margin of A4 across."""
_SMALL: Final = 5
"""From so many columns on, a table is set smaller."""
_CELLS: Final = {"Cell": 9, "SmallCell": 7.5}
"""Styles of a cell's text, with their sizes in points."""
_FORM: Final = (0.28, 0.72)
"""What is asked, and what is said."""
_BESIDE: Final = 1.5
_MOST: Final = 60
"""What stands free beside a cell's text, and for how much of it a column is widened, in full-width characters."""


def office(blocks: Iterable[Block], *, title: str, as_of: date) -> bytes:
    """The whole file; `as_of` is the day that its properties name."""
    document = docx.Document()
    _page(document)
    _properties(document, title, datetime.combine(as_of, time()))
    for block in blocks:
        _add(document, block)
    written = io.BytesIO()
    document.save(written)
    return _settled(written.getvalue())


def _page(document: Document) -> None:
    """A4 across, for the tables are wide; Japanese fonts, which the reader's machine has."""
    section = document.sections[0]
    section.orientation, section.page_width, section.page_height = WD_ORIENT.LANDSCAPE, Cm(29.7), Cm(21)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Cm(1.8)
    _set_in(document.styles["Normal"], _FONT)
    for level in range(1, 6):
        title = document.styles[f"Heading {level}"]
        _set_in(title, _TITLES)
        title.font.bold, title.font.italic, title.font.color.rgb = True, False, RGBColor(0, 0, 0)
    for name, points in _CELLS.items():
        cell = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        cell.base_style, cell.font.size = document.styles["Normal"], Pt(points)
        cell.paragraph_format.space_before = cell.paragraph_format.space_after = Pt(1)
    _numbered(section.footer.paragraphs[0])


def _set_in(style: BaseStyle, font: str) -> None:
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia"):
        fonts.set(qn(script), font)
    for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme"):
        fonts.attrib.pop(qn(theme), None)


def _numbered(paragraph: Paragraph) -> None:
    """The page's number, which the reader's machine works out."""
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)  # noqa: SLF001  (python-docx has no other way to it)


def _properties(document: Document, title: str, at: datetime) -> None:
    properties = document.core_properties
    properties.title, properties.language = title, "ja-JP"
    properties.author = properties.last_modified_by = properties.comments = ""
    properties.created = properties.modified = at
    properties.revision = 1


def _add(document: Document, block: Block) -> None:
    match block:
        case Heading(level, text):
            document.add_heading(text, level)
        case Text(text):
            document.add_paragraph(text)
        case Picture(file, told):
            document.add_paragraph(
                f"{told}: 同じフォルダーの {file} を、ここに挿入してください(Word の[挿入]-[画像])。"
            )
        case Table():
            _table(document, block)


def _table(document: Document, table: Table) -> None:
    drawn = document.add_table(rows=1 + len(table.rows), cols=len(table.head), style="Table Grid")
    style = "Cell" if len(table.head) < _SMALL else "SmallCell"
    cells = drawn._cells  # noqa: SLF001  (each other way to a cell walks the whole table)
    widths = _widths(table, _CELLS[style])
    texts = (*table.head, *(cell for row in table.rows for cell in row))
    for at, (cell, text) in enumerate(zip(cells, texts, strict=True)):
        cell.width = widths[at % len(widths)]
        paragraph = cell.paragraphs[0]
        paragraph._p.style = style  # noqa: SLF001  (by its id: to look it up each time takes longer than all else)
        run = paragraph.add_run(text)
        if at < len(table.head):
            run.bold = True
            cell._tc.get_or_add_tcPr().append(_mark("w:shd", val="clear", fill="E7E6E6"))  # noqa: SLF001
    _lay_out(drawn, widths)
    document.add_paragraph()


def _widths(table: Table, points: float) -> list[Length]:
    """Columns have room for the longest line that stands in each; where not all have, the wide ones share what the
    others leave. The form's own tables are alike.
    """
    if len(table.head) == len(_FORM):
        return [Emu(int(_ROOM * each)) for each in _FORM]
    columns = zip(table.head, *table.rows, strict=True)
    lines = [[line for cell in column for line in cell.split("\n")] for column in columns]
    wants = [min(max(map(room_of, each)) + _BESIDE, _MOST) for each in lines]
    left, wide = _ROOM / Pt(points), sum(wants)
    given = dict.fromkeys(range(len(wants)), 0.0)
    for done, at in enumerate(sorted(given, key=wants.__getitem__)):
        fits = wants[at] <= left / (len(wants) - done)
        given[at] = wants[at] if fits else left * wants[at] / wide
        wide -= wants[at]
        left -= given[at]
    return [Emu(int(_ROOM * each / sum(given.values()))) for each in given.values()]


def _lay_out(table: DocxTable, widths: list[Length]) -> None:
    """Columns as wide as they are told to be; no row breaks over two pages, and the heads stand on each."""
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for at, row in enumerate(table._tbl.tr_lst):  # noqa: SLF001  (python-docx has no other way to it)
        properties = row.get_or_add_trPr()
        properties.append(_mark("w:cantSplit"))
        if at == 0:
            properties.append(_mark("w:tblHeader"))


def _mark(tag: str, **values: str) -> BaseOxmlElement:
    mark = OxmlElement(tag)
    for name, value in (values or {"val": "true"}).items():
        mark.set(qn(f"w:{name}"), value)
    return mark


def _settled(written: bytes) -> bytes:
    """The same archive without the time at which it was made."""
    settled = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written)) as old, zipfile.ZipFile(settled, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _EARLIEST), old.read(name), zipfile.ZIP_DEFLATED)
    return settled.getvalue()
