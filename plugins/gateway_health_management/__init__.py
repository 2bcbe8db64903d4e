"""Connector plugin for the municipality's health management system (健康管理システム, S01)."""

from gateway.plugin import ConnectorSpec, hookimpl
from gateway_health_management.connector import HealthManagement
from gateway_health_management.interface import INTERFACE
from gateway_health_management.settings import Settings


@hookimpl
def renkei_connector() -> ConnectorSpec:
    """The one connector of this plugin; it opens no connection of its own, so it needs no TLS files."""
    return ConnectorSpec(
        interface=INTERFACE, settings=Settings, factory=HealthManagement, portion=_portion, poll_every=0.25
    )


def _portion(settings: Settings) -> int:
    return settings.chunk_records
