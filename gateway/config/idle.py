"""What is configured and carries nothing on any day: no mistake that stops a start, but hardly what was meant."""

from collections.abc import Iterator

from gateway.config.config import Config, Tenant


def idle(config: Config) -> Iterator[str]:
    """A sentence each, with file and key."""
    if not config.tenants:
        yield "config/tenants: holds no TOML file, so there is no tenant and nothing flows"
    for tenant in config.tenants.values():
        yield from _operations(config, tenant)


def _operations(config: Config, tenant: Tenant) -> Iterator[str]:
    for name in tenant.file.connectors:
        for operation in config.contracts[name].operations:
            if operation.direction == "sends" and tenant.route_from(name, operation.name) is None:
                at = f"config/tenants/{tenant.code}.toml: connectors.{name}"
                yield f"{at}: no route carries {operation.name}, which it sends"
