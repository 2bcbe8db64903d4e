"""How a municipal system writes its files: encoding, columns, the form of dates; turns a row's cells into a line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from gateway_demo_city.people import COLUMNS, Cells

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DATES: Final = frozenset(
    {"birth_date", "deletion_event_date", "forced_expiry_date", "recommendation_date", "vaccinated_on"}
)


@dataclass(frozen=True, slots=True)
class Form:
    """`columns` has (header, item name) in the file's order; `compact` dates have no separators and no offset."""

    encoding: str = "cp932"
    columns: tuple[tuple[str, str], ...] = tuple((label, name) for name, label in COLUMNS.items())
    compact_dates: bool = True
    compact_times: bool = True

    @classmethod
    def configured(cls, settings: Mapping[str, Any]) -> Self:
        """The form that the settings of the connector `health_management` expect."""
        return cls(
            encoding=settings["encoding"],
            columns=tuple(settings["columns"].items()),
            compact_dates=settings["dates"] == "YYYYMMDD",
            compact_times=settings["datetimes"] == "YYYYMMDDhhmmss",
        )

    @property
    def codec(self) -> str:
        """The codec of a line: a byte order mark belongs to the file."""
        return "utf-8" if self.encoding == "utf-8-sig" else self.encoding

    def header(self, extra: tuple[str, ...] = ()) -> bytes:
        """The file's first line, without its line end."""
        line = quoted([*(header for header, _ in self.columns), *extra]).encode(self.codec)
        return _BYTE_ORDER_MARK + line if self.encoding == "utf-8-sig" else line

    def table(self, columns: Mapping[str, str], rows: Iterable[Cells]) -> bytes:
        """A whole file of other columns, header → item name."""
        own = replace(self, columns=tuple(columns.items()))
        lines = [own.header(), *(quoted(own.texts(each)).encode(own.codec) for each in rows)]
        return b"".join(line + b"\r\n" for line in lines)

    def texts(self, cells: Cells) -> list[str]:
        """What stands in the row's cells, in the file's order."""
        texts = dict(cells)
        if self.compact_dates:
            for name in _DATES & texts.keys():
                texts[name] = texts[name].replace("-", "")
        if self.compact_times and "updated_at" in texts:
            texts["updated_at"] = texts["updated_at"][:19].translate(_COMPACT)
        return [texts[name] for _, name in self.columns]


def quoted(texts: list[str]) -> str:
    """One CSV line (RFC 4180), every field in quotes."""
    return '"' + '","'.join([text.replace('"', '""') if '"' in text else text for text in texts]) + '"'


_COMPACT: Final = str.maketrans("", "", "-:T")
