"""The connector `vaccination_records`, towards 予診情報・予防接種記録管理／請求支払システム (S10)."""

from gateway.plugin import ConnectorSpec, TlsFiles, hookimpl
from gateway_vaccination_records.connector import VaccinationRecords
from gateway_vaccination_records.interface import INTERFACE
from gateway_vaccination_records.settings import Settings


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(certificate=settings.tls.certificate, key=settings.tls.key, ca=settings.tls.ca)


def _portion(settings: Settings) -> int | None:
    """None if it sends nothing by itself: confirmations are asked for on visits, never more than those bring."""
    return settings.rows_per_request if settings.ask_keys or settings.ask_id5 or settings.send else None


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """One connector; a connection is made only when something is delivered."""
    return ConnectorSpec(
        interface=INTERFACE, settings=Settings, factory=VaccinationRecords, tls=_tls, portion=_portion, poll_every=0.1
    )
