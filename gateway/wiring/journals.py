"""Opens the journals; apart from `opening`, so that `gateway check` need not load what it does not open."""

from dataclasses import replace
from pathlib import Path

from gateway.config import Config
from gateway.hub.journal import Journal, JournalLimits
from gateway.wiring.opening import log_signer


def open_journal(config: Config, tenant: str, folder: Path | None = None, origin: str | None = None) -> Journal:
    """The tenant's store, verified from its last checkpoint on: in its place, or in that `folder`; by the name of its
    key, or that `origin`.
    """
    signer = log_signer(config, tenant)
    if origin is not None:
        signer = replace(signer, name=origin)
    settings = config.gateway.journal
    folder = folder or config.path(settings.directory)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    limits = JournalLimits(
        max_open_records=config.gateway.limits.open_records,
        checkpoint_every_facts=settings.checkpoint_facts,
        wal_bytes=settings.wal_bytes,
    )
    return Journal.open(folder / f"{tenant}.db", tenant=tenant, origin=signer.name, signer=signer, limits=limits)
