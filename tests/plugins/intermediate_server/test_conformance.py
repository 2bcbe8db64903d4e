from tests.plugins.conformance.ours import is_gold


def test_every_rule_of_the_suite_holds() -> None:
    is_gold("intermediate_server")
