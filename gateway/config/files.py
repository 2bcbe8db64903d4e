"""The configuration's files as closed models: what each may say, in which unit, and the default.

An unknown key is an error, as is a number, a date or a yes in quotes, and no error prints a value. Every number is
bounded, so that no sum of times or sizes overflows later.
"""

import re
from collections.abc import Container, Mapping, Sequence
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints, model_validator

from gateway.config.japan import public_holiday
from gateway.messages import staff_id
from gateway.plugin.attest import ClaimName
from gateway.plugin.contract import NAME, Text
from gateway.plugin.item import DataClass

_NAME: Final = f"^{NAME}$"
PLAIN_WORD: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$"
_CODE: Final = r"^[0-9]{6}$"
_PLACE: Final = f"^[0-9]{{6}}/{NAME}$"
_URL: Final = r"^https://[^/]+/?$"
_PREFIX: Final = r"^https://[^/?#\s]+(/[^?#\s]*)?$"
_DIGEST: Final = r"^[0-9a-f]{64}$"
_PATH: Final = r"^[a-z][a-z0-9_.\[\]]{0,127}$"
FORMS: Final = MappingProxyType(
    {
        _NAME: "a name: lower-case letters, digits and _, beginning with a letter",
        PLAIN_WORD: "a word: letters, digits and ._:/-, beginning with a letter or digit",
        _PATH: "a field's path as the locked interface writes it",
        _CODE: "a code of 6 digits",
        _DIGEST: "a digest: 64 hexadecimal digits",
        _PLACE: "a tenant's code and a connector's name, as 999997/some_connector",
        _URL: "an address such as https://hub.example:8446",
        _PREFIX: "an address such as https://witness.example:8450, with or without a path",
    }
)
"""What each pattern asks for, for people."""
Name = Annotated[str, StringConstraints(pattern=_NAME)]
Word = Annotated[str, StringConstraints(pattern=PLAIN_WORD)]
FieldPath = Annotated[str, StringConstraints(pattern=_PATH)]
Label = Annotated[Text, StringConstraints(min_length=1, max_length=200)]
BodyCode = Annotated[str, StringConstraints(pattern=_CODE)]
Place = Annotated[str, StringConstraints(pattern=_PLACE)]
"""A connector of a tenant: `999997/some_connector`."""
Whole = Annotated[int, Strict(), Field(le=2**31 - 1)]
Flag = Annotated[bool, Strict()]
Day = Annotated[date, Strict()]
Seconds = Annotated[float, Strict(), Field(le=366 * 24 * 3600)]
Allowed = Literal["use", "entrustment", "transfer", "inquiry", "provision"]
"""利用, 委託, 移転, 情報照会, 提供: what a legal basis lets people do, as the assessment's form splits it."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
Port = Annotated[int, Strict(), Field(ge=0, le=65535)]


def _is_staff_id(name: str) -> str:
    if not staff_id(name):
        raise ValueError("must be a staff id: 1 to 32 letters, digits and ._- with fewer than 12 digits together")
    return name


StaffId = Annotated[str, AfterValidator(_is_staff_id)]
"""As the headers carry it; in the clear, so nothing that could be a 個人番号."""


def _is_no_number(name: str) -> str:
    if re.search("[0-9]{12}", name.replace("_", "")):
        raise ValueError("must have fewer than 12 digits together")
    return name


SaidName = Annotated[Name, AfterValidator(_is_no_number)]
"""A name that an edge process says to its hub, to stand in facts as it is."""


class Closed(BaseModel):
    """Base of every configuration model: an unknown key is an error, and errors do not print values."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=False, allow_inf_nan=False
    )


class Listener(Closed):
    """An HTTPS entrance with mutual TLS, standing in one zone. Paths are relative to the root."""

    name: SaidName
    zone: str
    host: str
    port: Port
    certificate: str
    key: str
    client_ca: str


class Admin(Closed):
    """The operators' listener. Each operator is one pinned personal certificate; the name stands in every act."""

    host: str
    port: Port
    certificate: str
    key: str
    client_ca: str
    operators: dict[SaidName, str]


class LinkListener(Closed):
    """`[link.listen]`, in a hub's file: where edge processes come in."""

    host: str
    port: Port
    certificate: str
    key: str
    client_ca: str


