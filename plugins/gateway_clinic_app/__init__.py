"""The connector `clinic_app`, for 医療機関用アプリ等 (S15): who is at a clinic's desk, what it asks, what it enters."""

from collections.abc import Collection

from gateway.plugin import ConnectorSpec, hookimpl
from gateway_clinic_app.connector import ClinicApp
from gateway_clinic_app.interface import INTERFACE
from gateway_clinic_app.settings import Settings


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """One connector for all clinics. It opens no connection: clinics come to the gateway."""
    return ConnectorSpec(
        interface=INTERFACE,
        settings=Settings,
        factory=ClinicApp,
        peers=_peers,
        attests=frozenset({"identity_confirmed", "consent", "agent"}),
    )


def _peers(settings: Settings) -> Collection[str]:
    return settings.clinics
