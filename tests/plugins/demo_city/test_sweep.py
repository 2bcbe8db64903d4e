"""The sweep finds a planted canary in every form and place, and nothing where there is nothing."""

import base64
import gzip
import json
import re
import sqlite3
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_demo_city.city import canaries, write_city
from gateway_demo_city.sweep import sweep

NAME = "髙﨑　德二郎見本〇一二三"
KANA = "ﾀｶｻｷ ﾄｸｼﾞﾛｳ ﾐﾎﾝ"
NUMBER = "000012345674"
CANARIES = {"name": [NAME], "name_kana": [KANA], "individual_number": [NUMBER]}

FORMS: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda value: value.encode(),
    "utf-16-le": lambda value: value.encode("utf-16-le"),
    "utf-16-be": lambda value: value.encode("utf-16-be"),
    "cp932": lambda value: value.encode("cp932"),
    "json": lambda value: json.dumps({"k": value}).encode(),
    "json upper": lambda value: "".join(f"\\u{ord(c):04X}" if ord(c) > 127 else c for c in value).encode(),
    "hex": lambda value: value.encode().hex().encode(),
    "hex upper": lambda value: value.encode("cp932").hex().upper().encode(),
    "base64 at 0": lambda value: base64.b64encode(value.encode() + b"tail"),
    "base64 at 1": lambda value: base64.b64encode(b"x" + value.encode() + b"tail"),
    "base64 at 2": lambda value: base64.b64encode(b"xy" + value.encode("cp932") + b"tail"),
    "url-safe base64": lambda value: base64.urlsafe_b64encode(b"?" + value.encode("utf-16-le")),
    "percent": lambda value: quote(value).encode(),
    "percent lower": lambda value: re.sub("%..", lambda each: each[0].lower(), quote(value, encoding="cp932")).encode(),
    "repr": lambda value: repr(value.encode()).encode(),
    "normalised": lambda value: unicodedata.normalize("NFKC", value).encode(),
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zlib fast": lambda data: zlib.compress(data, 1),
    "zlib in gzip": lambda data: gzip.compress(b"head" + zlib.compress(data)),
    "torn gzip": lambda data: gzip.compress(data + Random(1).randbytes(4000))[:-900],
}


@pytest.mark.parametrize("value", [NAME, KANA, NUMBER])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", PACKED)
def test_a_planted_canary_is_found_in_every_form(tmp_path: Path, value: str, form: str, packed: str) -> None:
    noise = Random(form).randbytes(3000)
    (tmp_path / "planted.bin").write_bytes(noise + PACKED[packed](b"{" + FORMS[form](value) + b"}") + noise)
    findings = sweep([tmp_path], CANARIES).findings
    # A short or random text stands as it is inside an archive too, so it may be found twice.
    assert any(finding.form.endswith("in an archive") == (packed != "plain") for finding in findings)
    assert all(secret not in str(findings) for secret in (NAME, KANA, NUMBER))


@given(before=st.binary(max_size=40), after=st.binary(max_size=40), form=st.sampled_from(sorted(FORMS)))
def test_where_it_lies_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes, form: str
) -> None:
    place = tmp_path_factory.mktemp("sweep") / "file"
    place.write_bytes(before + FORMS[form](NAME) + after)
    assert sweep([place], CANARIES).findings


def test_it_is_found_across_the_border_of_two_reads(tmp_path: Path) -> None:
    for shift in range(-30, 6, 5):
        data = bytearray(9 << 20)
        at = (4 << 20) + shift
        data[at : at + len(NAME.encode())] = NAME.encode()
        (tmp_path / "large.bin").write_bytes(data)
        assert sweep([tmp_path], CANARIES).findings


def test_an_archive_across_the_border_of_two_reads_is_opened(tmp_path: Path) -> None:
    for shift in (-1, -2, -10, 0):
        data = Random(1).randbytes((4 << 20) + shift) + gzip.compress(NAME.encode()) + bytes(100)
        (tmp_path / "large.bin").write_bytes(data)
        assert sweep([tmp_path], CANARIES).findings


def test_a_row_of_a_database_and_of_its_log_is_found(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "rows.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE t (x)")
    database.execute("INSERT INTO t VALUES (?)", (NAME,))
    database.commit()
    places = {finding.place for finding in sweep([tmp_path], CANARIES).findings}
    database.close()
    assert any(place.endswith("-wal") for place in places)


def test_a_file_name_is_searched_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / f"{NUMBER}.csv").write_text(NUMBER)
    findings = sweep([tmp_path], CANARIES).findings
    assert findings
    assert NUMBER not in str(findings)


def test_what_is_left_out_is_not_searched(tmp_path: Path) -> None:
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange" / "in.csv").write_text(NUMBER)
    assert not sweep([tmp_path], CANARIES, leave_out=[tmp_path / "exchange"]).findings


def test_nothing_is_found_in_random_and_in_repetitive_data(tmp_path: Path) -> None:
    write_city(tmp_path / "city.csv", 200, seed=3)
    sought = canaries(tmp_path / "city.csv")
    (tmp_path / "city.csv").unlink()
    (tmp_path / "random.bin").write_bytes(Random(1).randbytes(2 << 20))
    (tmp_path / "zeros.bin").write_bytes(bytes(100_000) + b"0" * 100_000 + gzip.compress(bytes(100_000)))
    (tmp_path / "text.json").write_text(json.dumps([f"架空県架空市見本町{n:012d}" for n in range(2000)]))
    (tmp_path / "empty").touch()
    found = sweep([tmp_path], sought)
    assert found.findings == ()
    assert found.files == 4


def test_a_canary_that_could_turn_up_by_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        sweep([], {"name": ["見本太郎"]})
