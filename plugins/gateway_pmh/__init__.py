"""The connector `pmh`, towards Public Medical Hub (S11) and, behind it, 医療保険者等向け中間サーバー (S12)."""

from gateway.plugin import ConnectorSpec, TlsFiles, hookimpl
from gateway_pmh.connector import Pmh
from gateway_pmh.interface import INTERFACE
from gateway_pmh.settings import Settings


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(certificate=settings.tls.certificate, key=settings.tls.key, ca=settings.tls.ca)


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """One connector; a connection is made only when something is delivered."""
    return ConnectorSpec(interface=INTERFACE, settings=Settings, factory=Pmh, tls=_tls)
