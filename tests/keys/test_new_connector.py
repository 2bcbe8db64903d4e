"""`gateway keys add`: keys, trial certificates and a place in the directory for one more; nothing is replaced."""

import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from gateway.cli.init import make
from gateway.cli.keys import app
from gateway.cli.new_connector import add
from gateway.config import load
from gateway.errors import Misconfigured
from gateway.keys import at_rest, certificates
from gateway.keys import make as make_keys
from gateway.keys.at_rest import Secret, write_guarded
from gateway.keys.certificates import digest_of_file
from gateway.keys.directory import sign_directory
from gateway.keys.layout import TenantKeys, read_directory, read_public, replace_whole
from gateway.wiring.opening import open_directory
from tests.architecture.tree import ROOT

NAME = "school_register"


@pytest.fixture(scope="module")
def initiated(tmp_path_factory):
    root = tmp_path_factory.mktemp("initiated") / "root"
    assert list(make(root, "999997", "renkei.example"))
    return root


@pytest.fixture
def root(initiated, tmp_path):
    """A root of one's own, as `gateway init` makes it."""
    return shutil.copytree(initiated, tmp_path / "root")


def run(root, *, zone="lgwan", connector=NAME, tenant="999997"):
    """Exit status and what it says."""
    done = CliRunner().invoke(app, ["add", tenant, connector, "--zone", zone, "--root", str(root)])
    return done.exit_code, done.output


