"""A site at the information provision network: 中間サーバー of its own and two other bodies, in a process of their own.

Between the gateway and 中間サーバー somebody listens, so that what goes towards the network can be searched.
What counts as given out is what the other bodies could open.
"""

import hashlib
import json
import re
import sqlite3
import ssl
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway_demo_city.people import individual_number, internal_no
from gateway_demo_city.sweep import Finding, sweep
from tests.acceptance.peer import Answer, Peer
from tests.acceptance.programs import PATIENCE, Program, command, until
from tests.acceptance.site import Site
from tests.acceptance.split import SplitSite
from tests.acceptance.subjects import MUNICIPALITY
from tests.ports import free_port

CONNECTOR: Final = "intermediate_server"
OTHER_CITY: Final = "999989"
PREFECTURE: Final = "990001"
DATASET: Final = "TM00000000000101"
"""Of vaccinations. The stand-in's list has one for taxes and one for subsidies, too."""
TAX: Final = "TM00000000000201"
SUBSIDY: Final = "TM00000000000301"
PROCEDURES: Final[Mapping[str, str]] = {
    row: f"JT00000000{number:04d}01" for row, number in (("25", 25), ("27", 27), ("28", 28), ("29", 29), ("153", 153))
} | {"26": "JT00000000002601"}
ROUTES: Final = (
    *("R17-addressee", "R17", "R17-delete", "R18", "R18-announcement"),
    *("R19", "R19-tax", "R19-end", "R19-announcement", "R20", "R20-self", "R21"),
)
_SIMULATOR: Final = (sys.executable, "-m", "gateway_intermediate_server.simulator")
_TAP: Final = Path(__file__).with_name("tap.py")
_KANJI: Final = str.maketrans("0123456789", "〇一二三四五六七八九")
_AT: Final = "2026-04-10T09:00:00+09:00"


@dataclass(frozen=True)
class Resident:
    """A made-up person, whose texts are long enough to be searched for, and like no code of the configuration's."""

    number: int

    @property
    def ordinal(self) -> int:
        return 41_000_000 + self.number

    @property
    def internal_no(self) -> str:
        return internal_no(self.ordinal)

    @property
    def individual_number(self) -> str:
        return individual_number(self.ordinal)

    @property
    def dose(self) -> dict[str, Any]:
        """What other bodies may be told."""
        mark = f"{self.ordinal:08d}"
        return {
            "vaccinated_on": "2024-06-01",
            "vaccine_generic_name": f"架空ワクチン見本一般名{mark.translate(_KANJI)}",
            "dose_no": 1,
            "lot_no": f"LOT-MADEUP-{mark}",
            "overseas_flag": False,
        }

    def addressee(self, seq: int = 1, **changes: Any) -> dict[str, Any]:
        kanji = f"{self.ordinal:08d}".translate(_KANJI)
        own = {
            "individual_number": self.individual_number,
            "name": f"架空　照会花子{kanji}",
            "birth_date": "2024-01-31",
            "sex": "2",
            "address": f"架空県架空市照会町{kanji}番地",
            "no_auto_response_flag": False,
        }
        return self._state(seq) | own | changes

    def replica(self, seq: int = 1, name: str = "A", **changes: Any) -> dict[str, Any]:
        own = {
            "dataset_code": DATASET,
            "dataset_record_no": f"REPLICA-{name}-{self.ordinal:08d}",
            "dataset_version": 1,
            "no_auto_response_flag": False,
        }
        return self._state(seq) | own | self.dose | changes

    def inquiry(self, name: str, row: str = "25", provider: str = OTHER_CITY, **changes: Any) -> dict[str, Any]:
        own = {
            "inquiry_no": f"INQ-{name}-{self.ordinal:08d}",
            "inquiry_row": row,
            "procedure_code": PROCEDURES[row],
            "dataset_code": TAX if row in ("27", "28", "29") else DATASET,
            "provider_code": provider,
            "undisclosed_flag": False,
        }
        whose = {"internal_no": self.internal_no, "municipality_code": MUNICIPALITY}
        return whose | own | changes

    def values(self) -> set[str]:
        """By which a trace of the person would be known."""
        named = (*self.addressee().values(), *self.replica().values())
        return {each for each in named if isinstance(each, str) and f"{self.ordinal:08d}" in _plain(each)}

    def _state(self, seq: int) -> dict[str, Any]:
        return {
            "internal_no": self.internal_no,
            "municipality_code": MUNICIPALITY,
            "updated_at": _AT,
            "update_seq": seq,
        }


