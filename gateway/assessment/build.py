"""The whole document of one tenant, and the files that it is written to."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from gateway.assessment.basics import basics, cover
from gateway.assessment.blanks import Blanks, read_answers, with_blanks
from gateway.assessment.diagram import diagram, legend
from gateway.assessment.document import Block, Heading, Picture
from gateway.assessment.handling import handling
from gateway.assessment.markdown import markdown
from gateway.assessment.people import other_risks, procedure, requests
from gateway.assessment.records import records
from gateway.assessment.risks import risks
from gateway.assessment.subject import Subject
from gateway.errors import Misconfigured

_NO_DAY: Final = date(2000, 1, 1)
"""Of a tenant without routes."""


@dataclass(frozen=True, slots=True)
class Built:
    """What was made: the text, the drawing, the document's blocks for other forms, and the blanks."""

    subject: Subject
    blocks: tuple[Block, ...]
    picture: str
    blanks: Blanks

    @property
    def name(self) -> str:
        """How its files are called, but for their endings."""
        return f"assessment-{self.subject.tenant.code}"

    @property
    def text(self) -> str:
        """As Markdown."""
        return markdown(self.blocks)

    def office(self) -> bytes | None:
        """As .docx, dated by the newest assessment that a route depends on; None without the extra `office`."""
        try:
            from gateway.assessment.office import office  # noqa: PLC0415  (an extra)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "docx":
                raise
            return None
        newest = max((self.subject.assessment(each).valid_from for each in self.subject.routes), default=_NO_DAY)
        return office(self.blocks, title=f"特定個人情報保護評価書({self.subject.tenant.file.name})", as_of=newest)


def build(subject: Subject, answers: dict[str, str]) -> Built:
    """The document; the same for the same configuration and answers."""
    blanks = Blanks(answers)
    picture = f"assessment-{subject.tenant.code}-flow.svg"
    return Built(subject, tuple(_blocks(subject, blanks, picture)), diagram(subject), blanks)


def _blocks(subject: Subject, blanks: Blanks, picture: str) -> Iterator[Block]:
    yield from cover(subject, blanks)
    yield from basics(subject, blanks)
    yield Heading(2, "(別添1) 事務の内容")
    yield Picture(picture, "システムと経路の図")
    yield legend(subject)
    yield from handling(subject, blanks)
    yield from records(subject)
    yield from risks(subject, blanks)
    yield from other_risks(subject, blanks)
    yield from requests(blanks)
    yield from procedure(blanks)


def write(subject: Subject, folder: Path) -> tuple[Built, list[Path]]:
    """Build into a folder, which is made if it is not there, with the answers that lie there. Which files it has.

    Nothing is replaced before all of it is made and written beside: what people filled in is nowhere else. Raises
    Misconfigured if the answers cannot be read or a file is a link, OSError if the folder cannot be written.
    """
    answers = folder / f"assessment-{subject.tenant.code}-answers.toml"
    built = build(subject, read_answers(answers))
    written = answers.read_text(encoding="utf-8") if answers.exists() else ""
    files: list[tuple[Path, bytes | None]] = [
        (answers, with_blanks(written, built.blanks).encode()),
        (folder / f"{built.name}.md", built.text.encode()),
        (folder / f"{built.name}-flow.svg", built.picture.encode()),
        (folder / f"{built.name}.docx", built.office()),
    ]
    if links := [path for path, _ in files if path.is_symlink()]:
        step = "is a symbolic link, and what it leads to is not overwritten: take it away, or name another --output"
        raise Misconfigured(tuple(f"{path}: {step}" for path in links))
    folder.mkdir(parents=True, exist_ok=True)
    _put({path: content for path, content in files if content is not None})
    for path, content in files:
        if content is None:
            path.unlink(missing_ok=True)  # of a former build: it would say what the text beside it does not any more
    return built, [path for path, content in files if content is not None]


def _put(files: Mapping[Path, bytes]) -> None:
    """Let the files say that, under the modes that they had; one that says so already is not touched."""
    new = {path: content for path, content in files.items() if not path.exists() or path.read_bytes() != content}
    beside = {path: path.with_name(f".{path.name}.new") for path in new}
    try:
        for path, content in new.items():
            beside[path].unlink(missing_ok=True)  # of a build that was broken off, or a link that somebody put there
            with beside[path].open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            if path.exists():
                shutil.copymode(path, beside[path])
        for path, made in beside.items():
            made.replace(path)
    finally:
        for made in beside.values():
            made.unlink(missing_ok=True)
