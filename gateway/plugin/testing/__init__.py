"""The conformance suite for connectors: what a plugin's `conformance.py` imports. Needs the extra `kit`.

`gateway plugin check` finds a connector's `Subject` by an entry point of the connector's name in the group
`gateway.conformance`, runs every rule against it, and prints the quality scale.
"""

from gateway.plugin.testing.made_up import MadeUp
from gateway.plugin.testing.subject import Place, Subject, ask, started

__all__ = ["MadeUp", "Place", "Subject", "ask", "started"]
