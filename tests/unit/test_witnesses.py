"""Witnesses in the configuration: what is checked of them, before a start and at a reload."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import commands
from gateway.config import load
from gateway.errors import Misconfigured
from gateway.keys.layout import TenantKeys, read_directory
from gateway.wiring.opening import open_witnesses
from gateway.wiring.reload import prepare

WITNESS = '\n[[witnesses]]\nurl = "{url}"\nkey = "{key}"\nca = "{ca}"\n'
GOOD = {"url": "https://witness.example:8450", "key": "keys/witness.vkey", "ca": "keys/tls/ca.crt"}


def run(*words: object):
    return CliRunner().invoke(commands.app, [str(each) for each in words])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A gateway's root and a witness's, as `gateway init` makes them."""
    folder = tmp_path_factory.mktemp("made")
    assert run("init", folder / "city").exit_code == 0
    assert run("init", folder / "witness", "--witness", "--name", "witness.example").exit_code == 0
    (folder / "city/keys/witness.vkey").write_bytes((folder / "witness/keys/witness/witness.vkey").read_bytes())
    return folder


@pytest.fixture
def city(made):
    """The gateway's root; its configuration is as it was, when the test is over."""
    path = made / "city/config/gateway.toml"
    text = path.read_text(encoding="utf-8")
    yield made / "city"
    path.write_text(text, encoding="utf-8")


def named(root: Path, *witnesses: dict[str, str]) -> None:
    with (root / "config/gateway.toml").open("a", encoding="utf-8") as file:
        file.writelines(WITNESS.format(**GOOD | each) for each in witnesses)


def test_a_witness_is_its_address_and_its_pinned_key(city):
    named(city, {})
    assert run("check", "--root", city).exit_code == 0
    (witness,) = open_witnesses(load(city))
    assert (witness.url, witness.verifier.name) == ("https://witness.example:8450", "witness.example")
    assert witness.verifier.type == 4


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([{"key": "keys/999997/log/log.vkey"}], "witnesses.#1.key: "),
        ([{"key": "keys/none.vkey"}], "witnesses.#1.key: "),
        ([{"ca": "keys/none.crt"}], "witnesses.#1.ca: "),
        ([{"ca": "config/zones.toml"}], "witnesses.#1.ca: "),
        ([{}, {"url": "https://another.example"}], "witnesses.#2.key: another witness has this name"),
        ([{"url": "http://witness.example"}], "witnesses.#1.url: must be an address such as https://witness.example"),
        ([{"url": "https://witness.example/?a=b"}], "witnesses.#1.url: must be an address"),
    ],
)
def test_what_is_wrong_with_one_is_told_with_its_place(city, wrong, told):
    named(city, *wrong)
    done = run("check", "--root", city)
    assert done.exit_code == 2
    assert [line for line in done.stderr.splitlines() if line.startswith(f"config/gateway.toml: {told}")]


@pytest.mark.parametrize("url", ["https://witness.example", "https://witness.example:8450/", "https://a.example/b/c/"])
def test_its_address_may_have_a_path(city, url):
    named(city, {"url": url})
    assert run("check", "--root", city).exit_code == 0


def test_a_reload_takes_other_witnesses(city):
    now = load(city)
    named(city, {})
    directories = {"999997": read_directory(TenantKeys(city, "999997"))}
    assert [each.verifier.name for each in prepare(now, load(city), {}, directories).witnesses] == ["witness.example"]


def test_a_reload_refuses_a_witness_that_is_not_one(city):
    now = load(city)
    named(city, {"key": "keys/999997/log/log.vkey"})
    with pytest.raises(Misconfigured, match="witnesses"):
        prepare(now, load(city), {}, {"999997": read_directory(TenantKeys(city, "999997"))})


def test_an_edge_s_file_names_no_witness(made, tmp_path):
    assert run("init", tmp_path / "split", "--example", "hub_and_edges").exit_code == 0
    for process, status in (("hub", 0), ("edges", 2)):
        root = tmp_path / "split" / process
        named(root, {"key": "keys/witness.vkey"})
        (root / "keys/witness.vkey").write_bytes((made / "city/keys/witness.vkey").read_bytes())
        done = run("check", "--root", root)
        assert done.exit_code == status
        assert ("config/gateway.toml: witnesses: they cosign the logs, which are the hub's" in done.stderr) == bool(
            status
        )


def test_a_witness_s_root_is_made_once_and_its_key_is_public(made):
    again = run("init", made / "witness", "--witness")
    assert (again.exit_code, again.stderr) == (
        2,
        f"{made}/witness: holds config/ or keys/ already; nothing was changed\n",
    )
    both = run("init", made / "new", "--witness", "--example", "hub_and_edges")
    assert (both.exit_code, (made / "new").exists()) == (2, False)
    private = made / "witness/keys/witness/witness.pem"
    assert private.stat().st_mode & 0o077 == 0
    assert b"ENCRYPTED" in private.read_bytes()
