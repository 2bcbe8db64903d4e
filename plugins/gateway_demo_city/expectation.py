"""What the record system must hold in the end, gathered while the city's rows go by, without keeping them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from gateway_demo_city.city import Row
from gateway_demo_city.faults import OTHER_MUNICIPALITY, Expected
from gateway_demo_city.people import MUNICIPALITY, Cells

_FLAGS: Final = ("control_flag_recovery", "control_flag_nondisclosure", "control_flag_view_suspended")
_NOBODY: Final = "009999999999999"


@dataclass(slots=True)
class Expectation:
    """Counts over all accepted rows, and the last accepted state of a sample of persons."""

    sample_every: int
    persons: int = 0
    versions: int = 0
    deleted: int = 0
    numbers: int = 0
    deleted_numbers: int = 0
    sample: dict[str, Cells] = field(default_factory=dict, repr=False)

    def gather(self, rows: Iterable[Row]) -> Iterator[tuple[int, str, Expected]]:
        """Pass on number, kind and expected outcome of each row."""
        for row in rows:
            if row.expected.ending == "accepted":
                self._accepted(row.cells)
            yield row.number, row.kind, row.expected

    def _accepted(self, cells: Cells) -> None:
        first = cells["change_type"] == "1"
        self.persons += first
        self.versions += 1
        self.deleted += cells["change_type"] == "3"
        if cells["individual_number"]:
            self.numbers += first
            self.deleted_numbers += cells["change_type"] == "3"
        if cells["internal_no"] in self.sample or (first and self.persons % self.sample_every == 0):
            self.sample[cells["internal_no"]] = cells

    def questions(self) -> list[dict[str, str]]:
        """Look-ups of the sample, then of a number that nobody has, then of a known one in another municipality."""
        asked = [{"internal_no": number, "municipality_code": MUNICIPALITY} for number in self.sample]
        known = next(iter(self.sample), _NOBODY)
        return [
            *asked,
            {"internal_no": _NOBODY, "municipality_code": MUNICIPALITY},
            {"internal_no": known, "municipality_code": OTHER_MUNICIPALITY},
        ]

    def right(self, index: int, reply: Mapping[str, Any]) -> bool:
        """Whether this reply answers question `index` as it must, and tells nothing beside it."""
        states = list(self.sample.values())
        if index >= len(states) or states[index]["change_type"] == "3":
            return reply.get("code") == "no_such_person" and "record" not in reply
        record, state = reply.get("record"), states[index]
        if not isinstance(record, dict) or set(record) != {*_KNOWN, "vaccination_subject_no"}:
            return False
        same_time = datetime.fromisoformat(record["updated_at"]) == datetime.fromisoformat(state["updated_at"])
        same_flags = all(record[flag] is (state[flag] == "1") for flag in _FLAGS)
        number, seq = record["internal_no"], str(record["update_seq"])
        return same_time and same_flags and (number, seq) == (state["internal_no"], state["update_seq"])


_KNOWN: Final = ("internal_no", "updated_at", "update_seq", *_FLAGS)
