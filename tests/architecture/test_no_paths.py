"""No file of the repository names a machine: no package index, no path of whoever wrote it."""

import re
import subprocess

import pytest

from tests.architecture.tree import ROOT

# Each with a [class] in it, so that this file does not name what it looks for.
HOST = re.compile(r"pyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.org|debia[n]\.org")
MACHINE = re.compile(r"(?<![\w.}\]/*>])/(wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+|opt/(pyp[i]|wheel[s])|tmp/bash_job[s])\b")
INDEX = re.compile(r"(index-url|find-links|trusted-host|^-i|https?:|file:/)", re.MULTILINE)


def texts():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in sorted(filter(None, listed.stdout.decode().split("\0"))):
        if (ROOT / name).is_file():
            yield name, (ROOT / name).read_bytes().decode(errors="replace")


def test_no_file_names_an_index_or_a_machine():
    found = [(name, hit.group()) for name, text in texts() for form in (HOST, MACHINE) for hit in form.finditer(text)]
    assert not found


def test_requirements_name_no_place():
    requirements = {name: text for name, text in texts() if name.startswith("requirements/")}
    assert sorted(requirements) == ["requirements/dev.txt", "requirements/run.txt"]
    for text in requirements.values():
        assert not INDEX.search(text)


def test_requirements_are_all_pinned_and_hashed():
    for name in ("run", "dev"):
        text = (ROOT / f"requirements/{name}.txt").read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert lines
        assert [line.split()[0] for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


@pytest.mark.parametrize("planted", ["cd ~work~main", "see ~root~x", '"~home~kai~x"', "https:~~pypi!org~simple"])
def test_a_planted_place_is_caught(planted):
    place = planted.replace("~", "/").replace("!", ".")
    assert HOST.search(place) or MACHINE.search(place)


@pytest.mark.parametrize("harmless", ["exchange/work/a.csv", 'f"{folder}/work/a"', "/var/lib/renkei", "GET /v1/home"])
def test_a_folder_of_that_name_is_none(harmless):
    assert not MACHINE.search(harmless)
