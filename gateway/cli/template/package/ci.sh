#!/bin/sh
# What must hold before a change is taken: one script, for whatever runs it. In an environment with `pip install .[dev]`.
set -eu
cd "$(dirname "$0")"
ruff check .
ruff format --check .
mypy
python -m pytest -q
gateway plugin check .
