"""The connector `history_lookup`, towards 履歴照会回答システム (S16): a PMHキー in, the ID5 out."""

from gateway.plugin import ConnectorSpec, TlsFiles, hookimpl
from gateway_history_lookup.connector import HistoryLookup
from gateway_history_lookup.interface import INTERFACE
from gateway_history_lookup.settings import Settings


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(certificate=settings.tls.certificate, key=settings.tls.key, ca=settings.tls.ca)


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """One connector; a connection is made only when something is delivered."""
    return ConnectorSpec(interface=INTERFACE, settings=Settings, factory=HistoryLookup, tls=_tls)