class EdgeProcess(Closed):
    """`[link.edges.<name>]`, in a hub's file: one edge process, its pinned certificate, and for whom it may speak.

    `listeners` are the certificates that it serves with: the hub knows by them that they are no person's.
    """

    certificate: str
    listeners: tuple[str, ...] = ()
    connectors: tuple[Place, ...] = Field(min_length=1)


class HubAddress(Closed):
    """`[link.hub]`, in an edge's file: where the hub is, and which connectors this process runs."""

    url: Annotated[str, StringConstraints(pattern=_URL)]
    certificate: str
    key: str
    ca: str
    connectors: tuple[Place, ...] = Field(min_length=1)


class Link(Closed):
    """`[link]`: how hub and edges meet when they are processes of their own. Without it they are one process."""

    listen: LinkListener | None = None
    edges: dict[Name, EdgeProcess] = Field(default_factory=dict)
    hub: HubAddress | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.hub is None) == (self.listen is None) or bool(self.edges) != (self.listen is not None):
            raise ValueError("link is that of a hub (listen and edges) or that of an edge (hub)")
        return self


class WitnessAddress(Closed):
    """`[[witnesses]]`: who cosigns the logs' checkpoints (c2sp.org/tlog-witness). `url` is its submission prefix, `key`
    the file of its public key.
    """

    url: Annotated[str, StringConstraints(pattern=_PREFIX)]
    key: str
    ca: str


class JournalSettings(Closed):
    """Where the stores lie, and how often a checkpoint is signed, after so many facts or so many seconds, and given to
    the witnesses.
    """

    directory: str = "state/journal"
    checkpoint_facts: Whole = Field(1000, ge=1)
    checkpoint_seconds: Seconds = Field(10.0, gt=0)
    witness_seconds: Seconds = Field(60.0, gt=0)
    wal_bytes: Whole = Field(64 * 1024 * 1024, ge=1024 * 1024)


class Limits(Closed):
    """Bounds on what is taken in and how long it is kept trying. Sizes in bytes, times in seconds."""

    # A tighter `le` stands in the annotation: pydantic lets that of `Whole` or `Seconds` win over one beside the
    # default.
    body_bytes: Whole = Field(4 * 1024 * 1024, ge=1024)
    records_per_message: Annotated[Whole, Field(le=10_000)] = Field(1000, ge=1)
    open_records: Whole = Field(200_000, ge=1)
    lanes: Annotated[Whole, Field(le=65536)] = Field(4096, ge=1)
    in_flight: Annotated[Whole, Field(le=1000)] = Field(16, ge=1)
    message_seconds: Seconds = Field(72 * 3600, gt=0)
    answer_seconds: Annotated[Seconds, Field(le=600)] = Field(120.0, gt=0)
    delivery_deadline: Seconds = Field(30.0, gt=0)
    request_patience: Seconds = Field(10.0, gt=0)
    retry_first: Seconds = Field(1.0, gt=0)
    retry_longest: Seconds = Field(900.0, gt=0)
    attempts: Whole = Field(50, ge=1)
    drain_seconds: Seconds = Field(20.0, ge=0)

    def carried_seconds(self, route: "Route", *, reply: bool) -> float:
        """How long a message may be carried. An answer to a proof is of one moment: flags may be set in the next."""
        lives = [self.message_seconds]
        if route.message_seconds is not None:
            lives.append(route.message_seconds)
        if reply and route.attest:
            lives.append(self.answer_seconds)
        return min(lives)


class SyslogReceiver(Closed):
    """`[exports.syslog]`: a receiver of RFC 5424 messages over TLS. `enterprise` is the private enterprise number under
    which their structured data stands; 32473 is the one for examples (RFC 5612).
    """

    host: str
    port: Annotated[Port, Field(ge=1)]
    certificate: str
    key: str
    ca: str
    enterprise: Whole = Field(32473, ge=1)


class Export(Closed):
    """`[[exports]]`: the facts of some logs, in a form that other tools read, into a folder or to a syslog receiver.

    `tenants` are the tenants whose logs they are; `system` is the system's. Without `kinds`, facts of all kinds.
    """

    name: SaidName
    form: Literal["jsonl", "fhir", "syslog"]
    tenants: tuple[Word, ...] = Field(min_length=1)
    kinds: tuple[Word, ...] = ()
    folder: str | None = None
    syslog: SyslogReceiver | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.form == "syslog") != (self.syslog is not None) or (self.folder is None) != (self.form == "syslog"):
            raise ValueError("an export of the form syslog has [exports.syslog], one of another form its folder")
        return self


