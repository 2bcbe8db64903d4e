"""Check digits against published vectors, calendars, and the search for a number that hides in free text."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import SchemaValidator, core_schema

from gateway.plugin import checks

# Published vectors (interfaces.md §10.1): eleven digits and their check digit.
INDIVIDUAL_NUMBERS = ["123456789018", "983205673214", "000000000000", "111111111118"]
# The same for municipalities (§10.2).
MUNICIPALITIES = ["131016", "011002", "271004", "141003", "401307", "472018", "130001", "010006", "999997"]
MADE_UP = "000012345674"
KANJI = "〇一二三四五六七八九"
FORMAL = [
    "零壱弐参肆伍陸漆捌玖",
    "零壹貳參四五六柒八九",
    "零弌貮弎四五六七八九",
    "零一弍三四五六七八九",
    "〇〡〢〣〤〥〦〧〨〩",
]
ROMAN = ["0ⅠⅡⅢⅣⅤⅥⅦⅧⅨ", "0ⅰⅱⅲⅳⅴⅵⅶⅷⅸ"]
CIRCLES = "○◯\uffee"
ALONE = "".join(dict.fromkeys("".join(FORMAL)[1:] + "".join(each[1:] for each in ROMAN) + CIRCLES))


@pytest.mark.parametrize("number", INDIVIDUAL_NUMBERS)
def test_published_individual_numbers_hold_and_no_other_digit_does(number):
    assert checks.individual_number(number)
    others = (number[:-1] + digit for digit in "0123456789" if digit != number[-1])
    assert not any(checks.individual_number(each) for each in others)


def test_a_remainder_of_one_gives_the_check_digit_zero():
    """The one case that no published vector shows: 6 times 2 is 12, which leaves 1 (§10.1)."""
    assert checks.individual_number("000060000000")


def test_the_printed_sample_card_is_not_a_valid_number():
    assert not checks.individual_number("123456789012")


@pytest.mark.parametrize("code", MUNICIPALITIES)
def test_published_municipality_codes_hold_and_no_other_digit_does(code):
    assert checks.municipality_code(code)
    others = (code[:-1] + digit for digit in "0123456789" if digit != code[-1])
    assert not any(checks.municipality_code(each) for each in others)


@pytest.mark.parametrize("check", [checks.individual_number, checks.municipality_code])
@given(text=st.text())
def test_only_ascii_digits_of_the_right_length_are_tried(check, text):
    if check(text):
        assert text.isascii()
        assert text.isdigit()
    assert not check(text + "０")
    assert not check("٠" * 6)
    assert not check("٠" * 12)


@given(day=st.dates())
def test_every_date_that_exists_is_one_in_one_form(day):
    assert checks.calendar_date(day.isoformat())
    assert not checks.calendar_date(day.strftime("%Y%m%d"))
    assert not checks.calendar_date(day.isoformat() + " ")


@pytest.mark.parametrize(
    "text", ["2026-02-29", "2026-13-01", "2026-00-10", "0000-01-01", "2026-W01-1", "２０２６-01-01"]
)
def test_dates_that_do_not_exist(text):
    assert not checks.calendar_date(text)


@pytest.mark.parametrize(
    "text", ["2026-04-01T09:30:00+09:00", "2026-04-01T00:30:00Z", "2026-04-01T09:30:00.123456-03:30"]
)
def test_instants(text):
    assert checks.instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-01T09:30:00",
        "2026-04-01 09:30:00Z",
        "2026-04-01T24:00:00Z",
        "2026-04-01T09:30Z",
        "2026-02-30T09:30:00Z",
        "2026-04-01T09:30:00+25:00",
        "2026-04-01T09:30:00+09:60",
        "2026-04-01T09:30:00z",
        "2026-04-01T09:30:00Z\n",
    ],
)
def test_what_is_no_instant(text):
    assert not checks.instant(text)


@pytest.mark.parametrize(
    "character",
    [
        "\x00",
        "\t",
        "\n",
        "\x1f",
        "\x7f",
        "\x9f",
        "\u2028",
        "\u2029",
        "\ufeff",
        "\uffff",
        "\ufdd0",
        "\U0001fffe",
        "\U000e0001",
        "\U000e0030",
    ],
)
def test_control_characters_and_non_characters(character):
    assert checks.has_control_character(f"架空{character}太郎")


@pytest.mark.parametrize("text", ["髙﨑　花子", "ｶｸｳ ﾀﾛｳ", "𠮷野", "葛\U000e0100城", "é"])
def test_rare_kanji_variants_and_half_width_kana_pass(text):
    assert not checks.has_control_character(text)


FILLERS = ["\u3164", "\u115f", "\u1160", "\uffa0"]
SEPARATORS = [
    "",
    " ",
    "-",
    "　",
    "－",
    "・",
    "\u200b",
    "/",
    ".",
    "\n",
    "()",
    "ー",
    "ｰ",
    "一",
    "の",
    "ノ",
    "ﾉ",
    *FILLERS,
]
STILL_OTHER = [
    *FORMAL,
    *ROMAN,
    "\uf9b2一二三四五六七八九",
    *(f"{each}一二三四五六七八九" for each in CIRCLES),
    "○123456789",
]
WRITINGS = ["0123456789", "０１２３４５６７８９", "〇一二三四五六七八九", "⓪①②③④⑤⑥⑦⑧⑨", "⓿❶❷❸❹❺❻❼❽❾", "⓪⓵⓶⓷⓸⓹⓺⓻⓼⓽"]


@given(
    separators=st.lists(st.sampled_from(SEPARATORS), min_size=11, max_size=11),
    wide=st.lists(st.booleans(), min_size=12, max_size=12),
    around=st.tuples(st.sampled_from(["", "番号", "個人番号：", "abc"]), st.sampled_from(["", "です", " 様", "x"])),
)
def test_a_number_is_found_however_it_is_written(separators, wide, around):
    digits = [chr(ord(d) + 0xFEE0) if w else d for d, w in zip(MADE_UP, wide, strict=True)]
    text = around[0] + "".join(d + s for d, s in zip(digits, [*separators, ""], strict=True)) + around[1]
    assert checks.holds_individual_number(text)


@pytest.mark.parametrize("writing", [*WRITINGS, *STILL_OTHER])
@pytest.mark.parametrize("separator", ["", "-", "ー", "ｰ", "の", *FILLERS])
def test_a_number_is_found_in_every_writing_of_the_country(writing, separator):
    written = MADE_UP.translate(str.maketrans("0123456789", writing))
    assert checks.holds_individual_number(f"番号{written[:4]}{separator}{written[4:8]}{separator}{written[8:]}です")


@given(st.lists(st.sampled_from(WRITINGS[:2]), min_size=12, max_size=12), st.sampled_from(WRITINGS[2:]))
def test_a_number_may_change_its_writing(ordinary, other):
    last = [other if digit > 8 else writing for digit, writing in enumerate(ordinary)]
    assert checks.holds_individual_number(
        "".join(writing[int(digit)] for digit, writing in zip(MADE_UP, last, strict=True))
    )


@pytest.mark.parametrize("written", ["⓪" * 12, "٠" * 12, "𝟎" * 12, "⁰" * 12])
def test_other_digits_count_as_digits(written):
    assert checks.holds_individual_number(written)


@pytest.mark.parametrize(
    "text",
    [
        "1-2-3 000000000000",
        "000000000000 3階",
        "電話03-1234-5678 000000000000",
        "①000000000000",
        "第一000000000000",
        "3の000000000000",
        "❶〇〇〇〇〇〇〇〇〇〇〇〇",
        "大陸零零零零壱弐参肆伍陸漆肆参照",
    ],
)
def test_a_number_that_stands_beside_other_digits_is_found(text):
    """An address ends in digits more often than not; a separator must not glue the number to them."""
    assert checks.holds_individual_number(text)


@given(
    separators=st.lists(st.sampled_from(["", "-", *CIRCLES]), min_size=11, max_size=11),
    around=st.tuples(st.text(ALONE, max_size=3), st.text(ALONE, max_size=3)),
    writing=st.sampled_from(WRITINGS),
)
def test_what_is_a_digit_in_some_texts_only_hides_no_number_beside_it(separators, around, writing):
    """They are parts of names and marks of lists more often than digits."""
    written = "".join(a + b for a, b in zip(MADE_UP, [*separators, ""], strict=True))
    assert checks.holds_individual_number(
        around[0] + written.translate(str.maketrans("0123456789", writing)) + around[1]
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "○" * 12,
        "番号は○○○○-○○○○-○○○○です",
        "◯" * 30,
        "○ある ○ない",
        "大陸の漆器を参照、伍長の玖珂さん、零時",
        "第Ⅲ期 Ⅰ-Ⅱ",
        "架空市1-2-3",
        "123456789012",
        "0000000000000",
        "00000000000",
        "〇" * 11,
        "〇" * 13,
        "⓪" * 13,
        "2026-04-01 2026-05-01",
        "架空市0000番地1234号室5674",  # the digits of a number, with letters between
        "架空市一丁目二番三号四五六ビル七八九〇号室",
        "架空市00の001ー23号45674",
        "コーヒーのみのる 090-0000-0000",
    ],
)
def test_what_is_not_an_individual_number_passes(text):
    assert not checks.holds_individual_number(text)


@given(st.text())
def test_the_checks_never_raise(text):
    for check in checks.CHECKS.values():
        assert check.holds(text) in (True, False)
    checks.holds_individual_number(text)
    checks.has_control_character(text)


# ---- what the validator knows without asking Python ----------------------------------------------------------------


def of_form(form, text):
    return SchemaValidator(core_schema.str_schema(pattern=form, regex_engine="rust-regex")).isinstance_python(text)


def read_as_digits(character):
    if character in "".join(ROMAN):
        return [character]
    plain = unicodedata.normalize("NFKC", character)
    return [c for c in plain if unicodedata.digit(c, None) is not None or c in KANJI + ALONE]


def test_no_character_that_is_read_as_a_digit_is_overlooked():
    """Twelve of it could be an individual number: then the search may not be spared. What counts as one is one."""
    few = SchemaValidator(core_schema.str_schema(pattern=checks.FEW_DIGITS, regex_engine="rust-regex"))
    for code in range(sys.maxunicode + 1):
        if few.isinstance_python(chr(code) * 12):
            assert not read_as_digits(chr(code)), hex(code)
        elif few.isinstance_python(chr(code) * 11):
            assert len(read_as_digits(chr(code))) == 1, hex(code)


@pytest.mark.parametrize(
    "texts", [st.text(), st.text("0123456789０９-－ 　・Ⅲ①⑫٠\u200b号〇一九㊀❶⓵፩ーの\u3164零壱Ⅸ〩○\uf9b2", max_size=40)]
)
@given(data=st.data())
def test_a_text_with_few_digits_holds_no_individual_number(texts, data):
    text = data.draw(texts)
    assert not (of_form(checks.FEW_DIGITS, text) and checks.holds_individual_number(text))


@pytest.mark.parametrize(
    "character",
    [*"\u200b\u200d\u2060\u202e\u2067\u00ad\U000e0001\ue000\U000f0000\U000e0fff\x07\u034f\u115f\u2800\u3164"],
)
def test_what_nobody_sees(character):
    assert checks.has_unseen_character(f"架空{character}太郎")


@pytest.mark.parametrize(
    "text", ["葛\U000e0100飾", "神\ufe00戸", "架空\u3000太郎", "か\u3099", "\U000323b0\U0003347f", "é 𠮷"]
)
def test_a_variant_of_a_kanji_and_a_new_kanji_are_seen(text):
    assert not checks.has_unseen_character(text)


def test_no_control_character_is_overlooked():
    none = SchemaValidator(core_schema.str_schema(pattern=checks.NO_CONTROL, regex_engine="rust-regex"))
    for code in (each for each in range(sys.maxunicode + 1) if not 0xD800 <= each < 0xE000):
        assert none.isinstance_python(chr(code)) != checks.has_control_character(chr(code)), hex(code)


@pytest.mark.parametrize("name", [name for name, check in checks.CHECKS.items() if check.surely])
@given(data=st.data())
def test_what_surely_holds_does(name, data):
    check = checks.CHECKS[name]
    form = (check.surely or "").removesuffix(r"\z")
    assert check.holds(data.draw(st.from_regex(form, fullmatch=True)))
