"""Turns the samples of several rounds into figures: for each measure of each case, its median, least and most."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure over all rounds; the unit stands in the measure's name."""

    median: float
    least: float
    most: float
    samples: int


@dataclass(slots=True)
class Table:
    """Samples by case and measure, in the order in which they first came."""

    title: str
    _samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, case: str, sample: Mapping[str, float]) -> None:
        """One round's sample of a case: measure → value."""
        measures = self._samples.setdefault(case, {})
        for measure, value in sample.items():
            measures.setdefault(measure, []).append(value)

    def figures(self) -> dict[str, dict[str, Figure]]:
        """Case → measure → figure."""
        return {
            case: {measure: _figure(values) for measure, values in measures.items()}
            for case, measures in self._samples.items()
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that at least this share (0 to 1) of the values does not exceed: nearest rank, never between."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _figure(values: list[float]) -> Figure:
    return Figure(statistics.median(values), min(values), max(values), len(values))
