"""What may be asked of a log, in closed forms: nothing of anybody's free choosing comes with a question."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from gateway.config.files import Closed, StaffId
from gateway.hub.days import LogDay
from gateway.hub.search.terms import term
from gateway.messages import WORD

Word = Annotated[str, StringConstraints(pattern=WORD.replace(r"\Z", "$"))]
Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


def _somebody(tag: str) -> str:
    """The tag of zeros stands beside each record that is about nobody: nobody is sought or erased by it."""
    if not tag.strip("0"):
        raise ValueError("it names nobody")
    return tag


Tag = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), AfterValidator(_somebody)]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Reason = Literal["disclosure_request", "correction", "incident", "audit"]
"""Why somebody asks for one person's trail (開示請求, 訂正請求, an incident, an audit)."""
DIMENSIONS: Final = (
    "kind", "connector", "operation", "route", "actor", "terminal", "certificate", "code", "item", "basis"
)  # fmt: skip


class Tags(Closed):
    """One person, by the tags (hex) that the connector's edge made of them in each month."""

    connector: Word
    tags: Annotated[dict[Month, Annotated[list[Tag], Field(max_length=32)]], Field(max_length=120)] = Field(repr=False)

    def by_month(self) -> Mapping[str, frozenset[bytes]]:
        """The tags as the journal has them."""
        return {month: frozenset(map(bytes.fromhex, some)) for month, some in self.tags.items()}


class Sought(Tags):
    """Why that person is sought, and under which case."""

    reason: Reason
    case: StaffId


class Asked(Closed):
    """Facts that meet all of these, and are among `facts` (seqs) if any are named; newest first, or `oldest` first.
    Days are Japan's, `until` is the last. `after` goes on behind the fact of that seq, in that order; no `limit` is
    all.
    """

    message: Id | None = None
    facts: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(max_length=100)] = ()
    kind: Word | None = None
    connector: Word | None = None
    operation: Word | None = None
    route: Word | None = None
    actor: StaffId | None = None
    terminal: StaffId | None = None
    certificate: Word | None = None
    code: Word | None = None
    item: Word | None = None
    basis: Word | None = None
    person: Sought | None = None
    since: LogDay | None = None
    until: LogDay | None = None
    oldest: bool = False
    after: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = 100

    def words(self) -> Iterator[tuple[str, str]]:
        """Dimension and word of each condition that an index answers."""
        return ((name, word) for name in DIMENSIONS if (word := getattr(self, name)) is not None)

    def terms(self) -> frozenset[str]:
        """What a fact must have. A person's tag is beside facts of the connector whose edge made it."""
        words = [*self.words(), *([("connector", self.person.connector)] if self.person else [])]
        return frozenset(term(*each) for each in words)

    def blind(self) -> bool:
        """Whether what is found tells no more of it than its number, message, kind and time."""
        return self.person is None and all(name == "kind" for name, _ in self.words())
