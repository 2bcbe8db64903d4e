#!/bin/sh
# What must hold before a change is taken: one script, for whatever runs it. In an environment with `pip install .[dev]`.
set -eu
cd "$(dirname "$0")"
# A gateway that is linked, not installed, mypy finds by its folder alone.
MYPYPATH=$(python -c 'import gateway, sys; at = gateway.__path__[0].rpartition("/")[0]; print(at * (at not in sys.path))')
export MYPYPATH
python -m ruff check .
python -m ruff format --check .
python -m mypy
python -m pytest -q
