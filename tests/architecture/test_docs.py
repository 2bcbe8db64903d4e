"""The documents are tested: each code, key, kind of fact, hook and command that they name exists, and the reverse."""

import re
import runpy

import pytest
import typer
from pydantic import BaseModel

from gateway.cli import commands as cli
from gateway.config import files, witness_file
from gateway.errors import CODES
from gateway.hub.journal.facts import FactKind
from gateway.observe import Telemetry, configure
from gateway.plugin import connector, hookspecs
from tests.acceptance.crash.kills import WALKS
from tests.architecture.tree import ROOT

WHERE = ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "plugins/**/README.md")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text() for pattern in WHERE for path in sorted(ROOT.glob(pattern))
}
GENERATED = runpy.run_path(str(ROOT / "docs/generate.py"))["pages"]()
CONFIGURATION = ["docs/configuration.md", "docs/configuration.ja.md"]


def first_cells(page):
    """The words in code form that open the rows of a page's tables."""
    return set(re.findall(r"^\| `([^`]+)` ", PAGES[page], re.MULTILINE))


# ---- error codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERATED)
def test_generated_page_is_fresh(name):
    assert (ROOT / "docs" / name).read_text() == GENERATED[name], "run: make docs"


@pytest.mark.parametrize("page", ["docs/errors.md", "docs/errors.ja.md"])
def test_every_error_code_is_documented_and_the_reverse(page):
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| \S", PAGES[page], re.MULTILINE)
    assert rows == [(name, str(code.status)) for name, code in CODES.items()]


# ---- configuration ---------------------------------------------------------------------------------------------------


def config_keys():
    """Every key as it is written in TOML, of every model of the configuration's files."""
    places = {**vars(files), **vars(witness_file)}
    models = [each for each in places.values() if isinstance(each, type) and issubclass(each, BaseModel)]
    ours = [each for each in models if each.__module__ in (files.__name__, witness_file.__name__)]
    return {field.alias or name for model in ours for name, field in model.model_fields.items()}


@pytest.mark.parametrize("page", CONFIGURATION)
def test_every_config_key_is_documented_and_the_reverse(page):
    """A row opens with the key, or with its table before it: `limits.body_bytes`."""
    assert {cell.rpartition(".")[2] for cell in first_cells(page)} == config_keys()


def test_both_languages_have_the_same_keys_in_the_same_places():
    first, other = (re.findall(r"^(?:#{2,} .*|\| `[^`]+` )", PAGES[page], re.MULTILINE) for page in CONFIGURATION)
    assert first == other


@pytest.mark.parametrize("page", CONFIGURATION)
@pytest.mark.parametrize("table", ["limits", "journal"])
def test_documented_defaults_are_the_defaults(table, page):
    rows = re.findall(rf"^\| `{table}\.(\w+)` \|.*\| `?([\w./]+)[^|]*\|$", PAGES[page], re.MULTILINE)
    models: dict[str, type[BaseModel]] = {"limits": files.Limits, "journal": files.JournalSettings}
    model = models[table]
    assert dict(rows) == {
        name: f"{field.default:.15g}" if isinstance(field.default, float) else str(field.default)
        for name, field in model.model_fields.items()
    }


# ---- facts -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_fact_is_documented_and_the_reverse():
    kinds = {cell for cell in first_cells("docs/log-format.md") if re.fullmatch(r"[a-z_]+\.[a-z_]+", cell)}
    assert kinds == {kind.value for kind in FactKind}


# ---- metrics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["docs/operate.md", "docs/operate.ja.md"])
def test_every_metric_is_documented_and_the_reverse(page):
    metrics = {each.name: each.type for each in Telemetry(configure()).registry.collect()}
    names = {f"{name}_total" if kind == "counter" else name for name, kind in metrics.items()}
    assert {cell for cell in first_cells(page) if cell.startswith("renkei_")} == names


# ---- figures that the code knows -------------------------------------------------------------------------------------


