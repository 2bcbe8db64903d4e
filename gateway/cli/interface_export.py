"""`gateway interface export`: a locked interface as schema, description of the HTTPS entrance, or table."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.locks import InLanguage, Language, Output, SomeConnector, hand_out, locked
from gateway.cli.show import Root, stopped, tell
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.interfaces import Described
    from gateway.plugin.item import DataClass


class Form(StrEnum):
    """As what it is written."""

    OPENAPI = "openapi"
    SCHEMA = "schema"
    TABLE = "table"


def export(  # noqa: PLR0913  (each narrows what is described, or says in which form)
    connector: SomeConnector = None,
    form: Annotated[Form, typer.Option("--form", help="OpenAPI 3.1, JSON Schema, or Markdown.")] = Form.OPENAPI,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="Only what the routes of this tenant carry.")
    ] = None,
    listener: Annotated[
        str | None, typer.Option("--listener", metavar="NAME", help="Only what this listener's zone may carry.")
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="Only what this client certificate is pinned to."),
    ] = None,
    language: InLanguage = Language.EN,
    output: Output = None,
    root: Root = Path(),
) -> None:
    """Write an interface for whoever builds the other side.

    openapi: each operation that the connector sends, as its system would post it, with records, headers and every
    answer; by its lock alone, for any tenant, and without the codes of a destination's own, which routes lead to. With
    --tenant, --listener or --certificate: what the configuration carries, at its addresses, with those codes, of one
    connector or, without a name, of all; of a system to which no certificate is pinned, that it may post nothing. With
    both --listener and --certificate it is, byte for byte, what that certificate gets there as /openapi.json. schema:
    the records and replies of all operations. table: the same to read, with --language ja in Japanese; labels are
    Japanese.
    """
    narrowed = any(each is not None for each in (tenant, listener, certificate))
    if connector is None and (form is not Form.OPENAPI or not narrowed):
        raise typer.BadParameter("name a CONNECTOR; only --form openapi with --tenant or --listener does without")
    if narrowed and form is not Form.OPENAPI:
        raise typer.BadParameter("--tenant, --listener and --certificate are for --form openapi")
    with stopped():
        if narrowed:
            from gateway.config import load
            from gateway.interfaces import as_text, openapi

            every = [*_carried(load(root), connector, tenant, listener, certificate)]
            for code, name in dict.fromkeys(
                (each.tenant, each.contract.connector) for each in every if not each.pinned
            ):
                tell(f"{code} {name}: no certificate is pinned to its system, so it may post nothing", err=True)
            text = as_text(openapi(every))
        else:
            text = _of_lock(root, connector or "", form, language)
        hand_out(text, output)


def _of_lock(root: Path, connector: str, form: Form, language: Language) -> str:
    from gateway.interfaces import as_text, interface_schema, markdown, of_lock, openapi

    contract = locked(root, connector)
    match form:
        case Form.OPENAPI:
            return as_text(openapi(of_lock(contract)))
        case Form.SCHEMA:
            return as_text(interface_schema(contract))
        case Form.TABLE:
            return markdown(contract, language.value)


def _carried(
    config: "Config", connector: str | None, tenant: str | None, listener: str | None, certificate: Path | None
) -> "Iterator[Described]":
    """What the configuration carries of that, in the order in which a listener tells it. Raises Misconfigured if
    something of that name is not configured.
    """
    from gateway.config import instead
    from gateway.interfaces import of_tenant

    for what, name, known in (("--tenant", tenant, config.tenants), ("CONNECTOR", connector, config.contracts)):
        if name is not None and name not in known:
            raise Misconfigured((f"{what}: none of that name is configured here{instead(name, known)}",))
    clearance = None if listener is None else _clearance(config, listener)
    for code, name in sorted(_places(config, certificate)):
        if connector in (None, name) and tenant in (None, code):
            yield from of_tenant(config.tenants[code], name, config.contracts, config.gateway.limits, clearance)


def _clearance(config: "Config", listener: str) -> "frozenset[DataClass]":
    """Of the listener's zone. Raises Misconfigured if there is no such listener."""
    found = {each.name: each.zone for each in config.gateway.listeners}
    if listener not in found:
        known = ", ".join(sorted(found)) or "none"
        raise Misconfigured((f"config/gateway.toml: listeners: there is none of that name; there is: {known}",))
    return config.zones[found[listener]].clearance


def _places(config: "Config", certificate: Path | None) -> Iterator[tuple[str, str]]:
    """Tenant and connector of each that this process runs, or that a hub knows; of those, which pin the certificate."""
    from gateway.keys.certificates import fingerprint_of_file
    from gateway.link.tls import readable

    every = [(code, name) for code, tenant in config.tenants.items() for name in tenant.file.connectors]
    with readable("--certificate"):
        asked = fingerprint_of_file(certificate) if certificate is not None else None
    for code, name in config.places or every:
        pinned = config.tenants[code].file.connectors[name].certificates
        if asked is None or asked in {fingerprint_of_file(config.path(each)) for each in pinned}:
            yield code, name
