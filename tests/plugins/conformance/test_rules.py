"""Each rule of the conformance suite can fail, and says what it saw; of a good connector none does."""

import asyncio
import gc
import importlib
import json
import shutil
import sys
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import web

from gateway.plugin import Accepted
from gateway.plugin.testing import Conformance, called, conformance, scale
from gateway.plugin.testing import line as lines
from gateway.plugin.testing import scene as scenes
from gateway.plugin.testing.package import staged
from gateway.plugin.testing.rule import Level, Rule
from gateway.plugin.testing.rules import RULES, effects, network, package, privacy, truth
from gateway.plugin.testing.scale import Finding, State, findings, judged, reached
from gateway.plugin.testing.stage import Stage
from gateway_pmh import answers
from gateway_pmh.conformance import PublicMedicalHub
from tests.plugins.conformance.breakers import BREAKERS, Breaker
from tests.plugins.conformance.careless import CARELESS, HARMLESS, KEPT, LIBRARY, ONCE_IT_HANGS
from tests.plugins.conformance.hurried import IMPORT, OPENS, PUT, SETTLED, UNCHECKED
from tests.plugins.conformance.replaced import REPLACED
from tests.plugins.example.school_register_conformance import Register, SchoolRegisterSubject

EXAMPLE = Path(__file__).parents[1] / "example"
GOOD = "gateway_school_register"
HELPER = "school_helper"
BY_ID = {each.id: each for each in RULES}
ALL = (*BREAKERS, *CARELESS)
_SESSION = "connect through context.session"


@pytest.fixture
def example(tmp_path, monkeypatch):
    """A copy of the example's package, edited: a stage for it."""

    def make(breaker: Breaker | None = None, subject: Any = SchoolRegisterSubject) -> Stage:
        for name in (f"{GOOD}.py", "interface.lock.json", "README.md"):
            shutil.copy(EXAMPLE / name, tmp_path)
        if breaker is not None:
            text = (tmp_path / breaker.file).read_text(encoding="utf-8")
            assert breaker.old in text, "the example has changed: so must its breaker"
            (tmp_path / breaker.file).write_text(text.replace(breaker.old, breaker.new), encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, GOOD, raising=False)
        importlib.invalidate_caches()
        return staged(subject, GOOD, name="school_register")

    yield make
    for name in (GOOD, HELPER):
        sys.modules.pop(name, None)
    while KEPT:
        KEPT.pop().close()


def judge(rule: Rule, stage: Stage) -> Finding:
    return asyncio.run(judged(rule, stage))


def test_a_good_connector_reaches_gold(example):
    found = list(findings(example()))
    left = [(each.rule.id, each.state, each.seen, each.detail) for each in found if each.state is not State.DONE]
    assert left == [("attests", State.EXEMPT, "no peer shows it a proof", "")]
    assert [each.rule for each in found] == list(RULES)
    assert reached(found) is Level.GOLD


@pytest.mark.parametrize("breaker", ALL, ids=[f"{each.rule}-{at}" for at, each in enumerate(ALL)])
def test_what_breaks_a_rule_is_seen(breaker, example, monkeypatch):
    for module in (scenes, called):
        monkeypatch.setattr(module, "SLACK", 3.0)  # what hangs here hangs for good
    monkeypatch.setattr(network, "_LATER", 1.5)  # which is neither in time nor that late, however busy the machine
    monkeypatch.setattr(called, "LONG", 2.0)
    monkeypatch.setattr(effects, "_LONGEST", 0.1)
    monkeypatch.setattr(privacy, "_SLOW", 0.4)
    found = judge(BY_ID[breaker.rule], example(breaker))
    assert found.state is State.TO_DO
    assert breaker.seen in found.seen, found.detail
    assert found.next
    assert breaker.next in found.next


def test_what_it_does_only_once_its_system_hangs_is_seen(example, monkeypatch):
    monkeypatch.setattr(effects, "_LONGEST", 60.0)  # a delivery ends by itself before
    found = judge(BY_ID["blocks-nobody"], example(ONCE_IT_HANGS))
    assert ONCE_IT_HANGS.seen in found.seen, found.detail


def test_what_a_machine_has_set_hides_nothing_that_an_import_sets(example, tmp_path, monkeypatch):
    (tmp_path / "begun").write_bytes(b"TZ=Asia/Tokyo\0PYTHONWARNINGS=ignore\0")
    monkeypatch.setattr(package, "_BEGUN", tmp_path / "begun")
    changes = next(each for each in CARELESS if each.rule == "loads")
    assert judge(BY_ID["loads"], example(changes)).seen == changes.seen