class Network:
    """`edge` is the root of the process with the connector; `tls` has all certificates of the trial."""

    def __init__(self, site: Site, edge: Path, **times: float) -> None:
        self.site = site
        self.edge = edge
        self.folder = site.root.parent / f"{site.root.name}-network"
        self.folder.mkdir(mode=0o700)
        self.data = self.folder / "data"
        self.heard = self.folder / "heard.jsonl"
        self._ports = {name: free_port() for name in ("listen", "control", "tap")}
        roots = [site.root] if not isinstance(site, SplitSite) else [site.root, *(site.folder / n for n in site.names)]
        for root in roots:
            self._connect(root / f"config/tenants/{MUNICIPALITY}.toml")
        self.program = Program((*_SIMULATOR, str(self._configured(times))), site.observed / "network.out")
        target = f"https://localhost:{self._ports['listen']}"
        words = (sys.executable, str(_TAP), str(self._ports["tap"]), target, str(site.tls), str(self.heard))
        self._tap = Program(words, site.observed / "tap.out")

    @classmethod
    def made(cls, root: Path, starter: Path, **times: float) -> "Network":
        """One process."""
        site = Site.made(root, starter, routes=ROUTES)
        return cls(site, site.root, **times)

    @classmethod
    def apart(cls, folder: Path, **times: float) -> "Network":
        """Hub and edges are processes of their own."""
        site = SplitSite(folder, "hub_and_edges")
        return cls(site, folder / "edges", **times)

    def start(self) -> "Network":
        """The stand-in and who listens, then the gateway."""
        self.start_systems()
        if isinstance(self.site, SplitSite):
            self.site.start()
        else:
            self.site.start_gateway()
        return self

    def start_systems(self) -> None:
        for program, name in ((self.program, "control"), (self._tap, "tap")):
            if not program.running:
                program.start()
            until(partial(self.site._serves, program, partial(self._open, self._ports[name])))

    def close(self) -> None:
        self.site.close()
        for program in (self.program, self._tap):
            if program.running:
                program.kill()

    def _open(self, port: int) -> bool:
        return Peer(port, self.site.tls / "ca.crt", self.site.tls / "operator.crt").get("/").status > 0

    # ---- configuration -----------------------------------------------------------------------------------------------

    def _connect(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8")
        for name, port in (("platform_url", "listen"), ("server_url", "tap")):
            url = f'{name} = "https://localhost:{self._ports[port]}"'
            text = re.sub(rf'{name} = "https://localhost:\d+"', url, text)
        file.write_text(
            re.sub(r"(?m)^datasets = .*$", f'datasets = ["{DATASET}", "{SUBSIDY}"]', text), encoding="utf-8"
        )

    def _configured(self, times: Mapping[str, float]) -> Path:
        tls, keys = self.site.tls, self.folder / "keys"
        assert command(*_SIMULATOR, "--make-keys", str(keys)).status == 0
        quick: dict[str, float] = {"code": 0, "permit": 0, "answer": 0, "announcement": 0, "retry_after": 0, **times}
        clients = {"listen": CONNECTOR, "control": "operator"}
        text = (
            f'body = "{MUNICIPALITY}"\ndata = "data"\nsigning_key = "{tls / f"{CONNECTOR}_issuer.key"}"\n'
            f"times = {{ {', '.join(f'{name} = {value}' for name, value in quick.items())} }}\n"
            f'[inquiry_keys]\n{OTHER_CITY} = "keys/{OTHER_CITY}.jwk"\n{PREFECTURE} = "keys/{PREFECTURE}.jwk"\n'
        )
        for name, client in clients.items():
            pin = _fingerprint(tls / f"{client}.crt")
            text += f'[{name}]\nport = {self._ports[name]}\nclients = ["{pin}"]\n'
        served = tls / f"{CONNECTOR}_system"
        text += f'[tls]\ncertificate = "{served}.crt"\nkey = "{served}.key"\nca = "{tls / "ca.crt"}"\n'
        file = self.folder / "network.toml"
        file.write_text(text)
        return file

    # ---- the city ----------------------------------------------------------------------------------------------------

    def sent(self, operation: str, *records: Mapping[str, Any], patience: bool = True) -> list[str]:
        """The city sends these; how each ended: an outcome, or the code of a refusal."""
        answer = self.site.send(operation, list(records))
        if answer.status != 202:
            return [str(each["code"]) for each in answer.json["records"]]
        if not patience:
            return [answer.message_id]
        return [str(each.get("code") or each["outcome"]) for each in self.site.outcomes(answer.message_id)]

    def resident(self, ordinal: int, *, flagged: bool = False, **replica: Any) -> Resident:
        """One with a code and a replica."""
        one = Resident(ordinal)
        assert self.sent("addressee.register", one.addressee(no_auto_response_flag=flagged)) == ["accepted"]
        assert self.sent("replica.register", one.replica(**replica)) == ["accepted"]
        return one

    # ---- elsewhere ---------------------------------------------------------------------------------------------------

    def control(self, path: str, **body: Any) -> Any:
        """What is told of elsewhere."""
        answer = self.tried(path, **body)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    def tried(self, path: str, **body: Any) -> Answer:
        peer = Peer(self._ports["control"], self.site.tls / "ca.crt", self.site.tls / "operator.crt")
        return peer.post(f"/control/v1/{path}", body)

    def asked(self, who: Resident, body: str = OTHER_CITY, row: str = "25", **more: Any) -> str:
        """A body asks us about a person: its 提供受付番号."""
        told = {"individual_number": who.individual_number, "row": row, "dataset_code": DATASET} | more
        told.setdefault("procedure_code", PROCEDURES[row])
        return str(self.control("inquire", body=body, **told)["provision_no"])

    def knows(
        self, who: Resident, *doses: Mapping[str, Any], body: str = OTHER_CITY, taxed: Iterable[Mapping[str, str]] = ()
    ) -> None:
        """Another body has had this person, with these doses and tax items."""
        whose = {"body": body, "individual_number": who.individual_number}
        self.control("person", **whose, doses=list(doses), tax_items=list(taxed))

    def told(self, provision_no: str) -> tuple[str, Any]:
        """State, and the doses that the asker could open, by now."""
        heard = self.control("inquired", provision_no=provision_no)
        return heard["state"], heard["doses"]

    def ended(self, provision_no: str) -> tuple[str, Any]:
        """The same, once it is answered."""
        until(lambda: self.told(provision_no)[0] != "waiting")
        return self.told(provision_no)

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """情報提供等記録: `own` 中間サーバー's, and `others`."""
        return dict(self.control("statutory-records"))

    # ---- the log -----------------------------------------------------------------------------------------------------

    def given(self, operation: str = "provision.answer") -> list[dict[str, Any]]:
        """Every recorded message of an operation, its header, in order."""
        recorded = [each for each in self.site.facts() if each["kind"] == "message.recorded"]
        headers = [each["header"] for each in recorded if "header" in each]  # not of what was refused whole
        return [each for each in headers if each["operation"] == operation]

    def refused(self) -> list[str]:
        """The codes of requests that were not answered, in order."""
        noted = [each["statement"] for each in self.site.facts() if each["kind"] == "connector.noted"]
        return [str(each["code"]) for each in noted if each["act"] == "provision_refused"]

    def held(self, since: int, count: int = 1) -> list[str]:
        """The ids of what was held since so many facts, once there are that many."""
        placed = until(lambda: self._placed(since) if len(self._placed(since)) >= count else [])
        assert len(placed) == count
        return placed

    def _placed(self, since: int) -> list[str]:
        return [each["message_id"] for each in self.site.facts()[since:] if each["kind"] == "hold.placed"]

    # ---- what lies where ---------------------------------------------------------------------------------------------

    def hidden(self) -> set[str]:
        """符号, 団体内統合宛名番号 and 処理通番 of everybody, as platform, server and network have them."""
        found = {code for (code,) in self.rows("network", "SELECT code FROM codes")}
        found |= {each for (each,) in self.rows("platform", "SELECT integrated_addressee_no FROM addressees")}
        return found | {each for (each,) in self.rows("platform", "SELECT process_serial_no FROM serials")}

    def rows(self, database: str, query: str) -> list[tuple[Any, ...]]:
        """Of a database of the stand-in's, over a connection that cannot write."""
        address = f"{(self.data / f'{database}.sqlite3').as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as connection:
            return connection.execute(query).fetchall()

    def leaks(self, values: Iterable[str]) -> tuple[Finding, ...]:
        """Where these lie in any file of the gateway's; the city's own exchange folder is the city's."""
        own = [self.site.exchange / name for name in ("in", "work", "done", "out")]
        return sweep([self._root], {"value": set(values)}, leave_out=[self.folder, *own]).findings

    def anywhere(self, values: Iterable[str]) -> tuple[Finding, ...]:
        """Where these lie in any file of the gateway's, or that it wrote for the city."""
        return sweep([self._root], {"value": set(values)}, leave_out=[self.folder]).findings

    @property
    def _root(self) -> Path:
        return self.site.folder if isinstance(self.site, SplitSite) else self.site.root

    def beyond(self, values: Iterable[str]) -> tuple[Finding, ...]:
        """Where these lie beyond the platform: with server, network and bodies, and in what was said to them."""
        places = [each for name in ("server", "network", "bodies") for each in self.data.glob(f"{name}.sqlite3*")]
        assert self.heard.stat().st_size > 0
        return sweep([*places, self.heard], {"value": set(values)}).findings

    def calls(self, path: str) -> list[dict[str, Any]]:
        """What was said to the server at that path, in order."""
        return [json.loads(each["body"] or "{}") for each in self.exchanges() if each["path"] == path]

    def exchanges(self) -> list[dict[str, Any]]:
        """All that was said to the server, in order, but for one that may still be written."""
        if not self.heard.exists():
            return []
        whole = self.heard.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]


def _fingerprint(certificate: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()


def _plain(text: str) -> str:
    return text.translate(str.maketrans("〇一二三四五六七八九", "0123456789"))