def test_the_named_write_points_are_counted_right():
    """How many kills `make soak` makes at least, and whose."""
    kills = {name: sum(len(point.hows) for point in points) for walk in WALKS for name, points in walk.items()}
    whose = f"{kills['gateway']} of the hub, {kills['edges']} of the edge, {kills['records']} of the record system"
    assert f"{sum(kills.values())} kills in hub and edges ({whose})" in PAGES["docs/reliability.md"]


# ---- hooks and the door ----------------------------------------------------------------------------------------------

PAGE = "docs/write-a-connector.md"
PROTOCOLS = [connector.Connector, connector.Polls, connector.Outbox]
METHODS = {name for each in PROTOCOLS for name, value in vars(each).items() if callable(value) and name[0] != "_"}


def test_every_hook_is_documented_and_the_reverse():
    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.PROJECT}_spec")}
    assert hooks
    assert set(re.findall(rf"\b{hookspecs.PROJECT}_\w+", PAGES[PAGE])) == hooks


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_of_the_door_is_documented(method):
    assert re.search(rf"`{method}\b|def {method}\(", PAGES[PAGE])


# ---- commands --------------------------------------------------------------------------------------------------------


def commands():
    """Every command by its path, `message trace`, with its click command; groups too."""
    root = typer.main.get_command(cli.app)
    found = {}

    def walk(path, command):
        found[path] = command
        if hasattr(command, "list_commands"):
            context = command.make_context("gateway", [], resilient_parsing=True)
            for name in command.list_commands(context):
                walk(f"{path} {name}".strip(), command.get_command(context, name))

    walk("", root)
    return found


COMMANDS = commands()
LEAVES = {path for path, command in COMMANDS.items() if not hasattr(command, "list_commands")}


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_explains_itself(path):
    command = COMMANDS[path]
    assert command.help, "a command says in one sentence what it does"
    silent = [each.name for each in command.params if each.param_type_name == "option" and not each.help]
    assert silent == []


@pytest.mark.parametrize("path", sorted(LEAVES))
def test_every_command_is_documented(path):
    assert any(re.search(rf"\bgateway {path}\b", text) for text in PAGES.values())


@pytest.mark.parametrize("page", PAGES)
def test_every_documented_command_exists(page):
    """Read from code only, in a block or inline, so that prose may say "gateway" as it likes."""
    code = "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", PAGES[page], re.MULTILINE | re.DOTALL))
    named = re.findall(r"(?:^|[`$/ ])gateway((?: [a-z][a-z-]*){1,2})", code, re.MULTILINE)
    unknown = [words for words in map(str.split, named) if words[0] not in COMMANDS or not leads_somewhere(words)]
    assert unknown == []


def leads_somewhere(words):
    group = words[0] not in LEAVES
    return not group or len(words) == 1 or " ".join(words) in COMMANDS


# ---- links and places ------------------------------------------------------------------------------------------------

DRAWN = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page):
    """What a heading can be linked by, as the common viewers make it."""
    titles = re.findall(r"^#+ (.+)$", DRAWN.sub("", PAGES[page]), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", DRAWN.sub("", PAGES[page]))
    for link in (each for each in links if "://" not in each):
        path, _, anchor = link.partition("#")
        there = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert there.exists(), link
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there.relative_to(ROOT).as_posix()), link


@pytest.mark.parametrize("page", [each for each in PAGES if not each.startswith("plugins/gateway_")])
def test_every_file_that_is_named_exists(page):
    named = re.findall(r"`((?:gateway|plugins|tests|docs|deploy|bench)/[\w./-]+)`", PAGES[page])
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_can_be_reached_from_the_readme():
    seen, found = set(), ["README.md"]
    while found:
        page = found.pop()
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+)", PAGES[page])
        there = {((ROOT / page).parent / link).resolve() for link in links if "://" not in link}
        names = {each.relative_to(ROOT).as_posix() for each in there if each.is_relative_to(ROOT)}
        found += [each for each in sorted(names) if each in PAGES and each not in seen]
    assert set(PAGES) - seen == set()
