"""The connector `vaccination_db`, towards 予防接種DB (S17): doses for research, by ID5."""

from gateway.plugin import ConnectorSpec, TlsFiles, hookimpl
from gateway_vaccination_db.connector import VaccinationDb
from gateway_vaccination_db.interface import INTERFACE
from gateway_vaccination_db.settings import Settings


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(certificate=settings.tls.certificate, key=settings.tls.key, ca=settings.tls.ca)


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """One connector; a connection is made only when something is delivered."""
    return ConnectorSpec(interface=INTERFACE, settings=Settings, factory=VaccinationDb, tls=_tls)
