"""Turns a seed and an ordinal into one made-up resident; nothing here is, or could be taken for, a real person.

Names and places come from pools that Faker fills once, so that a resident costs no call of Faker. Individual numbers
start with 0000, carry a valid check digit and are unique, as are internal numbers.
"""

import unicodedata
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from faker import Faker

MUNICIPALITY: Final = "999997"
Cells: TypeAlias = dict[str, str]
"""One row: item name → text as it stands in the file."""

COLUMNS: Final = {
    "internal_no": "内部番号",
    "municipality_code": "自治体コード",
    "municipality_business_id": "自治体業務ID",
    "individual_number": "個人番号",
    "name": "氏名",
    "name_kana": "カナ",
    "address": "住所",
    "birth_date": "生年月日",
    "sex": "性別",
    "guardian_name": "保護者氏名",
    "resident_status": "住民状態",
    "subject_category": "接種対象者区分",
    "fee_reduction_category": "減免区分",
    "change_type": "変更区分",
    "updated_at": "更新日時",
    "update_seq": "更新連番",
    "deletion_event_date": "削除の異動日",
    "control_flag_recovery": "制御フラグ(リカバリー)",
    "control_flag_nondisclosure": "制御フラグ(不開示)",
    "control_flag_view_suspended": "制御フラグ(閲覧停止)",
}
"""The file's columns in their order: item name → the header that the municipal system writes."""

_RARE_SURNAMES: Final = (
    ("髙﨑", "タカサキ"), ("德永", "トクナガ"), ("濵田", "ハマダ"), ("瀨戸", "セト"), ("栁澤", "ヤナギサワ"),
    ("草彅", "クサナギ"), ("桒原", "クワハラ"), ("神﨑", "カンザキ"), ("齋藤", "サイトウ"), ("邊見", "ヘンミ"),
)  # fmt: skip
_AGES: Final = (("A1", 2019, 7, True), ("A2", 2010, 9, True), ("R1", 1965, 40, False), ("B1", 1932, 30, False))
"""Category, first year of birth, how many years, whether a guardian stands beside the person."""


def check_digit(eleven: str) -> int:
    """検査用数字 of a 個人番号 (総務省令第85号第5条): P1 is the digit before it, weights 2–7 and again 2–6."""
    rest = sum(int(digit) * (n + 1 if n <= 6 else n - 5) for n, digit in enumerate(reversed(eleven), start=1)) % 11
    return 0 if rest <= 1 else 11 - rest


def individual_number(ordinal: int) -> str:
    """The made-up 個人番号 of a resident: 0000, seven digits that no other ordinal below 10^7 has, a check digit."""
    eleven = f"0000{(ordinal * 7_654_321 + 2_718_281) % 10**7:07d}"
    return f"{eleven}{check_digit(eleven)}"


def internal_no(ordinal: int) -> str:
    """The made-up 内部番号 of a resident: 15 digits with leading zeros, unique, unlike any counter or time."""
    return f"{(ordinal * 7_776_543_210_987 + 3_141_592_653_589) % 10**13:015d}"


def half_width(katakana: str) -> str:
    """Half-width kana, as municipal systems write カナ."""
    return "".join(_HALF.get(character, character) for character in unicodedata.normalize("NFC", katakana))


def _half_width_table() -> dict[str, str]:
    table = {"　": " "}
    for code in range(0xFF61, 0xFFA0):
        for mark in ("", "ﾞ", "ﾟ"):
            full = unicodedata.normalize("NFKC", chr(code) + mark)
            if len(full) == 1:
                table[full] = chr(code) + mark
    return table


_HALF: Final = _half_width_table()
_NUMERALS: Final = str.maketrans("0123456789", "〇一二三四五六七八九")
_NUMERALS_KANA: Final = str.maketrans("0123456789", "ﾏﾋﾌﾐﾖｲﾑﾅﾔｺ")