def files(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_keys_certificates_and_directory_are_made_and_nothing_else_changes(root):
    before = files(root)
    status, told = run(root)
    assert (status, told.count("made"), "enable it here, in config/tenants/999997.toml" in told) == (0, 2, True)
    after = files(root)
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed == {"directory.note"}
    added = {path.relative_to(root).parts[:3] for path in after.keys() - before.keys()}
    ends = {("keys", "tls", f"{NAME}{end}") for end in (".crt", ".key", "_system.crt", "_system.key")}
    assert added == {("keys", "999997", NAME)} | ends
    directory = read_directory(TenantKeys(root, "999997"))
    assert (directory.version, directory.connectors[NAME].zone) == (2, "lgwan")
    assert digest_of_file(root / f"keys/tls/{NAME}.crt") != digest_of_file(root / f"keys/tls/{NAME}_system.crt")


def test_again_it_changes_nothing_and_says_so(root):
    run(root)
    made = files(root)
    status, told = run(root)
    assert (status, told.count("already")) == (0, 2)
    assert files(root) == made


def test_keys_that_were_made_for_a_wrong_zone_move_to_the_right_one_as_it_is_told(root):
    run(root, zone="internet")
    status, told = run(root)
    assert (status, "for the zone internet; if that is wrong, write the right one in this file" in told) == (2, True)
    public = root / "keys/999997" / NAME / "public.json"
    public.write_text(public.read_text().replace('"internet"', '"lgwan"'))
    assert run(root)[0] == 0
    directory = read_directory(TenantKeys(root, "999997"))
    assert (directory.version, directory.connectors[NAME].zone) == (3, "lgwan")


def test_a_directory_without_a_connector_is_told_with_the_command_that_mends_it(root):
    keys, secret = TenantKeys(root, "999997"), Secret.parse("file:keys/passphrase", root)
    shutil.rmtree(keys.connector("pmh"))
    make_keys.publish(keys, secret, datetime.now(UTC))
    with pytest.raises(Misconfigured, match="gateway keys add 999997 pmh --zone closed_network"):
        open_directory(load(root), "999997")


def test_keys_that_are_gone_are_told_with_what_to_do(root):
    folder = TenantKeys(root, "999997").connector("pmh")
    (folder / "public.json").unlink()
    with pytest.raises(Misconfigured, match=r"is missing; put its folder back.* gateway keys add 999997 pmh --zone"):
        read_public(folder)
    status, told = run(root, connector="pmh", zone="closed_network")
    assert (status, "put that back, or move all away" in told, "delete" in told) == (2, True, False)


def test_of_two_at_once_one_waits_so_that_the_directory_names_both(root, monkeypatch):
    """Else both would sign the same version, and the later one lacks what the other made meanwhile."""
    names, ended, signed = ("first_register", "second_register"), threading.Event(), []

    def slow(*said):
        signed.append(1)
        if len(signed) == 1:
            ended.wait(0.5)  # time enough for the other, if it did not wait
        return sign_directory(*said)

    def added(name):
        add("999997", name, zone="lgwan", root=root, passphrase=None)
        ended.set()

    monkeypatch.setattr("gateway.keys.make.sign_directory", slow)
    with ThreadPoolExecutor() as pool:
        list(pool.map(added, names))
    directory = read_directory(TenantKeys(root, "999997"))
    assert (directory.version, {*names} <= directory.connectors.keys()) == (3, True)


@pytest.mark.parametrize("writes", range(8))
def test_who_is_killed_at_any_write_runs_it_again_or_is_told_what_to_delete_first(root, monkeypatch, writes):
    left = iter(range(writes))

    def dies(real):
        return lambda *said: real(*said) if next(left, None) is not None else sys.exit(9)

    with monkeypatch.context() as patched:
        for module in (at_rest, certificates):
            patched.setattr(module, "write_guarded", dies(write_guarded))
        patched.setattr(make_keys, "replace_whole", dies(replace_whole))
        assert run(root)[0] == 9
    status, told = run(root)
    if status == 2:
        assert "delete" in told, told
        shutil.rmtree(root / "keys/999997" / NAME) if f"999997/{NAME}: " in told else _without_certificates(root)
        status, told = run(root)
    assert status == 0, told
    assert run(root)[1].count("already") == 2
    directory = read_directory(TenantKeys(root, "999997"))
    assert (directory.version, NAME in directory.connectors) == (2, True)


def _without_certificates(root):
    for each in (root / "keys/tls").glob(f"{NAME}*"):
        each.unlink()


def test_who_is_killed_before_the_public_keys_stand_leaves_none_of_them(root, monkeypatch):
    """They are what says that all others are there; half of them would stop each directory from then on."""

    def killed(*_):
        raise SystemExit

    (root / "keys/999997" / NAME).mkdir()
    with monkeypatch.context() as patched:
        patched.setattr("gateway.keys.layout.os.fsync", killed)
        with pytest.raises(SystemExit):
            replace_whole(root / "keys/999997" / NAME / "public.json", b"{")
    assert NAME not in set(TenantKeys(root, "999997").connectors())


def test_what_was_begun_and_not_finished_is_told_and_left(root):
    begun = root / "keys/999997" / NAME
    begun.mkdir()
    (begun / "secret.pem").touch()
    status, told = run(root)
    assert (status, "delete it, then run this again" in told) == (2, True)
    (begun / "secret.pem").unlink()
    (root / "keys/tls" / f"{NAME}.key").touch()
    status, told = run(root)
    assert (status, "nothing uses them, delete them, then run this again" in told) == (2, True)
    assert not (root / "keys/tls" / f"{NAME}.crt").exists()


@pytest.mark.parametrize("taken", ["ca", "gateway", "operator"])
def test_a_name_that_the_gateway_has_for_its_own_certificates_gets_no_keys_and_nobody_is_told_to_delete(root, taken):
    before = files(root)
    status, told = run(root, connector=taken)
    assert (status, "name the connector otherwise" in told, "delete" in told) == (2, True, False)
    assert files(root) == before


@pytest.mark.parametrize("taken", ["pmh_system", "clinic_a"])
def test_a_name_whose_certificates_are_somebody_elses_gets_no_keys(root, taken):
    before = files(root)
    status, told = run(root, connector=taken)
    assert (status, "if these are somebody else's, name it otherwise" in told) == (2, True)
    assert files(root) == before


def test_without_the_trial_authority_and_the_root_key_it_says_who_has_them(root):
    (root / "keys/tls/ca.key").unlink()
    (root / "keys/999997/root/root.pem").unlink()
    status, told = run(root)
    assert (status, "from your own authority" in told, "gateway keys publish 999997" in told) == (0, True, True)
    assert not list((root / "keys/tls").glob(f"{NAME}*"))
    assert read_directory(TenantKeys(root, "999997")).version == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"zone": "lgwn"}, "did you mean lgwan?"),
        ({"connector": "School"}, "lower-case letters"),
        ({"tenant": "999989"}, "no keys are here"),
        ({"connector": "vaccination_db"}, "are there already, for the zone closed_network"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_made(root, wrong, said):
    before = files(root)
    status, told = run(root, **wrong)
    assert (status, said in told) == (2, True)
    assert files(root) == before


def test_an_edge_says_that_every_root_needs_the_directory_and_the_connector(root):
    edge = (ROOT / "config/examples/edge_per_zone/lgwan.toml").read_text(encoding="utf-8")
    named = edge.replace('"999997/intermediate_server"', f'"999997/{NAME}"')
    (root / "config/gateway.toml").write_text(named, encoding="utf-8")
    (root / "keys/999997/root/root.pem").unlink()
    status, told = run(root)
    assert (status, "directory.note in every root" in told, "enable it in every root" in told) == (0, True, True)


def test_an_edge_that_does_not_have_the_connector_gets_no_keys_of_it(root):
    shutil.copy(ROOT / "config/examples/edge_per_zone/lgwan.toml", root / "config/gateway.toml")
    status, told = run(root)
    assert (status, "run this in that root" in told) == (2, True)
    assert not (root / "keys/999997" / NAME).exists()
