"""A file of the exchange folder while it is in `work/`: what it is, how far it has come, how it ended.

One rule: it is in memory only; after kill -9 it is made again from the file's bytes.
"""

from dataclasses import dataclass, field

from gateway_health_management.forms import Form
from gateway_health_management.rows import Fingerprint
from gateway_health_management.status import Refusal, Results


@dataclass(slots=True)
class TakenFile:
    """`refusal` is set if it was refused whole; `noted`: the log has its end; `published`: so has
    `status/`.

    `broken_off`: after an unclosed quote it is not known where a row begins, so that nothing after it was taken.
    """

    name: str
    form: Form
    known: Fingerprint
    results: Results = field(default_factory=Results)
    refusal: Refusal | None = None
    all_sent: bool = False
    broken_off: bool = False
    noted: bool = False
    published: bool = False

    @property
    def ended(self) -> bool:
        """Whether every row has its end."""
        return self.all_sent and not self.results.pending

    @property
    def end(self) -> str:
        """What the slip calls its end: the code of the refusal, or one of two words."""
        return self.refusal.result.code if self.refusal else "broken_off" if self.broken_off else "finished"