class GatewayFile(Closed):
    """`config/gateway.toml`."""

    name: Word
    passphrase: str
    listeners: tuple[Listener, ...] = ()
    admin: Admin
    journal: JournalSettings = JournalSettings()
    limits: Limits = Limits()
    link: Link | None = None
    witnesses: tuple[WitnessAddress, ...] = ()
    exports: tuple[Export, ...] = ()

    @property
    def role(self) -> Literal["run", "hub", "edge"]:
        """By which command this process starts."""
        if self.link is None:
            return "run"
        return "hub" if self.link.hub is None else "edge"


class Zone(Closed):
    """領域: where a system lives, and the data classes that it may ever carry (C159)."""

    label: Text
    internet: Flag
    clearance: frozenset[DataClass]


class ZonesFile(Closed):
    """`config/zones.toml`."""

    zones: dict[Name, Zone]


class LegalBasis(Closed):
    """A reference to the law, or an assessment, with the days on which it is in force, both inclusive (requirements
    §2.1). A renumbered reference is a new entry, and the old one gets its last day: old facts keep it.

    `counterparty` narrows who may be asked or answered under it: a governor only (L6). `allows` says for the assessment
    document which of its chapters speaks of what goes under it; it decides nothing.
    """

    reference: Text
    valid_from: Day
    valid_until: Day | None = None
    counterparty: Literal["governor"] | None = None
    allows: Allowed | None = None

    def in_force(self, day: date) -> bool:
        """Whether the reference is in force on that day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class LegalBasisFile(Closed):
    """`config/legal_basis.toml`."""

    legal_basis: dict[Word, LegalBasis]
    assessment: dict[Word, LegalBasis] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        """Headers cite both kinds in one list; and what it allows and with whom, the law says and no assessment."""
        if both := self.legal_basis.keys() & self.assessment.keys():
            raise ValueError(f"{', '.join(sorted(both))} is both a legal basis and an assessment")
        for key in ("counterparty", "allows"):
            if having := [name for name, each in self.assessment.items() if getattr(each, key) is not None]:
                raise ValueError(f"assessment {', '.join(having)} has {key}, which only a legal basis may have")
        return self


class Former(Closed):
    """A digest that a connector's interface had before its lock changed: valid until that day in Japan, inclusive."""

    connector: Name
    digest: Annotated[str, StringConstraints(pattern=_DIGEST)]
    until: Day


class FormerFile(Closed):
    """`config/interfaces/former.toml`, if there is one: what was sealed under a former lock may still arrive."""

    former: tuple[Former, ...] = ()


class ConnectorEntry(Closed):
    """One enabled connector of a tenant.

    `certificates` are the client certificates pinned to its system, as files. `responsible` is the staff id of the
    person responsible for its automatic batches (requirements §7 no. 65). A `required` connector that cannot be
    loaded stops the start; another is quarantined. `clearance` narrows that of its zone (rule 2).
    """

    zone: str
    clearance: frozenset[DataClass] | None = None
    required: Flag = True
    responsible: StaffId
    certificates: tuple[str, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)


