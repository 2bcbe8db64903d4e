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
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.table import Table as DocxTable

from gateway.assessment.document import Block, Heading, Picture, Table, Text

_FONT: Final = "MS 明朝"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip file can name."""
_WIDE: Final = 4
"""Columns; a wider table is set smaller."""
_CELLS: Final = {"Cell": 9, "SmallCell": 7}
"""Styles of a cell's text, with their sizes in points."""


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
    for name in ("Normal", *(f"Heading {level}" for level in range(1, 6))):
        style = document.styles[name]
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for script in ("w:ascii", "w:hAnsi", "w:eastAsia"):
            fonts.set(qn(script), _FONT)
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme"):
            fonts.attrib.pop(qn(theme), None)
    for name, points in _CELLS.items():
        cell = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        cell.base_style, cell.font.size = document.styles["Normal"], Pt(points)


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
    style = "Cell" if len(table.head) <= _WIDE else "SmallCell"
    cells = drawn._cells  # noqa: SLF001  (each other way to a cell walks the whole table)
    texts = (*table.head, *(cell for row in table.rows for cell in row))
    for at, (cell, text) in enumerate(zip(cells, texts, strict=True)):
        paragraph = cell.paragraphs[0]
        paragraph._p.style = style  # noqa: SLF001  (by its id: to look it up each time takes longer than all else)
        run = paragraph.add_run(text)
        if at < len(table.head):
            run.bold = True
    _repeats(drawn)
    document.add_paragraph()


def _repeats(table: DocxTable) -> None:
    """The row of heads stands on each page that the table goes over."""
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    table.rows[0]._tr.get_or_add_trPr().append(mark)  # noqa: SLF001  (python-docx has no other way to it)


def _settled(written: bytes) -> bytes:
    """The same archive without the time at which it was made."""
    settled = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written)) as old, zipfile.ZipFile(settled, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _EARLIEST), old.read(name), zipfile.ZIP_DEFLATED)
    return settled.getvalue()