def test_a_process_that_has_named_itself_anew_has_an_environment_still(example, tmp_path, monkeypatch):
    (tmp_path / "begun").write_bytes(b"a title\0\0\0")
    monkeypatch.setattr(package, "_BEGUN", tmp_path / "begun")
    monkeypatch.setenv("MADE_UP", "1")
    wants = Breaker("loads", IMPORT, f"{IMPORT}__import__('os').environ['MADE_UP']\n", "")
    assert judge(BY_ID["loads"], example(wants)).state is State.DONE


@pytest.mark.parametrize(
    ("rule", "code", "seen"),
    [
        ("door-only", "import gateway.errors", f"{HELPER}.py imports gateway.errors"),
        ("loads", "open(f'{__file__}.pid', 'w').close()", "importing it had a side effect (a file written)"),
    ],
)
def test_a_module_beside_it_is_held_to_the_same(rule, code, seen, example, tmp_path):
    (tmp_path / f"{HELPER}.py").write_text(code, encoding="utf-8")
    found = judge(BY_ID[rule], example(Breaker(rule, IMPORT, f"{IMPORT}import {HELPER}\n", "")))
    assert (found.state, found.seen) == (State.TO_DO, seen), found.detail


@pytest.mark.parametrize("replaced", REPLACED, ids=[f"{each.rule}-{at}" for at, each in enumerate(REPLACED)])
def test_what_breaks_it_in_another_connector_or_in_the_subject_is_seen(replaced, example, monkeypatch):
    for what, instead in replaced.instead.items():
        monkeypatch.setattr(what, instead)
    monkeypatch.setattr(called, "LONG", 2.0)  # what does not come here never comes
    ours = replaced.subject is PublicMedicalHub
    found = judge(BY_ID[replaced.rule], staged(PublicMedicalHub) if ours else example())
    assert found.state is State.TO_DO
    assert replaced.seen in found.seen, found.detail
    assert found.next


def test_what_was_seen_of_a_play_that_broke_is_told_by_the_rule_for_it(example):
    raises = "        __import__('time').sleep(0.001)\n        raise LookupError\n"
    stage = example(Breaker("blocks-nobody", PUT, raises, ""))
    seen = {each.rule.id: each.seen for each in findings(stage, ("starts-no-program", "blocks-nobody"))}
    assert seen["blocks-nobody"].startswith(f"it holds up the event loop, waiting (time.sleep in {GOOD}.py:")
    assert seen["starts-no-program"].startswith(f"deliver raised LookupError in {GOOD}.py:")


@pytest.mark.parametrize(
    ("instead", "next_"),
    [
        (UNCHECKED.format(less="tls = __import__('ssl').create_default_context(cafile=self._settings.ca)"), _SESSION),
        (UNCHECKED.format(less="tls = __import__('ssl').create_default_context()"), _SESSION),
        ("        raise Later('system_unreachable')\n", "see whether the stand-in answers"),
    ],
)
def test_who_comes_without_the_line_s_certificate_or_authority_is_told_to_take_its_session(
    instead, next_, example, monkeypatch
):
    monkeypatch.setattr(called, "LONG", 0.1)
    found = judge(BY_ID["carries"], example(Breaker("carries", PUT, instead, "")))
    assert found.seen == "subject.register is deferred again and again (system_unreachable)", found.detail
    assert found.next.startswith(next_)


@pytest.mark.parametrize(
    ("raises", "seen", "next_"),
    [
        ("json').loads('')", ("JSONDecodeError", "at decoder.py"), "raise Refused or Deferred"),
        ("os').environ['NO_SUCH']", ("KeyError", ""), "take it from the settings"),
    ],
)
def test_what_a_library_raises_is_told_with_the_connectors_own_line(raises, seen, next_, example):
    stage = example(Breaker("opens-and-closes", OPENS, f"{OPENS}        __import__('{raises}\n", ""))
    found = judge(BY_ID["opens-and-closes"], stage)
    kind, library = seen
    own, _, beside = found.seen.partition(" (")
    assert own.startswith(f"open raised {kind} in {GOOD}.py:"), found.detail
    assert beside.partition(":")[0] == library
    assert found.next.startswith(next_)


