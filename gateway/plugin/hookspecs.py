"""The one hook. It is called once, at start-up, synchronously, and returns a typed value; it does no work."""

import pluggy

from gateway.plugin.connector import ConnectorSpec

PROJECT = "renkei"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def renkei_connector() -> ConnectorSpec:  # type: ignore[empty-body]
    """The plugin's connector. One plugin, one connector."""
