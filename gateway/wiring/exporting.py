"""The exports of a configuration: which facts, in which form, and where they go."""

import ssl
from functools import partial

from gateway.config import Config, Export, instead
from gateway.errors import Misconfigured
from gateway.hub.exports import Exporting, Folder, Receiver, syslog_frame
from gateway.hub.exports.destination import Destination
from gateway.hub.journal import FactKind
from gateway.link.tls import readable
from gateway.wiring.opening import client_tls


def exporting(config: Config) -> tuple[Exporting, ...]:
    """Every export with its destination; no file is written, nobody is called yet. Raises Misconfigured."""
    problems: list[str] = []
    for each in config.gateway.exports:
        for kind in sorted({*each.kinds} - {*FactKind}):
            known = instead(kind, [one.value for one in FactKind])
            problems.append(f"config/gateway.toml: exports.{each.name}.kinds: {kind} is no kind of fact{known}")
    if problems:
        raise Misconfigured(problems)
    return tuple(Exporting(each, _destination(config, each)) for each in config.gateway.exports)


def _destination(config: Config, export: Export) -> Destination:
    name = config.gateway.name
    if export.syslog is not None:
        to = export.syslog
        with readable(f"config/gateway.toml: exports.{export.name}.syslog: certificate, key or ca"):
            tls = client_tls(config, to.certificate, to.key, to.ca, ssl.TLSVersion.TLSv1_2)
        return Receiver(to.host, to.port, tls, partial(syslog_frame, host=name, enterprise=to.enterprise))
    return Folder(config.path(export.folder or ""), export.form, name)
