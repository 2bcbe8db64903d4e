"""`docs/interfaces/`: the example's locks to read, in both languages."""

from pathlib import Path

from gateway.config import load
from gateway.interfaces import markdown

ROOT = Path(__file__).parents[2]

HEAD = """\
# The locked interfaces

<!-- Written by `make docs` from config/interfaces/; do not edit. -->

What each connector's system may send and receive, field by field: the locks of the example municipality in `config/`,
to read. [Interfaces as contracts](../contracts.md) says how to get the same for programs, and what a change breaks.

固定定義の一覧です。各システムが送受信できる項目を示します。

| connector | system | version | |
| --- | --- | --- | --- |
"""
DRAWN = "<!-- Written by `make docs` from config/interfaces/; do not edit. -->"


def pages() -> dict[str, str]:
    """A page for each lock in each language, and one that leads to them."""
    contracts = load(ROOT).contracts
    found, index = {}, HEAD
    for name, contract in sorted(contracts.items()):
        ways = f"[English]({name}.md), [日本語]({name}.ja.md)"
        index += f"| `{name}` | {contract.label} | {contract.version} | {ways} |\n"
        found[f"interfaces/{name}.md"] = markdown(contract, "en").replace("\n", f"\n\n{DRAWN}\n", 1)
        found[f"interfaces/{name}.ja.md"] = markdown(contract, "ja").replace("\n", f"\n\n{DRAWN}\n", 1)
    return {"interfaces/README.md": index, **found}