@dataclass(frozen=True, slots=True)
class Pools:
    """What residents are put together from: (kanji, half-width kana) pairs and places."""

    surnames: tuple[tuple[str, str], ...]
    given: dict[str, tuple[tuple[str, str], ...]]
    towns: tuple[str, ...]
    buildings: tuple[str, ...]

    @classmethod
    def seeded(cls, seed: int) -> "Pools":
        """The same pools for the same seed."""
        fake = Faker("ja_JP")
        fake.seed_instance(seed)

        def pairs(draw: str) -> tuple[tuple[str, str], ...]:
            drawn = (getattr(fake, draw)() for _ in range(200))
            return tuple(dict.fromkeys((kanji, half_width(kana)) for kanji, kana, _ in drawn))

        return cls(
            surnames=pairs("last_name_pair") + tuple((kanji, half_width(kana)) for kanji, kana in _RARE_SURNAMES),
            given={"1": pairs("first_name_male_pair"), "2": pairs("first_name_female_pair")},
            towns=tuple(dict.fromkeys(fake.town() for _ in range(200))),
            buildings=tuple(dict.fromkeys(fake.building_name() for _ in range(50))),
        )

    def address(self, random: Random) -> str:
        """A place in 架空市, with what real ones have: full-width digits and spaces, a comma, quotes, a Roman Ⅲ."""
        town = f"架空県架空市見本町{random.choice(self.towns)}{random.randint(1, 9)}丁目{random.randint(1, 40)}"
        building, room = random.choice(self.buildings), random.randint(101, 999)
        match random.randrange(8):
            case 0:
                return f"{town}番地　{building}Ⅲ　{room}号室"
            case 1:
                return f'{town}-{random.randint(1, 30)}, "{building}" {room}'
            case 2:
                return unicodedata.normalize("NFKC", town).replace("丁目", "－") + f"－{random.randint(1, 30)}"
            case _:
                return f"{town}番{random.randint(1, 30)}号"


def resident(ordinal: int, random: Random, pools: Pools) -> Cells:
    """The first state of a resident, as the municipal system registers it (change type 1)."""
    category, first_year, years, minor = random.choices(_AGES, weights=(25, 20, 15, 40))[0]
    sex = random.choice("12")
    surname, given = random.choice(pools.surnames), random.choice(pools.given[sex])
    space = "　" if random.random() < 0.8 else " "
    name, kana = f"{surname[0]}{space}{given[0]}", f"{surname[1]} {given[1]}"
    guardian = f"{surname[0]}{space}{random.choice(pools.given[random.choice('12')])[0]}" if minor else ""
    address = pools.address(random)
    if ordinal % 8 == 0:  # a canary: long and unique in every free text, made of characters that are no digits
        mark, mark_kana = (f"{ordinal:08d}".translate(table) for table in (_NUMERALS, _NUMERALS_KANA))
        name, kana, address = f"{name}見本{mark}", f"{kana} ﾐﾎﾝ {mark_kana}", f"{address}見本{mark}"
        guardian = f"{guardian}見本親{mark}" if guardian else ""
    off_register = random.random() < 0.06  # 住登外: known to the municipality, not on its register
    return {
        "internal_no": internal_no(ordinal),
        "municipality_code": MUNICIPALITY,
        "municipality_business_id": f"{random.randint(1, 9):03d}",
        "individual_number": "" if off_register and random.random() < 0.5 else individual_number(ordinal),
        "name": name,
        "name_kana": kana,
        "address": address,
        "birth_date": f"{first_year + random.randrange(years)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}",
        "sex": "9" if random.random() < 0.005 else sex,
        "guardian_name": guardian,
        "resident_status": "2" if off_register else "1",
        "subject_category": category,
        "fee_reduction_category": "1" if category == "B1" else "0",
        "change_type": "1",
        "updated_at": _moment(10, random),
        "update_seq": "1",
        "deletion_event_date": "",
        "control_flag_recovery": "0",
        "control_flag_nondisclosure": "1" if random.random() < 0.01 else "0",
        "control_flag_view_suspended": "1" if random.random() < 0.01 else "0",
    }


def _moment(day: int, random: Random) -> str:
    return (
        f"2026-04-{day:02d}T{random.randint(8, 17):02d}:{random.randint(0, 59):02d}:{random.randint(0, 59):02d}+09:00"
    )


def later(state: Cells, random: Random, **changes: str) -> Cells:
    """A newer version of a state: a later day, or on the same day only a higher 更新連番."""
    moment, seq = state["updated_at"], int(state["update_seq"])
    if random.random() < 0.7:
        moment = _moment(int(moment[8:10]) + random.randint(1, 5), random)
    return {**state, "change_type": "2", "updated_at": moment, "update_seq": str(seq + 1), **changes}


def life(first: Cells, random: Random, pools: Pools) -> list[Cells]:
    """The states of one resident, oldest first: most stay, some move, leave, die, are corrected or deleted."""
    states = [first]
    fate = random.random()
    if fate < 0.08:
        states.append(later(first, random, address=pools.address(random)))
    elif fate < 0.11:
        states.append(
            later(first, random, resident_status="3", address="架空県別架空市見本町" + random.choice(pools.towns))
        )
    elif fate < 0.15:
        states.append(later(first, random, resident_status="4"))
    elif fate < 0.18:
        surname, given = random.choice(pools.surnames), first["name_kana"].split(" ")[1]
        states.append(later(first, random, name=f"{surname[0]}　訂正", name_kana=f"{surname[1]} {given}"))
        states.append(later(states[-1], random, control_flag_recovery="1"))
    elif fate < 0.20:
        states.append(later(first, random, change_type="3", deletion_event_date="2026-04-25"))
    return states
