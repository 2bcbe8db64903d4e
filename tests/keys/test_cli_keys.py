"""`gateway keys` as an operator meets it: output and exit status."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.keys import app
from gateway.keys.at_rest import Secret, make_passphrase
from gateway.keys.layout import TenantKeys
from gateway.keys.make import make_connector, make_log, make_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_passphrase(tmp_path / "keys/passphrase")
    secret, keys = Secret.parse("file:keys/passphrase", tmp_path), TenantKeys(tmp_path, "999997")
    make_root(keys, secret)
    make_log(keys, secret)
    make_connector(keys, "vaccination_records", "lgwan", secret)
    return tmp_path


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_list_finds_what_the_directory_lacks_and_publish_mends_it(root: Path) -> None:
    status, out, _ = run("list", "--root", str(root), "--json")
    assert status == 1
    assert [(row["use"], row["in_directory"]) for row in json.loads(out)] == [("kem", False), ("signing", False)]
    status, out, _ = run("publish", "999997", "--root", str(root))
    assert status == 0
    assert "version 1, 1 connectors" in out
    status, out, _ = run("list", "--root", str(root))
    assert status == 0
    assert "vaccination_records" in out


def test_what_stands_in_the_way_is_one_line_and_status_2(root: Path) -> None:
    (root / "keys/999997/root/root.pem").chmod(0o644)
    status, out, err = run("publish", "999997", "--root", str(root))
    assert (status, out) == (2, "")
    assert "root.pem: others than its owner may read it" in err
    assert run("publish", "131016", "--root", str(root))[0] == 2
    assert run("publish", "999997", "--root", str(root), "--passphrase", "not a reference")[0] == 2


def test_no_keys_at_all_is_said(tmp_path: Path) -> None:
    status, _, err = run("list", "--root", str(tmp_path))
    assert status == 2
    assert "holds no connector's keys" in err
