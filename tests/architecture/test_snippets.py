"""Every snippet of the pages is run, or held against what would read it: a command against the program's own tree, TOML
against the model of its file. What is neither stands in a short list, with the reason.
"""

import ast
import json
import re
import shlex
import subprocess
import tomllib
from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter

from docs.drawn.commands import tree
from docs.drawn.configuration import FILES
from docs.pages import pages
from gateway.config import files
from gateway.edge import plugins
from tests.architecture.tree import ROOT

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
RUN = {
    "README.md": "tests/architecture/test_tour.py",
    "docs/city-by-hand.md": "tests/architecture/test_city_by_hand.py",
    "docs/conformance.md": "tests/plugins/conformance/test_page.py",
    "docs/disclosure-request.md": "tests/acceptance/test_guides.py",
    "docs/evidence.md": "tests/evidence/test_page.py",
    "docs/incident.md": "tests/acceptance/test_guides.py",
    "docs/log-format.md": "tests/journal/test_log_format.py",
    "docs/operate.md": "tests/acceptance/test_guides.py",
    "docs/reports.md": "tests/acceptance/test_guides.py",
    "docs/restore.md": "tests/acceptance/test_guides.py",
    "docs/rotate-keys.md": "tests/acceptance/test_guides.py",
    "docs/tutorial.md": "tests/acceptance/kit/test_tutorial.py",
    "docs/upgrade.md": "tests/acceptance/test_guides.py",
    "docs/write-a-connector.md": "tests/plugins/example/test_example.py",
}
"""Pages whose programs and commands are run, and by which test."""
UNREAD = {
    "plugins/gateway_clinic_app/README.md": "the simulator's own file",
    "plugins/gateway_history_lookup/README.md": "the simulator's own file",
    "plugins/gateway_intermediate_server/simulated/README.md": "the simulator's own file",
    "plugins/gateway_myna_portal/README.md": "the simulator's own file",
    "plugins/gateway_pmh/README.md": "the simulator's own file",
    "plugins/gateway_vaccination_db/README.md": "the simulator's own file",
    "plugins/gateway_vaccination_records/README.md": "the record system's own file",
    "docs/conformance.md": "a package's pyproject.toml",
    "docs/write-a-connector.md": "a package's pyproject.toml",
}
"""Pages with TOML of which no model of the gateway reads one block: that one need only parse."""


