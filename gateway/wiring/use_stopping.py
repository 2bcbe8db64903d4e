"""One person's use stopped at one connector, or resumed: the list is changed where the keys lie, once the hub has it as
a fact. Who it is does not leave this process.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.config import Config
from gateway.edge.rules import operations_at
from gateway.errors import Misconfigured
from gateway.keys.layout import TenantKeys
from gateway.keys.private import EdgeKeys
from gateway.keys.use_stops import UseStops, changing, person_digest, read_use_stops, write_use_stops
from gateway.messages import stamp
from gateway.plugin.contract import ContractField
from gateway.wiring.opening import open_directory, open_keys
from gateway.wiring.tagging import named_persons


@dataclass(frozen=True, slots=True)
class UseStopping:
    """The list of one connector, which nobody else changes meanwhile. `fields` are those by which records at its edge
    name a person, each with the operations that do.
    """

    folder: Path
    keys: EdgeKeys
    former: UseStops
    fields: Mapping[str, Sequence[str]]
    _sound: Mapping[str, Sequence[ContractField]]

    def person(self, said: bytes) -> "Whom":
        """Whom one JSON object names. Raises Misconfigured, never with a value."""
        named = list(named_persons(said, self._sound))
        names = {name for name, _ in named}
        return Whom(
            frozenset(person_digest(self.keys, person) for _, person in named),
            {name: operations for name, operations in self.fields.items() if name not in names},
        )

    def stop(self, whom: "Whom", case: str, now: datetime, record: Callable[[], object]) -> bool:
        """False if it was so already, and then nothing is recorded. Raises Misconfigured if the list cannot be written,
        and what `record` raises: then nothing has changed.
        """
        return self._change(self.former.stop(whom.digests, case, stamp(now)), record)

    def resume(self, whom: "Whom", case: str, record: Callable[[], object]) -> bool:
        """The same, the other way round."""
        return self._change(self.former.resume(whom.digests, case), record)

    def _change(self, fresh: UseStops, record: Callable[[], object]) -> bool:
        if fresh == self.former:
            return False
        record()
        try:
            write_use_stops(self.folder, self.keys, fresh)
        except Misconfigured as wrong:
            told = "it is recorded, but the list is as before: mend that, then give the same command again"
            raise Misconfigured((*wrong.problems, told)) from None
        return True


@dataclass(frozen=True, slots=True)
class Whom:
    """A person by keyed digests; and the fields by which the person was not named, with the operations that are not
    concerned for that reason.
    """

    digests: frozenset[str]
    unnamed: Mapping[str, Sequence[str]]


def read_list(config: Config, tenant: str, connector: str) -> UseStops:
    """The list of one connector. Raises Misconfigured."""
    keys = _keys(config, tenant, connector)
    return read_use_stops(TenantKeys(config.root, tenant).connector(connector), keys)


@contextmanager
def use_stopping(config: Config, tenant: str, connector: str) -> Iterator[UseStopping]:
    """Raises Misconfigured if the list cannot be read, or may not be changed here."""
    keys, folder = _keys(config, tenant, connector), TenantKeys(config.root, tenant).connector(connector)
    fields: dict[str, list[str]] = {}
    sound: dict[str, list[ContractField]] = {}
    for owner, operation in operations_at(config.contracts, config.tenants[tenant], connector):
        own = [each for each in operation.fields if each.path == operation.person_key and each.identifies]
        if own:
            fields.setdefault(operation.person_key, []).append(f"{owner} {operation.name}")
            sound.setdefault(operation.person_key, []).extend(own)
    with changing(folder):
        yield UseStopping(folder, keys, read_use_stops(folder, keys), fields, sound)


def _keys(config: Config, tenant: str, connector: str) -> EdgeKeys:
    if connector not in config.tenants[tenant].file.connectors:
        raise Misconfigured((f"{connector}: config/tenants/{tenant}.toml enables no such connector",))
    return open_keys(config, tenant, connector, open_directory(config, tenant))
