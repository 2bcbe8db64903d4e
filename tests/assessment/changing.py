"""A subject with something else in it, as if its files said so."""

from dataclasses import replace
from typing import Any

from gateway.assessment import Subject
from gateway.config import LegalBasis


def with_config(subject: Subject, **changes: Any) -> Subject:
    """The same tenant in another configuration."""
    return replace(subject, config=replace(subject.config, **changes))


def with_gateway(subject: Subject, **changes: Any) -> Subject:
    """Another `config/gateway.toml`."""
    return with_config(subject, gateway=subject.config.gateway.model_copy(update=changes))


def with_tenant(subject: Subject, **changes: Any) -> Subject:
    """Another file of the tenant."""
    tenant = replace(subject.tenant, file=subject.tenant.file.model_copy(update=changes))
    return replace(subject, tenant=tenant)


def with_route(subject: Subject, name: str, **changes: Any) -> Subject:
    """Another route of that id."""
    assert any(each.id == name for each in subject.routes)
    routes = tuple(each.model_copy(update=changes) if each.id == name else each for each in subject.routes)
    return with_tenant(subject, routes=routes)


def without_route(subject: Subject, name: str) -> Subject:
    """All routes but that one."""
    return with_tenant(subject, routes=tuple(each for each in subject.routes if each.id != name))


def with_law(subject: Subject, **entries: LegalBasis) -> Subject:
    """More entries of `config/legal_basis.toml`, or others under their ids; those that begin with A are assessments."""
    assessments = subject.config.assessments | {each for each in entries if each.startswith("A")}
    return with_config(subject, legal_basis={**subject.config.legal_basis, **entries}, assessments=assessments)


def with_connector(subject: Subject, name: str, **changes: Any) -> Subject:
    """Another entry of that connector."""
    entry = subject.connectors[name].model_copy(update=changes)
    return with_tenant(subject, connectors={**subject.connectors, name: entry})


def with_field(
    subject: Subject, connector: str, operation: str, path: str, *, end: str = "sends", **changes: Any
) -> Subject:
    """Another locked field of what a connector sends, or receives."""
    contract = subject.config.contracts[connector]
    operations = tuple(
        each.model_copy(
            update={"fields": tuple(f.model_copy(update=changes) if f.path == path else f for f in each.fields)}
        )
        if (each.direction, each.name) == (end, operation)
        else each
        for each in contract.operations
    )
    changed = contract.model_copy(update={"operations": operations})
    return with_config(subject, contracts={**subject.config.contracts, connector: changed})
