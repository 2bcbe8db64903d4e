"""An environment as an integrator has it: the gateway as a wheel, packages beside it, and nothing of this folder.

Third-party packages are those of the interpreter that runs the tests: named by a .pth, so that what is installed there
as editable is not followed. Nothing is downloaded.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.acceptance.programs import Ended
from tests.architecture.tree import ROOT

_SOURCES = ("gateway", "plugins", "config", "pyproject.toml", "README.md")
_NO_TRACES = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
_PATIENCE = 120.0


class Fresh:
    """A virtual environment in a folder of its own. Made by `made`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "env" / "bin"
        self.gateway = str(self.bin / "gateway")
        self.python = str(self.bin / "python")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        self.environment = plain | {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "PIP_NO_INDEX": "1"}

    @classmethod
    def made(cls, folder: Path) -> "Fresh":
        """With the gateway's wheel, built from this tree."""
        fresh = cls(folder)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
        (packages,) = (folder / "env/lib").glob("python*/site-packages")
        (packages / "third_party.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n", encoding="utf-8")
        source = folder / "source"
        source.mkdir()
        for name in _SOURCES:
            path = ROOT / name
            if path.is_dir():
                shutil.copytree(path, source / name, symlinks=True, ignore=_NO_TRACES)
            else:
                shutil.copy(path, source / name)
        fresh.install(source)
        shutil.rmtree(source)
        return fresh

    def run(self, *words: str, cwd: Path | None = None) -> Ended:
        """A command of the environment, to its end."""
        done = subprocess.run(
            words,
            cwd=cwd or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def install(self, package: Path) -> None:
        """Build a wheel of a package's folder, and install it alone, in the place of a former version."""
        wheels = package.with_name(f"{package.name}.wheels")
        built = self.run(self.python, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(package))
        assert built.status == 0, built.out + built.err
        (wheel,) = wheels.glob("*.whl")
        done = self.run(
            *(self.python, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--force-reinstall"),
            str(wheel),
        )
        assert done.status == 0, done.err
        shutil.rmtree(wheels)

    def place(self, connector: str, text: str) -> None:
        """Have a distribution of one module, with the entry point of a connector, installed."""
        (packages,) = (self.folder / "env/lib").glob("python*/site-packages")
        (packages / f"gateway_{connector}.py").write_text(text, encoding="utf-8")
        info = packages / f"gateway_{connector}-1.0.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gateway-{connector}\nVersion: 1.0.0\n")
        (info / "entry_points.txt").write_text(f"[gateway.connectors]\n{connector} = gateway_{connector}\n")
