"""The connector `myna_portal`, towards マイナポータル (S14): residents' sessions, and notices to them."""

from gateway.plugin import ConnectorSpec, TlsFiles, hookimpl
from gateway_myna_portal.connector import MynaPortal
from gateway_myna_portal.interface import INTERFACE
from gateway_myna_portal.settings import Settings


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(certificate=settings.tls.certificate, key=settings.tls.key, ca=settings.tls.ca)


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """One connector; a connection is made only when something is delivered."""
    return ConnectorSpec(
        interface=INTERFACE,
        settings=Settings,
        factory=MynaPortal,
        tls=_tls,
        attests=frozenset({"card_login", "consent", "agent"}),
    )
