"""The conformance suite for connectors: what a plugin's `conformance.py` imports. Needs the extra `kit`.

`gateway plugin check` finds a connector's `Subject` by an entry point of the connector's name in the group
`gateway.conformance`, runs every rule against it, and prints the quality scale. The same under the author's own pytest
is a `tests/test_conformance.py` of these lines, a test for each rule:

    from gateway.plugin.testing import Conformance
    from gateway_school_register.conformance import SchoolRegister

    class TestConformance(Conformance):
        subject = SchoolRegister
"""

from gateway.plugin.testing.conformance import Conformance
from gateway.plugin.testing.made_up import MadeUp
from gateway.plugin.testing.place import Place
from gateway.plugin.testing.subject import Subject, ask, started

__all__ = ["Conformance", "MadeUp", "Place", "Subject", "ask", "started"]
