"""Which process of a split a command is for, said before the command fails there for a reason that names neither."""

from pathlib import Path

from gateway.config import instead, read_gateway_file
from gateway.errors import Misconfigured
from gateway.keys.layout import PUBLIC, TenantKeys


def at_the_hub(root: Path, what: str) -> None:
    """Raises Misconfigured if only the hub has `what` and this is an edge's root."""
    if read_gateway_file(root).role == "edge":
        raise Misconfigured(
            (f"config/gateway.toml: its [link] is that of an edge; {what}: name the hub's root with --root",)
        )


def at_the_edge(keys: TenantKeys, connector: str) -> None:
    """Raises Misconfigured if no keys of this connector are here, saying where they would be."""
    folder = keys.connector(connector)
    if (folder / PUBLIC).exists():
        return
    if expected(keys.config_root) == frozenset():
        told = (
            "its [link] is that of a hub; the keys of a connector lie with its edge: name that edge's root with --root"
        )
        raise Misconfigured((f"config/gateway.toml: {told}",))
    raise Misconfigured((f"{folder}: holds no keys of a connector{instead(connector, keys.connectors())}",))


def expected(root: Path) -> frozenset[str] | None:
    """The connectors whose keys belong under this root, as `999997/some_connector`: those that [link.hub] names, and
    none under a hub's. None if nothing says: without [link], or without a configuration.
    """
    if not (root / "config/gateway.toml").exists():
        return None
    link = read_gateway_file(root).link
    if link is None:
        return None
    return frozenset(link.hub.connectors if link.hub is not None else ())
