"""`gateway keys add`: keys, trial certificates and a place in the directory for one more; nothing is replaced."""

import shutil

import pytest
from typer.testing import CliRunner

from gateway.cli.init import make
from gateway.cli.keys import app
from gateway.keys.certificates import digest_of_file
from gateway.keys.layout import TenantKeys, read_directory
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
    assert (status, told.count("made"), "enable it in config/tenants/999997.toml" in told) == (0, 2, True)
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


@pytest.mark.parametrize("taken", ["ca", "gateway", "operator", "pmh_system", "clinic_a"])
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


def test_an_edge_that_does_not_have_the_connector_gets_no_keys_of_it(root):
    shutil.copy(ROOT / "config/examples/edge_per_zone/lgwan.toml", root / "config/gateway.toml")
    status, told = run(root)
    assert (status, "run this in that root" in told) == (2, True)
    assert not (root / "keys/999997" / NAME).exists()
