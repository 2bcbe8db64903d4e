"""Who the portal knows, in memory: a resident's card, the PMH key until it is handed over, the PMH仮名識別子 from first
use on.

The rule: a key is here from F46 to the end of the hand-over (F47), and in none of our stores afterwards (C140).
"""

import csv
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway_myna_portal.simulated.config import Invalid

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(slots=True)
class Resident:
    """`guardian` is the card of the one who may act for the person. `attempt` names a hand-over without an answer yet;
    `told`: that the key is deleted has been said.
    """

    card: str = field(repr=False)
    pmh_key: str | None = field(default=None, repr=False)
    guardian: str | None = field(default=None, repr=False)
    pseudonym: str | None = field(default=None, repr=False)
    attempt: str | None = None
    linked: bool = False
    told: bool = False


class Residents:
    """By card and by pseudonym."""

    def __init__(self) -> None:
        self._by_card: dict[str, Resident] = {}
        self._by_pseudonym: dict[str, Resident] = {}

    def remember(self, file: Path) -> None:
        """Those who used the portal before, by card and pseudonym: their hand-over is done. Raises Invalid."""
        try:
            with file.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines, strict=True):
                    known = Resident(row["card"], pseudonym=row["pmh_pseudonym_id"], linked=True, told=True)
                    self._by_card[row["card"]] = self._by_pseudonym[row["pmh_pseudonym_id"]] = known
        except (OSError, ValueError, KeyError, csv.Error) as error:
            wrong = "cannot be read as UTF-8 CSV with the columns card and pmh_pseudonym_id"
            raise Invalid([f"residents: {wrong} ({type(error).__name__})"]) from None

    def arrive(self, card: str, pmh_key: str | None, guardian: str | None) -> bool:
        """What the eligibility side says of a resident (F46). A key that comes again after the hand-over is not kept.

        Whether the resident is new.
        """
        known = self._by_card.get(card)
        resident = known or self._by_card.setdefault(card, Resident(card))
        resident.guardian = guardian or resident.guardian
        if not resident.linked:
            resident.pmh_key = pmh_key or resident.pmh_key
        return known is None

    def of_card(self, card: str) -> Resident | None:
        """Whose card it is."""
        return self._by_card.get(card)

    def of_pseudonym(self, pseudonym: str) -> Resident | None:
        """Whom the pseudonym means."""
        return self._by_pseudonym.get(pseudonym)

    def pseudonym(self, resident: Resident) -> str:
        """The resident's PMH仮名識別子; made now if this is the first use (I03). 20 letters: 91 random bits."""
        if resident.pseudonym is None:
            resident.pseudonym = "MP" + "".join(secrets.choice(_LETTERS) for _ in range(20))
            self._by_pseudonym[resident.pseudonym] = resident
        return resident.pseudonym

    def handed_over(self, resident: Resident) -> None:
        """The pseudonym is linked: the key goes (C140)."""
        resident.linked, resident.pmh_key, resident.attempt = True, None, None

    def counts(self) -> dict[str, int]:
        """How many residents, of these with a key, with a pseudonym, linked, with the deletion told."""
        everybody = self._by_card.values()
        return {
            "residents": len(everybody),
            "keys": sum(each.pmh_key is not None for each in everybody),
            "pseudonyms": len(self._by_pseudonym),
            "linked": sum(each.linked for each in everybody),
            "deletions_told": sum(each.told for each in everybody),
        }
