"""What is configured and carries nothing on any day, or not for as long as it says: no mistake that stops a start, but
hardly what was meant.
"""

import math
from collections.abc import Iterator

from gateway.config.config import Config, Tenant
from gateway.config.files import Limits


def idle(config: Config) -> Iterator[str]:
    """A sentence each, with file and key."""
    if not config.tenants:
        yield "config/tenants: holds no TOML file, so there is no tenant and nothing flows"
    for tenant in config.tenants.values():
        yield from _operations(config, tenant)
        yield from _lives(config, tenant)


def _operations(config: Config, tenant: Tenant) -> Iterator[str]:
    for name in tenant.file.connectors:
        for operation in config.contracts[name].operations:
            if operation.direction == "sends" and tenant.route_from(name, operation.name) is None:
                at = f"config/tenants/{tenant.code}.toml: connectors.{name}"
                yield f"{at}: no route carries {operation.name}, which it sends"


def _lives(config: Config, tenant: Tenant) -> Iterator[str]:
    """Of a route that says itself how long its messages may wait."""
    tried = _attempts_seconds(config.gateway.limits)
    for route in tenant.file.routes:
        if route.message_seconds is not None and route.message_seconds > tried:
            at = f"config/tenants/{tenant.code}.toml: routes.{route.id}.message_seconds"
            yield f"{at}: what waits is given up before: all limits.attempts are made in {tried:.0f} s"


def _attempts_seconds(limits: Limits) -> float:
    """In how long all attempts are made, one wait after the other; jitter and what systems ask for aside."""
    first, longest, waits = limits.retry_first, limits.retry_longest, limits.attempts - 1
    doubling = min(waits, math.ceil(math.log2(longest) - math.log2(first)))
    return math.ldexp(first, doubling) - first + (waits - doubling) * longest
