"""A package of an integrator's own, from the template, and its next version."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.kit.fresh import Fresh


@dataclass(frozen=True)
class Package:
    """A folder made by `gateway plugin new`."""

    folder: Path
    connector: str

    @classmethod
    def new(cls, fresh: Fresh, folder: Path, connector: str) -> "Package":
        words = ("plugin", "new", str(folder / connector), "--defaults", "--data", f"connector={connector}")
        done = fresh.run(fresh.gateway, *words)
        assert done.status == 0, done.err
        return cls(folder / connector, connector)

    @property
    def modules(self) -> Path:
        return self.folder / f"gateway_{self.connector}"

    def lock(self, connector: str) -> str:
        """As it was reviewed; of another connector, if that is the same but for its name."""
        text = (self.modules / "interface.lock.json").read_text(encoding="utf-8")
        return text.replace(f'"{self.connector}"', f'"{connector}"')

    def stanza(self, connector: str, port: int, *, required: bool = False) -> str:
        """What it would have added to the tenant's file, likewise."""
        text = (self.folder / "tenant.toml").read_text(encoding="utf-8").replace(self.connector, connector)
        text = re.sub(r"required = false.*", f"required = {str(required).lower()}", text)
        return text.replace("localhost:8460", f"localhost:{port}")

    def upgraded(self, module: str, *changes: tuple[str, str]) -> None:
        """The next version, with changes in one of its modules."""
        for file, pairs in (
            (self.modules / f"{module}.py", changes),
            (self.folder / "pyproject.toml", (('version = "1.0.0"', 'version = "1.1.0"'),)),
        ):
            text = file.read_text(encoding="utf-8")
            for old, new in pairs:
                assert text.count(old) == 1, (file.name, old)
                text = text.replace(old, new)
            file.write_text(text, encoding="utf-8")
