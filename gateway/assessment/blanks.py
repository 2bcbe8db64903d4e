"""What only people can know: blanks with stable ids, and the one file in which people fill them in.

The file is theirs: a build adds what is new at its end and changes nothing of what stands in it.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gateway.errors import Misconfigured
from gateway.plugin.checks import has_unseen_character

HEAD: Final = """\
# 特定個人情報保護評価書の記入欄。gateway assessment build が新しい欄を末尾に加え、ここに書かれたものは変えません。
# 引用符の間に記入します。複数行は、引用符 3 つで囲みます。空の欄は、評価書に【記入：…】と示されます。
# 表([...])は作らず、欄の名前は変えないでください。
"""


@dataclass(slots=True)
class Blanks:
    """The answers so far, and every blank that the document has asked for, in its order."""

    answers: Mapping[str, str]
    asked: dict[str, str] = field(default_factory=dict)

    def ask(self, blank: str, what: str) -> str:
        """The answer, or the mark of a blank that waits for one. `blank` is its id for good."""
        self.asked[blank] = what
        return self.answers.get(blank, "").strip() or f"【記入：{what}〔{blank}〕】"

    @property
    def open(self) -> list[str]:
        """Which blanks still wait for an answer."""
        return [each for each in self.asked if not self.answers.get(each, "").strip()]

    @property
    def without_place(self) -> list[str]:
        """Answers, not empty, to what this document does not ask any more."""
        return [each for each, answer in self.answers.items() if each not in self.asked and answer.strip()]


def read_answers(file: Path) -> dict[str, str]:
    """What people have filled in; nothing if there is no file yet. Raises Misconfigured."""
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Misconfigured((f"{file}: cannot be read: {error.strerror}",)) from None
    except UnicodeDecodeError:
        raise Misconfigured((f"{file}: not TOML: it is not UTF-8 text",)) from None
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured((f"{file}: not TOML: {error}",)) from None
    if wrong := list(_wrong(written)):
        raise Misconfigured(tuple(f"{file}: {each}" for each in wrong))
    return written


def _wrong(written: Mapping[str, Any]) -> Iterator[str]:
    """What no document could hold, by the names of the blanks alone."""
    for name, answer in written.items():
        if not isinstance(answer, str):
            yield f"{name}: must be a text, in quotes"
        elif any(map(has_unseen_character, answer.replace("\t", " ").split("\n"))):
            yield f"{name}: holds a control character, or another that nobody sees; write that place anew"


def with_blanks(written: str, blanks: Blanks) -> str:
    """The file's text with the blanks that it lacks added at the end, empty."""
    new = [(blank, what) for blank, what in blanks.asked.items() if blank not in blanks.answers]
    text = written or HEAD
    if new and not text.endswith("\n"):
        text += "\n"
    return text + "".join(f'\n# {what}\n{json.dumps(blank, ensure_ascii=False)} = ""\n' for blank, what in new)