def test_what_harms_nobody_is_not_seen(example, tmp_path, monkeypatch):
    """A library's own doing as it is first imported; what waits elsewhere, or not at all; what is kept once for
    all, or is large and no answer; and whatever the subject does.
    """

    class Slow(SchoolRegisterSubject):
        def record(self, direction, operation, person):
            time.sleep(0.001)
            return super().record(direction, operation, person)

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/school_library.py").write_text(LIBRARY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    monkeypatch.setattr(effects, "_LONGEST", 0.1)
    stage = example(HARMLESS, Slow)
    rules = ("loads", "talks-to-its-system", "starts-no-program", "blocks-nobody", "leaves-nothing", "huge")
    assert [(each.rule.id, each.state, each.seen) for each in findings(stage, rules)] == [
        (each, State.DONE, "") for each in rules
    ]


def test_who_asks_its_system_as_it_opens_and_defers_there_is_judged_from_then_on(example):
    asks = f"""{OPENS}        try:
            await self._ask("GET", "/alive")
        except Later as later:
            raise Deferred(later.outcome.code) from None
"""
    stage = example(Breaker("garbage", OPENS, asks, ""))
    found = findings(stage, ("busy", "garbage", "huge", "lies"))
    assert {each.rule.id: each.seen for each in found if each.state is not State.DONE} == {}


def test_a_settled_that_does_not_return_holds_up_nothing_and_is_told_by_its_own_rule(example, monkeypatch):
    monkeypatch.setattr(lines, "SLACK", 0.1)
    monkeypatch.setattr(scale, "_LONGEST", 900.0)
    hangs = f"        if 1 not in outcomes:  # of what it sent\n            await asyncio.Event().wait()\n{SETTLED}"
    rules = ("carries", "no-leaks", "leaves-nothing", "settled", "restart")
    found = list(findings(example(Breaker("settled", SETTLED, hangs, "")), rules))
    assert [each.rule.id for each in found if each.state is not State.DONE] == ["settled"]
    assert found[3].seen.startswith("settled had not returned")
    assert len(found) == len(rules)


def test_every_rule_has_a_breaker_and_every_breaker_a_rule():
    assert {each.rule for each in ALL} | {"attests"} == set(BY_ID), "that one's are in test_proofs.py"


GROUPS = """\
class Names(RootModel[dict[str, str]]):
    pass


class Group(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict({})

    names: Names = Names({{}})
    within: "list[Group]" = []


class Settings(BaseModel):
    groups: list[Group] = []
    names: Names = Names({{}})
"""


@pytest.mark.parametrize(
    ("forms", "seen"),
    [
        ('extra="forbid", strict=True, hide_input_in_errors=True', ""),
        ("strict=True", "an unknown setting in Group is taken"),
    ],
)
def test_settings_may_hold_themselves_and_maps(forms, seen, example):
    """A map takes every key: that is what it is for."""

    class Named(SchoolRegisterSubject):
        def settings(self, place, address):
            return {**super().settings(place, address), "names": {"a": "A"}}

    breaker = Breaker("settings-closed", "class Settings(BaseModel):\n", GROUPS.format(forms), "")
    found = judge(BY_ID["settings-closed"], example(breaker, Named))
    assert (found.state, found.seen) == (State.TO_DO if seen else State.DONE, seen), found.detail


def test_the_readme_names_what_such_settings_hold(example):
    found = judge(
        BY_ID["documented"], example(Breaker("documented", "class Settings(BaseModel):\n", GROUPS.format(""), ""))
    )
    assert found.seen == "README.md does not name groups, names, within", found.detail


def test_a_secret_that_stands_in_the_settings_is_sought(example):
    class Told(SchoolRegisterSubject):
        def settings(self, place, address):
            return {**super().settings(place, address), "logins": [{"password": "made-up-4711"}], "api_key": "file:key"}

    more = "    api_key: str = ''\n    logins: list[dict[str, str]] = []\n\n\nclass _Stored("
    found = judge(BY_ID["no-leaks"], example(Breaker("no-leaks", "\n\nclass _Stored(", more, ""), Told))
    assert found.seen == "a secret of its settings is in the repr of its settings", found.detail


def test_another_ones_data_in_an_answer_is_seen(monkeypatch):
    """Which takes a request; the example has none."""

    def believe(row, sent, asked):
        return Accepted(reply={"pmh_key": row.issued["pmhKey"], "individual_number": row.issued["myNumber"]})

    monkeypatch.setattr(answers, "_outcome", believe)
    found = judge(BY_ID["lies"], staged(PublicMedicalHub))
    assert found.state is State.TO_DO
    assert "pmh_key.issue: upon rows with each other's number a record is answered with another's data" in found.seen


