"""Searches files for personal values in every form that a program may have given them, and never repeats a value.

All forms of all canaries are looked for in one pass: every form is at least twelve bytes long, so whichever way it
lies in a file, one of every five positions begins an eight-byte piece of it, and those are looked up in one table.
"""

import base64
import json
import os
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote_from_bytes

_PIECE: Final = 8
_STRIDE: Final = 5
_SHORTEST: Final = _PIECE + _STRIDE - 1
_CHUNK: Final = 4 << 20
_UNPACKED_AT_MOST: Final = 64 << 20
_ENCODINGS: Final = ("utf-8", "utf-16-le", "utf-16-be", "cp932")
_ARCHIVE: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_DEPTH: Final = 3


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A canary was found: where, of which kind, in which form. Never the value."""

    place: str
    kind: str
    form: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep saw and what it found; `canaries` and `forms` say how much was looked for."""

    findings: tuple[Finding, ...]
    files: int
    size: int
    canaries: int
    forms: int


def sweep(paths: Iterable[Path], canaries: Mapping[str, Iterable[str]], leave_out: Iterable[Path] = ()) -> Sweep:
    """Search files and everything below directories, names included, for the canaries (kind → values).

    Forms: UTF-8, UTF-16 LE and BE, CP932; each plain, in hex, in base64 at its three alignments, as backslash escapes;
    JSON escapes; percent-encoding; each also after NFKC; all of this also inside gzip and zlib members, nested ones
    too, the first 64 MiB of each. Raises ValueError if a canary is shorter than twelve characters.
    """
    sought = _Sought(canaries)
    skipped = {path.resolve() for path in leave_out}
    findings: set[Finding] = set()
    files = size = 0
    for path in sorted(_files(paths, skipped)):
        named = sought.in_bytes(os.fsencode(path))
        place = f"{path.parent.parent}/…" if named else str(path)
        findings.update(Finding(f"a name in {place}", kind, form) for kind, form in named)
        with path.open("rb") as file:
            findings.update(Finding(place, kind, form) for kind, form in _in_stream(file, sought, _DEPTH))
            size += file.tell()
        files += 1
    return Sweep(tuple(sorted(findings)), files, size, sought.canaries, len(sought.forms))


def _files(paths: Iterable[Path], skipped: set[Path]) -> Iterator[Path]:
    for path in paths:
        if path.resolve() in skipped or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path.iterdir(), skipped)
        elif path.is_file():
            yield path


def _in_stream(stream: BinaryIO, sought: "_Sought", depth: int) -> Iterator[tuple[str, str]]:
    """Kinds and forms found in a stream and in the archives inside it; leaves the stream at its end."""
    start, kept = 0, b""  # `kept` is the end of the former chunk, where a form may begin
    while chunk := stream.read(_CHUNK):
        window = kept + chunk
        yield from sought.in_bytes(window)
        for member in _ARCHIVE.finditer(window, max(0, len(kept) - 2)) if depth else ():
            stream.seek(start - len(kept) + member.start())
            if unpacked := _unpacked(stream):
                for kind, form in _in_stream(BytesIO(unpacked), sought, depth - 1):
                    yield kind, f"{form} in an archive"
        start += len(chunk)
        stream.seek(start)
        kept = window[-sought.longest :]


def _unpacked(stream: BinaryIO) -> bytes:
    """What comes out of a gzip or zlib member that begins here, as far as it is one."""
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: either header
    out = bytearray()
    try:
        while not inflate.eof and len(out) < _UNPACKED_AT_MOST and (packed := stream.read(1024)):
            out += inflate.decompress(packed)
    except zlib.error:
        pass  # chance bytes that look like a header, or a torn member: what came out before still counts
    return bytes(out)


class _Sought:
    """All forms of all canaries, and the table that finds them."""

    def __init__(self, canaries: Mapping[str, Iterable[str]]) -> None:
        self.canaries = 0
        self.forms: list[tuple[bytes, str, str]] = []
        for kind, values in canaries.items():
            for value in values:
                if len(value) < _SHORTEST:
                    raise ValueError(f"a canary of kind {kind} is shorter than {_SHORTEST} characters")
                self.canaries += 1
                self.forms += [(form, kind, name) for form, name in _forms(value).items()]
        self.longest = max((len(form) for form, _, _ in self.forms), default=0)
        self._pieces: dict[bytes, list[tuple[int, int]]] = {}
        for index, (form, _, _) in enumerate(self.forms):
            for offset in range(_STRIDE):
                self._pieces.setdefault(form[offset : offset + _PIECE], []).append((index, offset))

    def in_bytes(self, data: bytes) -> set[tuple[str, str]]:
        """Kind and form of every canary that lies wholly in `data`."""
        pieces = self._pieces
        found = set()
        for at in [at for at in range(0, len(data) - _PIECE + 1, _STRIDE) if data[at : at + _PIECE] in pieces]:
            for index, offset in pieces[data[at : at + _PIECE]]:
                form, kind, name = self.forms[index]
                if at >= offset and data.startswith(form, at - offset):
                    found.add((kind, name))
        return found


def _forms(value: str) -> dict[bytes, str]:
    """Every byte form of a value → its name; of two names for the same bytes the first stands."""
    forms: dict[bytes, str] = {}
    for text in dict.fromkeys((value, unicodedata.normalize("NFKC", value))):
        for encoding in _ENCODINGS:
            try:
                raw = text.encode(encoding)
            except UnicodeEncodeError:
                continue
            for form, name in _written(raw):
                forms.setdefault(form, f"{encoding}{name}")
        escaped = json.dumps(text)[1:-1]
        unescaped = json.dumps(text, ensure_ascii=False)[1:-1]
        for written in (escaped, _upper(escaped), json.dumps(escaped)[1:-1], unescaped):
            forms.setdefault(written.encode(), "JSON escapes")
    return {form: name for form, name in forms.items() if len(form) >= _SHORTEST}


def _written(raw: bytes) -> Iterator[tuple[bytes, str]]:
    yield raw, ""
    yield raw.hex().encode(), " in hex"
    yield raw.hex().upper().encode(), " in hex"
    yield repr(raw)[2:-1].encode(), " as backslash escapes"
    percent = quote_from_bytes(raw).encode()
    yield percent, " percent-encoded"
    yield re.sub(rb"%..", lambda each: each[0].lower(), percent), " percent-encoded"
    for shift in range(3):
        # Only the characters that the value alone decides: those that share bits with what stands beside it are cut.
        coded = base64.b64encode(bytes(shift) + raw)[-(-shift * 4 // 3) : (shift + len(raw)) * 4 // 3]
        yield coded, " in base64"
        yield coded.translate(_URL_SAFE), " in base64"


def _upper(escaped: str) -> str:
    return re.sub(r"\\u[0-9a-f]{4}", lambda each: "\\u" + each[0][2:].upper(), escaped)


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
