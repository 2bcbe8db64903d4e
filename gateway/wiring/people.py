"""The people of the reviewed configuration, their certificates read, and the certificates that are no person's."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config import Config, GatewayFile, Tenant
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
    others, of_the_process = _others(config), _missing(config, _of_the_process(config.gateway))
    found, problems = dict[str, Configured](), list[str]()
    for code, tenant in config.tenants.items() if config.gateway.role != "edge" else ():
        known, own = dict(running), dict[str, str]()
        for name, file in tenant.file.administrators.items():
            where = f"config/tenants/{code}.toml: administrators.{name}"
            with readable(where):
                own[name] = digest_of_file(config.path(file))
            if (other := known.setdefault(own[name], name)) != name:
                problems.append(f"{where}: is the certificate of {other} already; each person has one of their own")
        found[code] = Configured(by_name, own, others, (*of_the_process, *_missing(config, _of_the_tenant(tenant))))
    if problems:
        raise Misconfigured(problems)
    return found


def certificates_named(where: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files that a connector's settings name as certificates, by a key or by an ending that says so; each with its
    place. What else is one only the plugin knows, which a hub does not have.
    """
    for key, text in texts(where, settings):
        if key.rpartition(".")[2].endswith(_KEYS) or text.endswith(_ENDINGS):
            yield key, text.removeprefix("file:")


_KEYS = ("certificate", "certificates", "ca")
_ENDINGS = (".crt", ".cer")


def _others(config: Config) -> frozenset[str]:
    """What is named for a listener, a process, a system or an authority, and can be read here; and whatever else of
    the settings' texts is a file with certificates.
    """
    named = [file for _, file in _of_the_process(config.gateway)]
    for tenant in config.tenants.values():
        named += (file for _, file in _of_the_tenant(tenant))
        named += (text for entry in tenant.file.connectors.values() for _, text in texts("", entry.settings))
    return frozenset[str]().union(*(_digests(config, file) for file in named))


def _missing(config: Config, named: Iterator[tuple[str, str]]) -> tuple[str, ...]:
    """A sentence for each file that is not here, or holds no certificate: nobody knows then whose a certificate is."""
    absent = dict.fromkeys(f"{where}: {file}" for where, file in named if not _digests(config, file))
    return tuple(f"{each}: this certificate is not here; until it is, no right can be granted" for each in absent)


def _digests(config: Config, file: str) -> frozenset[str]:
    with contextlib.suppress(OSError, ValueError):
        if (path := config.path(file)).is_file():
            return digests_of_file(path)
    return frozenset()


def _of_the_process(gateway: GatewayFile) -> Iterator[tuple[str, str]]:
    at = "config/gateway.toml"
    yield from ((f"{at}: admin", file) for file in (gateway.admin.certificate, gateway.admin.client_ca))
    for listener in gateway.listeners:
        yield from ((f"{at}: listeners.{listener.name}", file) for file in (listener.certificate, listener.client_ca))
    for export in gateway.exports:
        if (to := export.syslog) is not None:
            yield from ((f"{at}: exports.{export.name}", file) for file in (to.certificate, to.ca))
    if (link := gateway.link) is None:
        return
    for name, each in link.edges.items():
        yield from ((f"{at}: link.edges.{name}", file) for file in (each.certificate, *each.listeners))
    if link.listen is not None:
        yield from ((f"{at}: link.listen", file) for file in (link.listen.certificate, link.listen.client_ca))
    if link.hub is not None:
        yield from ((f"{at}: link.hub", file) for file in (link.hub.certificate, link.hub.ca))


def _of_the_tenant(tenant: Tenant) -> Iterator[tuple[str, str]]:
    for name, entry in tenant.file.connectors.items():
        at = f"config/tenants/{tenant.code}.toml: connectors.{name}"
        yield from ((f"{at}.certificates", file) for file in entry.certificates)
        yield from certificates_named(f"{at}.settings", entry.settings)
