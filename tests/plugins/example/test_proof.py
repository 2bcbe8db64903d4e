"""The reading of a proof on `docs/write-a-connector.md`, with the test's token that it shows beside it."""

import re
import sys
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gateway.errors import Refused
from gateway.plugin import Shown
from tests.architecture.tree import ROOT

SECTION = (ROOT / "docs/write-a-connector.md").read_text(encoding="utf-8").partition("### Proof of a person")[2]
READING, _, TOKEN = re.findall(r"^```python\n(.*?)^```", re.split("\n##+ ", SECTION)[0], re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's lines define; its `Settings` are a plugin's own and stand elsewhere."""
    settings = ModuleType("portal.settings")
    settings.Settings = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "portal", ModuleType("portal"))
    monkeypatch.setitem(sys.modules, "portal.settings", settings)
    defined: dict[str, Any] = {"__name__": "page"}
    exec(READING + TOKEN, defined)  # the page's own code
    return defined


async def test_the_pages_token_proves_what_the_page_says_and_no_token_with_another_login_does(
    page: dict[str, Any],
) -> None:
    portal, claims = page["Portal"](), page["claims"]
    settings = SimpleNamespace(issuer=claims["iss"], audience=claims["aud"], jwks="file:jwks.json")
    await portal.open(SimpleNamespace(settings=settings, secret=lambda _: page["jwks"]))
    now = datetime.now(UTC)
    proven = portal.attest(Shown("record.query", page["token"], "sha256:" + "0" * 64, now, "keys/tls/portal.crt"))
    assert [(each.name, each.text) for each in proven.claims] == [("card_login", None), ("consent", "2026-04")]
    assert proven.bound == {"pmh_pseudonym_id": claims["sub"]}
    other = page["jwt"].encode({**claims, "acr": "aal2"}, page["key"], algorithm="ES256", headers={"kid": "test"})
    with pytest.raises(Refused):
        portal.attest(Shown("record.query", other, "sha256:" + "0" * 64, now, "keys/tls/portal.crt"))
