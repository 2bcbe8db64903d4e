import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_health_management.cells import Broken, split
from gateway_health_management.simulator import city_csv

LONGEST = 4096


def read(data: bytes, longest: int = LONGEST) -> list[list[str] | Broken]:
    return list(split(io.BytesIO(data), longest))


def decoded(data: bytes, encoding: str) -> list[list[str]]:
    rows = read(data)
    assert not any(isinstance(row, Broken) for row in rows)
    return [[cell.encode("latin-1").decode(encoding) for cell in row] for row in rows if isinstance(row, list)]


# without the six that CP932 takes from Unicode and gives back as others
in_cp932 = st.characters(codec="cp932", exclude_characters="¢£¬‖−〜")
awkward = st.sampled_from(["", '"', '""', ",", "\r\n", "\n", "\r", "ソ", "表|", "ｶﾞ", "髙﨑", "　x ", "\\", "00", "\0"])
texts = st.lists(awkward | st.text(in_cp932, max_size=5), max_size=4).map("".join)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=5)
)


@settings(deadline=None)
@given(table=tables, encoding=st.sampled_from(["cp932", "utf-8"]))
def test_what_a_system_writes_is_what_is_read(table, encoding):
    assert decoded(city_csv(table[0], table[1:], encoding), encoding) == table


@settings(deadline=None)
@given(data=st.binary(max_size=300) | st.text('a",\r\n\0', max_size=60).map(str.encode), longest=st.integers(1, 64))
def test_no_bytes_make_it_raise_and_no_row_is_longer_than_allowed(data, longest):
    for row in read(data, longest):
        assert isinstance(row, Broken) or sum(map(len, row)) <= longest


@settings(deadline=None)
@given(before=tables, after=tables, broken=st.sampled_from(['"a"b,c', 'a,"b"c"', "a\rb,c"]))
def test_a_row_that_is_broken_within_its_line_leaves_the_others_alone(before, after, broken):
    whole = (
        city_csv(before[0], before[1:], "utf-8") + broken.encode() + b"\r\n" + city_csv(after[0], after[1:], "utf-8")
    )
    rows = read(whole)
    assert rows.count(Broken.ROW) == 1
    assert rows[len(before)] is Broken.ROW
    assert len(rows) == len(before) + 1 + len(after)


@pytest.mark.parametrize(
    "hidden",
    [
        b'"1"x,"a\r\n9,evil\r\n"\r\n',
        b'1\rx,"a\r\n9,evil\r\n"\r\n',
        b'1,"never closed\r\n9,evil\r\n',
        b'"' + b"a" * LONGEST + b"\r\n9,evil\r\n" + b'"\r\n',
    ],
)
def test_what_stands_inside_quotes_is_never_taken_for_a_row(hidden):
    rows = read(b"1,good\r\n" + hidden)
    assert rows == [["1", "good"], Broken.REST]


def test_an_endless_line_is_not_read_into_memory():
    class Endless(io.BytesIO):
        most = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.most = max(self.most, size or 0)
            return b"x" * (size or 0)

    file = Endless()
    assert list(split(file, LONGEST)) == [Broken.REST]
    assert file.most == LONGEST + 1


def test_empty_lines_are_not_rows_and_a_last_line_may_lack_its_end():
    assert read(b"a,b\r\n\r\nc,d\r\n\r\ne,f") == [["a", "b"], ["c", "d"], ["e", "f"]]
