"""The configuration of a witness: a process beside the gateway, with a root of its own."""

from gateway.config.files import Closed, Port


class WitnessFile(Closed):
    """`config/witness.toml`. `logs` are the files of the public keys (log.vkey) whose logs it watches; what it
    remembers of them is in `store`. Paths are relative to the root.
    """

    passphrase: str
    host: str
    port: Port
    certificate: str
    key: str
    store: str = "state/witness.db"
    logs: tuple[str, ...] = ()
