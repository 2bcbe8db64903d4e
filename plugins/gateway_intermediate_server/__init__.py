"""The connector `intermediate_server`, towards システム連携基盤 (S02) and 中間サーバー (S03), and through them to the
information provision network.
"""

from gateway.plugin import ConnectorSpec, TlsFiles, hookimpl
from gateway_intermediate_server.connector import IntermediateServer
from gateway_intermediate_server.interface import INTERFACE
from gateway_intermediate_server.settings import Settings


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(certificate=settings.tls.certificate, key=settings.tls.key, ca=settings.tls.ca)


def _portion(settings: Settings) -> int | None:
    return settings.people_per_export if settings.reconcile_seconds else None


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """One connector; a connection is made only when something is delivered or looked for."""
    return ConnectorSpec(
        interface=INTERFACE,
        settings=Settings,
        factory=IntermediateServer,
        tls=_tls,
        portion=_portion,
        attests=frozenset({"permit", "review", "self_requested", "undisclosed"}),
    )
