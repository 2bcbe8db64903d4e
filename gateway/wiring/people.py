"""The people of the reviewed configuration, their certificates read, and the certificates that are no person's."""

import contextlib
from collections.abc import Iterator, Mapping

from gateway.config import Config
from gateway.errors import Misconfigured
from gateway.hub.people import Configured
from gateway.keys.certificates import digest_of_file, digests_of_file
from gateway.link.tls import readable
from gateway.wiring.opening import operators, texts


def configured(config: Config) -> Mapping[str, Configured]:
    """Operators, and the administrators of each tenant; an edge has operators only, and no tenant here.

    Raises Misconfigured if a certificate cannot be read, or stands for two of them: one person, one certificate (C039).
    """
    running = operators(config)
    by_name = {name: certificate for certificate, name in running.items()}
    others = _others(config)
    found, problems = dict[str, Configured](), list[str]()
    for code, tenant in config.tenants.items() if config.gateway.role != "edge" else ():
        known, own = dict(running), dict[str, str]()
        for name, file in tenant.file.administrators.items():
            where = f"config/tenants/{code}.toml: administrators.{name}"
            with readable(where):
                own[name] = digest_of_file(config.path(file))
            if (other := known.setdefault(own[name], name)) != name:
                problems.append(f"{where}: is the certificate of {other} already; each person has one of their own")
        found[code] = Configured(by_name, own, others)
    if problems:
        raise Misconfigured(problems)
    return found


def _others(config: Config) -> frozenset[str]:
    """What is named for a listener, a process, a system or an authority, and can be read here: what is missing is said
    by whoever needs it, and with hub and edges apart much lies elsewhere.
    """
    found: set[str] = set()
    for file in _named(config):
        with contextlib.suppress(OSError, ValueError):
            if (path := config.path(file)).is_file():
                found |= digests_of_file(path)
    return frozenset(found)


def _named(config: Config) -> Iterator[str]:
    """Files with such certificates; of a connector's settings every text, for what is a file only its plugin knows."""
    gateway = config.gateway
    yield from (gateway.admin.certificate, gateway.admin.client_ca)
    for listener in gateway.listeners:
        yield from (listener.certificate, listener.client_ca)
    if (link := gateway.link) is not None:
        yield from (each.certificate for each in link.edges.values())
        yield from (link.listen.certificate, link.listen.client_ca) if link.listen is not None else ()
        yield from (link.hub.certificate, link.hub.ca) if link.hub is not None else ()
    for tenant in config.tenants.values():
        for entry in tenant.file.connectors.values():
            yield from entry.certificates
            yield from (text for _, text in texts("", entry.settings))
