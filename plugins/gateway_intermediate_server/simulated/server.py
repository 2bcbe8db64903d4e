"""中間サーバー of our own city, between its platform, the network and the bodies elsewhere.

The rule: its database knows people by 団体内統合宛名番号 and 符号 only.
"""

from contextlib import ExitStack, closing
from pathlib import Path

from gateway_intermediate_server.simulated import signing
from gateway_intermediate_server.simulated.announcements import Announcements
from gateway_intermediate_server.simulated.bodies import Bodies
from gateway_intermediate_server.simulated.codes import Codes
from gateway_intermediate_server.simulated.config import Config, Invalid
from gateway_intermediate_server.simulated.database import Database
from gateway_intermediate_server.simulated.faults import Faults
from gateway_intermediate_server.simulated.forms import ProvisionAnswer, SelfAnswer, told
from gateway_intermediate_server.simulated.inquiries import Inquiries
from gateway_intermediate_server.simulated.network import OTHERS, Network
from gateway_intermediate_server.simulated.platform import Platform
from gateway_intermediate_server.simulated.records import StatutoryRecords
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.replicas import Replicas
from gateway_intermediate_server.simulated.requests import Requests
from gateway_intermediate_server.simulated.residents import Residents


class Server:
    """All that there is, each part over its own database: platform, server, network, bodies with their residents.

    Raises Invalid, sqlite3.Error, OSError.
    """

    def __init__(self, config: Config, faults: Faults, opened: ExitStack) -> None:
        if config.body in OTHERS:
            raise Invalid(["body: is another body's code"])
        if config.data is not None:
            config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        platform, server, network, bodies = (
            opened.enter_context(closing(Database(_file(config.data, name))))
            for name in ("platform", "server", "network", "bodies")
        )
        self.body = config.body
        self._database = server
        self._times = config.times
        self._faults = faults
        self.platform = Platform(platform, config.body)
        self.network = Network(network, signing.SigningKey.load(config.signing_key), config)
        self.bodies = Bodies(bodies, signing.load_keys(config.inquiry_keys, OTHERS), config.body)
        self.residents = Residents(bodies)
        self.codes = Codes(server)
        self.replicas = Replicas(server)
        self.inquiries = Inquiries(server, self.network, self.bodies, config.body, config.times, faults)
        self.provisions = Requests(server, "provision_no")
        self.self_requests = Requests(server, "self_request_no")
        self.records = StatutoryRecords(server)
        self.announcements = Announcements(server, config.times, faults)

    def acquire(self, integrated_addressee_no: str, individual_number: str) -> None:
        """住基ネット and the network make a code of the number, which is delivered here without it (F20)."""
        code = self.network.code(self.body, individual_number)
        self.codes.arrive(integrated_addressee_no, code, self._times.code)

    def matching_list(self) -> str:
        """Our copy, as the network distributes it (F29)."""
        signed = self.network.matching_list(self.body, ended=self._faults.strikes("ended_list"))
        return self.network.key.forged(signed) if self._faults.strikes("forged_list") else signed

    def provide(self, given: ProvisionAnswer) -> None:
        """An answer is taken, and its record made, or neither; then it goes to its destination. Again the same: it goes
        there again. Raises Refusal.
        """
        self._sealed_if_answered(given)
        if not given.recorded:
            raise Refusal(422, "format")
        with self._database.together():
            self.provisions.answer(given.provision_no, told(given))
            if given.record is not None:
                self.records.make("provision", given.provision_no, given.record)
        self.bodies.receive(given)

    def tell_resident(self, given: SelfAnswer) -> None:
        """Raises Refusal."""
        self._sealed_if_answered(given)
        self.self_requests.answer(given.self_request_no, told(given))
        self.residents.receive(given)

    def counts(self) -> dict[str, int]:
        """What there is, and of what was, how much."""
        return {
            "addressees": self.platform.count(),
            "codes": self.codes.count(),
            "replicas": self.replicas.count(),
            "replicas_deleted": self.replicas.deleted(),
            "results": self.inquiries.count(),
            "provisions": self.provisions.count(),
            "self_requests": self.self_requests.count(),
            "answered": self.provisions.answered() + self.self_requests.answered(),
            "announcements": self.announcements.count(),
        }

    def _sealed_if_answered(self, given: ProvisionAnswer | SelfAnswer) -> None:
        if (given.result == "answered") != (given.answer is not None):
            raise Refusal(422, "format")


def _file(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else folder / f"{name}.sqlite3"
