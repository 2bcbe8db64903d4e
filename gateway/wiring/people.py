"""The people of the reviewed configuration, their certificates read."""

from collections.abc import Mapping

from gateway.config import Config
from gateway.errors import Misconfigured
from gateway.hub.people import Configured
from gateway.keys.certificates import digest_of_file
from gateway.wiring.opening import operators, readable


def configured(config: Config) -> Mapping[str, Configured]:
    """Operators, and the administrators of each tenant; an edge has operators only, and no tenant here.

    Raises Misconfigured if a certificate cannot be read, or stands for two of them: one person, one certificate (C039).
    """
    running = operators(config)
    by_name = {name: certificate for certificate, name in running.items()}
    found, problems = dict[str, Configured](), list[str]()
    for code, tenant in config.tenants.items() if config.gateway.role != "edge" else ():
        known, own = dict(running), dict[str, str]()
        for name, file in tenant.file.administrators.items():
            where = f"config/tenants/{code}.toml: administrators.{name}"
            with readable(where):
                own[name] = digest_of_file(config.path(file))
            if (other := known.setdefault(own[name], name)) != name:
                problems.append(f"{where}: is the certificate of {other} already; each person has one of their own")
        found[code] = Configured(by_name, own)
    if problems:
        raise Misconfigured(problems)
    return found