class Route(Closed):
    """経路: a permission for one source operation to reach one destination operation, with exactly these fields.

    A message must attest all of `attest` and may attest `may_attest`; a consent is to one of `consent_texts`, which are
    versions of the purpose text. A reply attests nothing: its request did. What stands in `message_seconds` makes the
    life of its messages shorter, never longer. Events of a route with `hold` are held until two people release them, as
    is what attests `review`. `keep_seconds` after a message has ended its sealed payload is deleted (C117); without it,
    it is kept.

    Its messages cite all of `legal_basis`, of `legal_rows` (項 of the ministerial order's table, L4, L5) those that
    their records have in `row_field`, and the `assessment` that was published for it before it carried anything
    (requirements §7 no. 37). `legal_rows` has the reference for each value of that field.
    """

    id: Word
    source: Name = Field(alias="from")
    operation: Word
    destination: Name = Field(alias="to")
    destination_operation: Word = Field(alias="as")
    fields: tuple[FieldPath, ...] = Field(min_length=1)
    reply_fields: tuple[FieldPath, ...] = ()
    legal_basis: tuple[Word, ...] = Field(min_length=1)
    row_field: FieldPath | None = None
    legal_rows: dict[Word, Word] = Field(default_factory=dict)
    assessment: Word
    purpose: Word
    attest: tuple[ClaimName, ...] = ()
    may_attest: tuple[ClaimName, ...] = ()
    consent_texts: tuple[Word, ...] = ()
    message_seconds: Annotated[Seconds, Field(gt=0)] | None = None
    keep_seconds: Annotated[Seconds, Field(ge=0)] | None = None
    hold: Flag = False

    @property
    def rows(self) -> tuple[str, ...]:
        """The references of its rows, each once, in the order of the table."""
        return tuple(dict.fromkeys(self.legal_rows.values()))

    def row_of(self, record: Mapping[str, object]) -> str | None:
        """The reference of the row that the record has; None if that is none of the route's."""
        value = record.get(self.row_field) if self.row_field is not None else None
        return self.legal_rows.get(value) if isinstance(value, str) else None

    def cites(self, rows: Container[str | None]) -> tuple[str, ...]:
        """What the header of its message cites, in this order, under those of its rows."""
        return (*self.legal_basis, *(each for each in self.rows if each in rows), self.assessment)

    def cited_by(self, cited: Sequence[str]) -> bool:
        """Whether the header of a message under way may cite that: of the legal basis, of the rows at least one if
        there are such, and the assessment last, each once. A basis that was added since, it cannot cite.
        """
        law = cited[:-1]
        return (
            bool(law)
            and cited[-1] == self.assessment
            and len({*law}) == len(law)
            and any(each in self.rows for each in law) == bool(self.rows)
            and {*law} <= {*self.legal_basis, *self.rows}
        )


class Hours(Closed):
    """When people are at work, by Japan's clock: on these weekdays, but not on the days `closed`, from `opens` on and
    before `closes`. A public holiday is a `holiday`, whatever its weekday.
    """

    opens: time = time(7)
    closes: time = time(21)
    weekdays: frozenset[Weekday] = frozenset({"mon", "tue", "wed", "thu", "fri"})
    closed: tuple[Day, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("opens must be before closes")
        return self

    def at_work(self, there: datetime) -> bool:
        """Whether people are at work at that time in Japan."""
        day = there.date()
        weekday = "holiday" if public_holiday(day) else WEEKDAYS[day.weekday()]
        open_day = weekday in self.weekdays and day not in self.closed
        return open_day and self.opens <= there.time() < self.closes


class ReviewSettings(Closed):
    """How often the log and the users are to be reviewed, in days (C107-C114, C047: the sources state no interval), and
    what counts as unusual. `hours_of` are those of people who come by that connector; `hours` those of all others.
    """

    log_days: Annotated[Whole, Field(le=366)] = Field(30, ge=1)
    users_days: Annotated[Whole, Field(le=366)] = Field(90, ge=1)
    hours: Hours = Hours()
    hours_of: dict[Name, Hours] = Field(default_factory=dict)
    burst_times: Whole = Field(10, ge=2)
    burst_facts: Whole = Field(100, ge=2)
    persons_a_day: Whole = Field(50, ge=2)
    refusals_a_day: Whole = Field(10, ge=2)


class TenantFile(Closed):
    """`config/tenants/<code>.toml`. `root_key` is the file of the pinned public key that signs the directory.
    `administrators` (ユーザID管理者, C041) are staff ids, each with the file of a personal certificate. `purposes` say
    in words what the purposes of its routes are, `bodies` the names of other bodies by their codes: for those who
    read reports. What stands in neither is told as it is.
    """

    name: Text
    root_key: str
    directory: str
    directory_version: Whole = Field(1, ge=1)
    administrators: dict[StaffId, str] = Field(default_factory=dict)
    review: ReviewSettings = ReviewSettings()
    purposes: dict[Word, Label] = Field(default_factory=dict)
    bodies: dict[BodyCode, Label] = Field(default_factory=dict)
    connectors: dict[Name, ConnectorEntry]
    routes: tuple[Route, ...]