@dataclass(frozen=True)
class Snippet:
    """One fenced block, without its indent."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.number}-{self.language}"


def snippets():
    for page in pages():
        for number, found in enumerate(FENCE.finditer((ROOT / page).read_text(encoding="utf-8")), 1):
            text = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
            yield Snippet(page, number, found["language"], text)


SNIPPETS = list(snippets())


def of(*languages):
    return pytest.mark.parametrize("snippet", [each for each in SNIPPETS if each.language in languages], ids=str)


def test_every_language_is_looked_at():
    """`console` has commands to be given one by one, `text` what a program prints; a block without a language has
    commands, forms of headers, or a drawing.
    """
    assert {each.language for each in SNIPPETS} <= {"sh", "console", "toml", "json", "python", "text", ""}


# ---- commands --------------------------------------------------------------------------------------------------------

COMMANDS = tree()
INNER = re.compile(r"\$\(([^()]*)\)")
CALL = re.compile(r"(?:^|[|;&(]|runuser -u renkei --|[A-Z_]+=\S+) *gateway ([^\n|;&#<>)]*)", re.MULTILINE)


def calls(text):
    """The words behind each `gateway` of a script, and of what a script puts in by `$(...)`."""
    whole = text.replace("\\\n", " ")
    for part in (*INNER.findall(whole), INNER.sub("$INNER", whole)):
        yield from (shlex.split(found[1]) for found in CALL.finditer(part))


def command_of(words):
    """The command that these begin with, by its path. Raises ValueError if there is none."""
    for path in (" ".join(words[:count]) for count in (3, 2, 1)):
        if path in COMMANDS and not hasattr(COMMANDS[path], "list_commands"):
            return path
    raise ValueError(f"no command: {' '.join(words[:3])}")


def parse(words):
    """As the program would, without doing it. Raises UsageError if there is no such option, or not with this value."""
    path = command_of(words)
    given = [PLACES.get(word, word) for word in words[len(path.split()) :]]
    COMMANDS[path].make_context(f"gateway {path}", given)


PLACES = {"MESSAGE_ID": "01234567-89ab-7cde-8f01-23456789abcd", "DAY": "2027-03-31"}
"""What stands for a placeholder, where the program wants a form."""


@of("sh", "console", "")
def test_every_command_can_be_given_as_it_stands(snippet):
    for words in calls(snippet.text):
        if any(word.startswith("$") for word in words):
            assert snippet.page in RUN, "only the shell knows what a variable stands for, and nothing runs this page"
            command_of(words)
        elif words != ["--version"] and not (snippet.language == "" and "..." in words):
            parse(words)


@pytest.mark.parametrize(
    "planted",
    ["gateway log serach 999997", "gateway check --rot /srv", "gateway log search 99", "x=$(gateway hold lst 999997)"],
)
def test_a_planted_mistake_is_caught(planted):
    (words,) = calls(planted)
    with pytest.raises(Exception, match=r"[Nn]o (such )?(command|option)|municipality code"):
        parse(words)


def test_every_script_is_one_that_the_shell_can_read():
    """All in one go, each in a function of its own, so that the failing one is named by its line."""
    scripts = [each for each in SNIPPETS if each.language == "sh"]
    assert len(scripts) > 50
    text = "\n".join(f": {each}\n{each.text}" for each in scripts)
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# ---- configuration ---------------------------------------------------------------------------------------------------

KEYS = {
    field.alias or name: TypeAdapter(field.annotation)
    for model in FILES.values()
    for name, field in model.model_fields.items()
    if field.annotation is not None
}


def held(text):
    """Hold each key of a fragment against the model of its file. False if it is of no file of ours."""
    fragment = tomllib.loads(text)
    for name, entry in fragment.get("connectors", {}).items():
        if "zone" in entry:
            files.ConnectorEntry.model_validate({"responsible": "staff-0001"} | entry)
        settings(name, entry.get("settings", {}))
    known = fragment.keys() & (KEYS.keys() - {"connectors"})
    for key in known:
        KEYS[key].validate_python(fragment[key])
    return bool(known) or "connectors" in fragment


def settings(name, given):
    if any(each.name == name for each in plugins.installed()):
        plugins.load(name, plugins.installed()).spec.settings.model_validate(given)


@of("toml")
def test_every_fragment_of_the_configuration_holds(snippet):
    tomllib.loads(snippet.text)
    if snippet.page in UNREAD and UNREAD_MARK.search(snippet.text):
        return
    if snippet.page == "plugins/gateway_health_management/README.md":
        settings("health_management", tomllib.loads(snippet.text))
        return
    assert held(snippet.text), "of no file that the gateway reads"


UNREAD_MARK = re.compile(r"^\[(listen|build-system|inquiry_keys|tls|project\.entry-points\..*)\]$", re.MULTILINE)


@pytest.mark.parametrize(
    "planted",
    [
        '[[witnesses]]\nurl = "http://witness.example"\nkey = "a"\nca = "b"',
        "[limits]\nlane = 4",
        "[connectors.pmh.settings]\nbase = 1",
    ],
)
def test_a_planted_fragment_is_caught(planted):
    with pytest.raises(ValueError, match="validation error"):
        held(planted)


# ---- the others ------------------------------------------------------------------------------------------------------


@of("json")
def test_every_json_is_json(snippet):
    json.loads(snippet.text)


@of("python")
def test_every_program_compiles(snippet):
    compile(snippet.text, str(snippet), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", RUN)
def test_who_is_said_to_run_a_page_names_it(page):
    assert page.rpartition("/")[2].removesuffix(".md") in (ROOT / RUN[page]).read_text(encoding="utf-8")


def test_every_guide_with_programs_is_run():
    """Commands of a guide, and programs, are not only read."""
    programs = {each.page for each in SNIPPETS if each.language == "python" and "/reference/" not in each.page}
    guides = {each.page for each in SNIPPETS if each.page.startswith("docs/") and commands(each)}
    assert (programs | guides) - READ_ONLY.keys() <= RUN.keys() | {page.replace(".md", ".ja.md") for page in RUN}


def commands(snippet):
    """Whether it is a script, or has commands of the gateway's and no form to be filled in."""
    return snippet.language == "sh" or (
        snippet.language == "" and any("..." not in each for each in calls(snippet.text))
    )


READ_ONLY = {
    "docs/assessment.md": "the same in English",
    "docs/assessment.ja.md": "its two roots are the reader's: tests/assessment/test_commands.py gives the same",
    "docs/officers.ja.md": "a held message must be there: tests/acceptance/test_holds.py and test_review.py give these",
}
"""Pages whose commands and programs are parsed and not run."""


def unspoken(text):
    """The commands of a page, without what is said beside them."""
    return [re.sub(r" +#.*", "", each.text) for each in SNIPPETS if each.page == text and each.language == "sh"]


@pytest.mark.parametrize("page", [each for each in RUN if (ROOT / each.replace(".md", ".ja.md")).exists()])
def test_a_page_has_the_same_commands_in_japanese(page):
    assert unspoken(page.replace(".md", ".ja.md")) == unspoken(page)
