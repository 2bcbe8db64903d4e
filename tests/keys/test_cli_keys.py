"""`gateway keys` as an operator meets it: output and exit status."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.keys import app
from gateway.keys.at_rest import Secret, make_passphrase
from gateway.keys.layout import TenantKeys
from gateway.keys.make import make_connector, make_log, make_root
from tests.flow.site import write_config
from tests.flow.toys import OFFICE, REGISTER


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
    assert [(row["use"], row["in_directory"], row["state"]) for row in json.loads(out)] == [
        ("kem", False, "opens"),
        ("kem", False, "opens"),
        ("signing", False, "opens"),
        ("secret", None, "opens"),
    ]
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


@pytest.fixture
def published(root: Path) -> Path:
    assert run("publish", "999997", "--root", str(root))[0] == 0
    return root


def states(root: Path) -> dict[str, str]:
    """What is amiss, by file name; the exit status must say the same."""
    status, out, _ = run("list", "--root", str(root), "--json")
    amiss = {Path(row["file"]).name: row["state"] for row in json.loads(out) if row["state"] != "opens"}
    assert status == bool(amiss)
    return amiss


FOLDER = "keys/999997/vaccination_records"


@pytest.mark.parametrize("form", ["kem-*-x25519.pem", "kem-*-mlkem768.pem", "signing-*.pem", "secret.pem"])
def test_a_key_file_that_is_missing_or_does_not_open_is_found(published: Path, form: str) -> None:
    assert states(published) == {}
    (path,) = (published / FOLDER).glob(form)
    file = path.name
    path.write_text("not a key\n")
    assert states(published) == {file: "is not an encrypted key, or the passphrase is not its own"}
    path.chmod(0o644)
    assert states(published)[file].startswith("others than its owner may read it")
    path.unlink()
    assert states(published) == {file: "missing"}
    status, out, _ = run("list", "--root", str(published))
    assert (status, f"{file} missing" in out) == (1, True)


def test_another_key_in_its_place_is_found(published: Path) -> None:
    secret, keys = Secret.parse("file:keys/passphrase", published), TenantKeys(published, "999997")
    make_connector(keys, "other", "lgwan", secret)
    (mine,), (another,) = ((keys.folder / name).glob("signing-*.pem") for name in ("vaccination_records", "other"))
    mine.write_bytes(another.read_bytes())
    assert states(published)[mine.name] == "is not the key that its name says"


def test_a_connector_that_is_enabled_and_has_no_keys_is_found(published: Path) -> None:
    for path in (published / FOLDER).iterdir():
        path.unlink()
    write_config(published)
    status, out, _ = run("list", "--root", str(published), "--json")
    assert status == 1
    assert {(row["connector"], row["state"]) for row in json.loads(out)} == {(OFFICE, "missing"), (REGISTER, "missing")}


def test_without_the_passphrase_files_are_looked_for(published: Path) -> None:
    (published / "keys/passphrase").unlink()
    status, out, err = run("list", "--root", str(published), "--json")
    assert (status, {row["state"] for row in json.loads(out)}) == (0, {"is there"})
    assert "looked for, not opened" in err
    (published / FOLDER / "secret.pem").unlink()
    assert run("list", "--root", str(published))[0] == 1


def test_no_keys_at_all_is_said(tmp_path: Path) -> None:
    status, _, err = run("list", "--root", str(tmp_path))
    assert status == 2
    assert "holds no connector's keys" in err


# ---- rotation --------------------------------------------------------------------------------------------------------


def standings(root: Path) -> list[tuple[str, str, bool]]:
    """Each key of the connector once: its use, how it stands, whether the directory names it."""
    _, out, _ = run("list", "--root", str(root), "--json")
    found = [(row["id"], row["use"], row["standing"], row["in_directory"]) for row in json.loads(out) if row["id"]]
    assert all(row["state"] == "opens" for row in json.loads(out))
    return [tuple(rest) for _, *rest in dict.fromkeys(found)]


def test_a_key_goes_from_new_to_newest_to_former_to_retired(published: Path) -> None:
    place = ("999997", "vaccination_records", "--root", str(published))
    status, out, _ = run("rotate", *place)
    assert status == 0
    assert "copy this public.json to the same place on the offline machine" in out
    assert "gateway keys publish 999997" in out
    new, old = ("newest", False), ("former", True)
    assert standings(published) == [("kem", *new), ("kem", *old), ("signing", *new), ("signing", *old)]
    status, _, err = run("retire", *place)
    assert (status, "publish them and reload hub and edges before" in err) == (2, True)

    status, out, _ = run("publish", "999997", "--root", str(published))
    assert (status, "Nothing has changed" in out) == (0, False)
    new = ("newest", True)
    assert standings(published) == [("kem", *new), ("kem", *old), ("signing", *new), ("signing", *old)]
    assert run("list", "--root", str(published))[0] == 0

    status, out, _ = run("retire", *place)
    assert status == 0
    assert "what is sealed to them is dead" in out
    old = ("retired", True)
    assert standings(published) == [("kem", *new), ("kem", *old), ("signing", *new), ("signing", *old)]
    assert run("publish", "999997", "--root", str(published))[0] == 0
    assert standings(published) == [("kem", *new), ("signing", *new)]
    assert "nothing is retired" in run("retire", *place)[1]


def test_a_directory_that_changes_nothing_is_published_and_said_to_be_one(published: Path) -> None:
    status, out, _ = run("publish", "999997", "--root", str(published))
    assert (status, "version 2, 1 connectors" in out) == (0, True)
    assert "Nothing has changed since version 1. If a connector has new keys, copy its public.json" in out


def test_rotation_needs_the_passphrase_that_the_other_keys_have(published: Path) -> None:
    make_passphrase(published / "another")
    before = sorted((published / FOLDER).iterdir())
    place = ("999997", "vaccination_records", "--root", str(published))
    status, _, err = run("rotate", *place, "--passphrase", "file:another")
    assert (status, "the passphrase is not its own" in err) == (2, True)
    assert sorted((published / FOLDER).iterdir()) == before