def test_an_honest_exchange_that_is_deferred_is_had_once_more(example, monkeypatch):
    """Of answers that nobody had none is falsified, and the rule would hold of whoever believes all."""
    calls = count()

    async def busy_at_first(register, request, store=Register._store):
        if next(calls) == 0:
            raise web.HTTPServiceUnavailable
        return await store(register, request)

    monkeypatch.setattr(Register, "_store", busy_at_first)
    stage = example()

    async def had():
        async with stage.scene() as scene:
            return await truth._answers(scene, stage.receiving()[0])

    assert [json.loads(each) for each in asyncio.run(had())] == [{"0": "stored", "2": "stored"}]


# ---- exemptions ------------------------------------------------------------------------------------------------------


class Exempt(SchoolRegisterSubject):
    exempt: ClassVar[Mapping[str, str]] = {"documented": "it is made up"}


def test_an_exemption_that_is_needed_shows_its_reason(example):
    (breaker,) = (each for each in BREAKERS if each.rule == "documented")
    found = judge(BY_ID["documented"], example(breaker, Exempt))
    assert (found.state, found.seen) == (State.EXEMPT, "it is made up")


def test_no_reason_exempts_from_bronze_but_what_the_suite_sees_does(example):
    class Trusted(SchoolRegisterSubject):
        exempt: ClassVar[Mapping[str, str]] = {"door-only": "we know what we do", "attests": "no proof"}

    stage = example(next(each for each in BREAKERS if each.rule == "door-only"), Trusted)
    found = judge(BY_ID["door-only"], stage)
    assert (found.state, "no reason exempts from a rule of bronze" in found.seen) == (State.TO_DO, True)
    assert "imports gateway.errors" in found.seen
    assert judge(BY_ID["attests"], stage).state is State.EXEMPT


def test_an_exemption_that_is_not_needed_is_to_do(example):
    found = judge(BY_ID["documented"], example(None, Exempt))
    assert (found.state, found.seen) == (State.TO_DO, "exemption not needed: the rule holds")


@pytest.mark.parametrize("raised", [LookupError, SystemExit])
def test_a_stand_in_that_fails_is_told_with_the_place_and_without_its_words(raised, example):
    class Failing(SchoolRegisterSubject):
        async def effects(self, address):
            raise raised("架空 太郎")

    found = judge(BY_ID["once"], example(None, Failing))
    line = Failing.effects.__code__.co_firstlineno + 1
    seen = f"{raised.__name__} was raised in test_rules.py:{line} while the scene was set or played"
    assert (found.state, found.seen) == (State.TO_DO, seen)
    assert "架空" not in f"{found!r}"


def test_an_exit_in_a_task_of_its_own_ends_the_check_and_not_the_process(example, caplog):
    raises = "async def exits():\n            raise SystemExit('left-behind-3f9a')\n\n"
    exits = f"{raises}        self.left = asyncio.create_task(exits())\n"
    found = list(findings(example(Breaker("carries", PUT, f"        {exits}{PUT}", "")), ("carries", "documented")))
    assert [(each.rule.id, each.state) for each in found] == [("carries", State.TO_DO)]
    assert found[0].seen == "a task that it left behind ended the process"
    assert f"{GOOD}.py:" in found[0].detail
    gc.collect()  # asyncio speaks of it once nobody can ask for what it raised
    assert "left-behind-3f9a" not in f"{found!r}{caplog.text}"


@pytest.mark.parametrize(
    ("broken", "level"),
    [((), Level.GOLD), (("lies",), Level.SILVER), (("once", "lies"), Level.BRONZE), (("loads",), None)],
)
def test_a_level_wants_those_before_it(broken, level):
    states = (Finding(each, State.TO_DO if each.id in broken else State.DONE) for each in RULES)
    assert reached(list(states)) is level


def test_under_an_authors_own_pytest_a_rule_that_breaks_fails(example, monkeypatch):
    (breaker,) = (each for each in BREAKERS if each.rule == "documented")
    example(breaker)
    stages = []

    def seen(rule, stage):
        stages.append(stage)
        return judged(rule, stage)

    monkeypatch.setattr(conformance, "judged", seen)
    suite = Conformance()
    monkeypatch.setattr(Conformance, "subject", SchoolRegisterSubject, raising=False)
    monkeypatch.setattr(Conformance, "hook", GOOD)
    suite.test_rule(BY_ID["loads"])
    with pytest.raises(pytest.fail.Exception, match=r"README\.md does not name answer_timeout"):
        suite.test_rule(BY_ID["documented"])
    assert stages[0] is stages[1], "what is seen in a play is shared"
