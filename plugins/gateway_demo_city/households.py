"""Who plays a part in the rest of the day: children with a parent, and grown-up people, out of the made-up city.

The rule: they are of the first block of the city file, as its last good rows left them; nobody of its first rows, for
PMH lies about the first number that it is asked for.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway_demo_city.city import neighbours
from gateway_demo_city.people import Cells

LEAST: Final = 4
_MOST: Final = 40
_ONE_IN: Final = 25
_NOT_OF_THE_FIRST: Final = 10
_NUMERALS: Final = str.maketrans("0123456789", "〇一二三四五六七八九")
MEASLES_RUBELLA: Final = "SETTING-MR-1"
INFLUENZA: Final = "SETTING-FLU-2026"


@dataclass(frozen=True, slots=True)
class Household:
    """One person who is due a dose, and who acts for a child. All that is made up here is unique and long."""

    place: int
    person: Cells = field(repr=False)

    @property
    def internal_no(self) -> str:
        return self.person["internal_no"]

    @property
    def is_child(self) -> bool:
        """Then a parent logs in for the child."""
        return bool(self.person["guardian_name"])

    @property
    def card(self) -> str:
        return f"CARD{self.place:04d}"

    @property
    def parents_card(self) -> str:
        return f"PARENT{self.place:04d}"

    @property
    def setting(self) -> str:
        """予防接種設定ID."""
        return MEASLES_RUBELLA if self.is_child else INFLUENZA

    @property
    def dose(self) -> str:
        """予防接種管理ID."""
        return f"DOSEMADEUP{self.place:05d}X"

    @property
    def notice(self) -> str:
        """通知ID."""
        return f"NOTICEMADEUP{self.place:05d}X"

    def words(self, what: str) -> str:
        """A text about this person, which nobody else's is like."""
        return f"架空の{what}のための見本の文{f'{self.place:05d}'.translate(_NUMERALS)}番"


def households(residents: int, seed: int) -> list[Household]:
    """Children, then a quarter of grown-up people, as far as there are; fewer than `LEAST` are too few for a day."""
    fit = [person for person in neighbours(residents, seed)[_NOT_OF_THE_FIRST:] if _is_fit(person)]
    most = max(LEAST, min(_MOST, residents // _ONE_IN))
    children = [person for person in fit if person["guardian_name"]][: most - most // 4]
    grown_ups = [person for person in fit if not person["guardian_name"]][: most - len(children)]
    return [Household(place, person) for place, person in enumerate([*children, *grown_ups])]


def _is_fit(person: Cells) -> bool:
    flags = (person["control_flag_nondisclosure"], person["control_flag_view_suspended"])
    lives_here = person["change_type"] != "3" and person["resident_status"] in ("1", "2")
    return bool(person["individual_number"]) and lives_here and flags == ("0", "0")
