"""The difference report (F22, C195): exports as the connector wrote them, originals as the city lists them."""

import asyncio
import csv
import io
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_health_management.differences import Replicas, State
from gateway_health_management.forms import by_label
from gateway_health_management.interface.replica import Replica
from gateway_health_management.reconcile import main, reconcile
from gateway_health_management.simulator import city_csv
from tests.plugins.health_management.line import EXAMPLE, README, Line, new_life, settings
from tests.plugins.health_management.network import exported, kept, tells
from tests.plugins.health_management.test_forms import REPLICA

Cells = dict[str, str]


def original(serial: int, record_no: str, **changes: str) -> Cells:
    """What the city has of the record that `kept(record_no)` is the replica of."""
    same = {"接種日": "20250601", "接種回": "1", "ロット番号": "LOT-1"}
    return REPLICA | same | {"内部番号": f"{serial:010d}", "レコード識別番号": record_no} | changes


def tenant(folder: Path, **other: Any) -> Path:
    """The tenant's file, with the README's settings of this connector."""
    example = README.partition("```toml\n")[2].partition("```")[0]
    for name, value in other.items():
        before = f'{name} = "{EXAMPLE[name]}"'
        assert before in example
        example = example.replace(before, f'{name} = "{value}"')
    at = "connectors.health_management.settings"
    text = f"[{at}]\n" + example.replace("\n[", f"\n[{at}.")
    assert tomllib.loads(text)
    (folder / "tenant.toml").write_text(text, encoding="utf-8")
    return folder / "tenant.toml"


async def exports(folder: Path, *runs: Mapping[int, list[dict[str, Any]]], **other: Any) -> list[str]:
    """The files of `out/`, for each run one message with its persons' replicas."""
    connector = await new_life(Line(), settings(folder, **other))
    for message, persons in enumerate(runs, start=1):
        records = [exported(serial, *replicas) for serial, replicas in persons.items()]
        await connector.deliver(tells("replica.export", *records, message=message))
    return [str(path) for path in sorted((folder / "out").iterdir())]


def listed(folder: Path, *rows: Cells, encoding: str = "cp932") -> str:
    data = city_csv(list(rows[0]), [list(row.values()) for row in rows], encoding)
    (folder / "originals.csv").write_bytes(data)
    return str(folder / "originals.csv")


def run(folder: Path, files: list[str], originals: str, **other: Any) -> int:
    chosen = str(tenant(folder, **other))
    return main([*files, "--originals", originals, "--tenant", chosen, "--out", str(folder / "report.csv")])


def report(folder: Path, encoding: str = "cp932") -> list[list[str]]:
    text = (folder / "report.csv").read_bytes().decode(encoding)
    header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == ["レコード識別番号", "内部番号", "差異"]
    return lines


async def test_replicas_as_the_originals_are_no_difference(tmp_path, capsys):
    files = await exports(tmp_path, {1: [kept("REC-1"), kept("REC-2")], 2: []})
    assert run(tmp_path, files, listed(tmp_path, original(1, "REC-2"), original(1, "REC-1"))) == 0
    assert report(tmp_path) == []
    told = dict(reversed(line.strip().split(" ", 1)) for line in capsys.readouterr().out.splitlines())
    assert told == {
        "persons exported": "2", "replicas": "2",
        "副本なし": "0", "原本なし": "0", "内容が異なる": "0", "版が異なる": "0",
    }  # fmt: skip


async def test_each_way_to_differ_is_told_with_the_record_and_its_person_and_nothing_else(tmp_path, capsys):
    files = await exports(
        tmp_path,
        {
            1: [kept("REC-SAME"), kept("REC-OLD", update_seq=1, lot_no="LOT-0"), kept("REC-OTHER", lot_no="LOT-9")],
            2: [kept("REC-ERASED"), kept("REC-MOVED")],
        },
    )
    originals = [
        original(3, "REC-NEW"),
        original(1, "REC-SAME"),
        original(1, "REC-OLD", 更新連番="2"),
        original(1, "REC-OTHER"),
        original(3, "REC-MOVED"),
    ]
    assert run(tmp_path, files, listed(tmp_path, *originals)) == 1
    assert report(tmp_path) == [
        ["REC-NEW", "0000000003", "副本なし"],
        ["REC-OLD", "0000000001", "版が異なる"],
        ["REC-OTHER", "0000000001", "内容が異なる"],
        ["REC-MOVED", "0000000003", "内容が異なる"],
        ["REC-ERASED", "0000000002", "原本なし"],
    ]
    assert (tmp_path / "report.csv").stat().st_mode & 0o077 == 0, "it names persons"
    assert capsys.readouterr().out.split() == [
        "2", "persons", "exported", "5", "replicas",
        "1", "副本なし", "1", "原本なし", "2", "内容が異なる", "1", "版が異なる",
    ]  # fmt: skip


@pytest.mark.parametrize("change", sorted(REPLICA.keys() - {"自治体コード", "レコード識別番号"}))
async def test_every_cell_of_a_replica_counts(tmp_path, change):
    others = {
        "内部番号": "0000000009", "特定個人情報名コード": "TM00000000000002", "特定個人情報の版番号": "2",
        "自動応答不可フラグ": "1", "接種日": "20250602", "ワクチン名(一般名)": "架空の別ワクチン", "接種回": "",
        "接種量": "0.25", "海外接種フラグ": "1", "更新日時": "20260401093001", "更新連番": "2",
    }  # fmt: skip
    files = await exports(tmp_path, {1: [kept("REC-1")]})
    assert run(tmp_path, files, listed(tmp_path, original(1, "REC-1", **{change: others[change]}))) == 1
    assert [difference for *_, difference in report(tmp_path)] == [
        "版が異なる" if change in {"更新日時", "更新連番"} else "内容が異なる"
    ]


async def test_a_time_is_the_same_instant_however_it_is_written(tmp_path):
    files = await exports(
        tmp_path,
        {1: [kept("REC-1", updated_at="2026-04-01T00:30:00Z"), kept("REC-2", updated_at="2026-04-01T00:30:00.50Z")]},
        datetimes="RFC3339",
    )
    originals = [
        original(1, "REC-1", 更新日時="2026-04-01T09:30:00+09:00"),
        original(1, "REC-2", 更新日時="2026-04-01T09:30:00.5+09:00"),
    ]
    assert run(tmp_path, files, listed(tmp_path, *originals), datetimes="RFC3339") == 0


async def test_of_two_exports_of_a_person_the_newer_one_counts_in_whatever_order_they_are_given(tmp_path):
    """A replica that was deleted between two runs, and one message that was handed over in parts, twice."""
    runs = ({1: [kept("REC-1"), kept("REC-2")], 2: [kept("REC-3")]}, {1: [kept("REC-1")]})
    files = await exports(tmp_path, *runs)
    originals = listed(tmp_path, original(1, "REC-1"), original(2, "REC-3"))
    assert run(tmp_path, files, originals) == run(tmp_path, files[::-1], originals) == 0
    assert run(tmp_path, files[:1], originals) == 1
    assert report(tmp_path) == [["REC-2", "0000000001", "原本なし"]]


async def test_a_record_that_two_persons_replicas_have_is_told_whatever_the_original_says(tmp_path):
    files = await exports(tmp_path, {1: [kept("REC-1")], 2: [kept("REC-1")]})
    for serial in (1, 2):
        assert run(tmp_path, files, listed(tmp_path, original(serial, "REC-1"))) == 1
        assert report(tmp_path) == [["REC-1", f"{serial:010d}", "内容が異なる"]]


async def test_headers_and_flags_of_the_originals_are_those_of_the_settings(tmp_path):
    row = original(1, "REC-1") | {"自動応答不可フラグ": "いいえ", "海外接種フラグ": "否"}
    headers = {f"列{name}": name for header, name in by_label(Replica).items() if header in row}
    other: dict[str, Any] = {
        "flags": {"はい": True, "否": False, "いいえ": False},
        "files": {"replica.register": {"prefix": "r_", "columns": headers}},
    }
    files = [Path(each) for each in await exports(tmp_path, {1: [kept("REC-1")]}, **other)]
    originals = Path(listed(tmp_path, {f"列{by_label(Replica)[header]}": cell for header, cell in row.items()}))
    counts = reconcile(files, originals, tmp_path / "report.csv", settings(tmp_path, **other))
    assert (counts["replicas"], report(tmp_path)) == (1, [])


async def test_the_encoding_is_the_settings(tmp_path):
    files = await exports(tmp_path, {1: [kept("REC-1", vaccine_maker="架空𠮷製薬")]}, encoding="utf-8")
    row = original(1, "REC-1") | {"ワクチンメーカー名": "架空𠮷製薬"}
    assert run(tmp_path, files, listed(tmp_path, row, encoding="utf-8"), encoding="utf-8") == 0
    assert run(tmp_path, files, listed(tmp_path, row, encoding="utf-8")) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([original(1, "REC-1"), original(2, "REC-1")], "--originals: row 2 is of a record that an earlier row is of"),
        ([original(1, "REC-1", 接種日="四月一日")], "--originals: row 1: not_a_date vaccinated_on"),
        ([original(1, "REC-1", 更新日時="20269999999999")], "--originals: row 1: not_a_time updated_at"),
        ([original(1, "")], "--originals: row 1: missing_required dataset_record_no"),
        ([{"内部番号": "0000000001"}], "--originals: missing_column municipality_code "),
    ],
)
async def test_a_list_that_cannot_be_held_against_them_is_wrong_usage_and_leaves_no_report(
    tmp_path, capsys, rows, said
):
    files = await exports(tmp_path, {1: [kept("REC-1")]})
    assert run(tmp_path, files, listed(tmp_path, *rows)) == 2
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert not {"四月一日", "REC-1", "0000000001"} & set(told.split())
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"originals.csv", "tenant.toml"}


async def test_a_file_that_is_no_export_is_told_by_its_place_alone(tmp_path, capsys):
    (file,) = await exports(tmp_path, {1: [kept("REC-1")]})
    originals = listed(tmp_path, original(1, "REC-1"))
    (tmp_path / "架空.csv").write_bytes("架空".encode())
    for other, said in ((tmp_path / "架空.csv", "is no export in cp932"), (tmp_path / "none", "cannot be read (")):
        assert run(tmp_path, [file, str(other)], originals) == 2
        assert capsys.readouterr().err.startswith(f"EXPORTS: file 2 {said}")
    Path(file).write_bytes(Path(file).read_bytes()[:-3])  # within its last cell
    assert run(tmp_path, [file], originals) == 2


async def test_settings_that_are_none_are_wrong_usage(tmp_path, capsys):
    (file,) = await exports(tmp_path, {1: [kept("REC-1")]})
    originals = listed(tmp_path, original(1, "REC-1"))
    assert run(tmp_path, [file], originals, exchange_folder="@ROOT@/exchange") == 2
    assert capsys.readouterr().err.startswith("--tenant: ")
    assert not (tmp_path / "report.csv").exists()


def test_it_is_a_command(tmp_path):
    files = asyncio.run(exports(tmp_path, {1: [kept("REC-1")]}))
    command = (sys.executable, "-m", "gateway_health_management.reconcile", *files)
    sides = ("--originals", listed(tmp_path, original(1, "REC-1")), "--tenant", str(tenant(tmp_path)))
    whole = (*command, *sides, "--out", str(tmp_path / "report.csv"))
    subprocess.run(whole, check=True, stdout=subprocess.DEVNULL)
    assert subprocess.run(command, check=False, capture_output=True).returncode == 2


# ---- against a simple model ------------------------------------------------------------------------------------------

RECORDS = ["REC-1", "REC-2", "REC-3", "REC-4"]
RECORD = st.sampled_from(RECORDS)
SAID = st.tuples(st.sampled_from(["v1", "v2"]), st.sampled_from(["a", "b"]))
PERSON = st.sampled_from(["1", "2", "3"])
RUN = st.dictionaries(PERSON, st.dictionaries(RECORD, SAID))
LISTED = st.dictionaries(RECORD, st.tuples(PERSON, SAID))


def state(person: str, said: tuple[str, str]) -> State:
    version, content = said
    return State(person, version.encode(), f"{person} {content}".encode())


@given(st.lists(RUN, max_size=3), LISTED)
def test_it_finds_what_a_simple_model_finds(runs, originals):
    replicas = Replicas()
    for run_ in reversed(runs):
        rows = [(p, no, state(p, said)) for p, held in run_.items() for no, said in held.items()]
        replicas.add_older([*rows, *((p, "", None) for p, held in run_.items() if not held)])
    found = replicas.held_against((no, state(*each)) for no, each in originals.items())

    newest = {person: held for run_ in runs for person, held in run_.items()}
    having = {no: [(p, held[no]) for p, held in newest.items() if no in held] for no in RECORDS}
    expected = set()
    for no, those in having.items():
        if no in originals and not those:
            expected.add((no, "副本なし"))
        elif those and no not in originals:
            expected.add((no, "原本なし"))
        elif len(those) > 1:
            expected.add((no, "内容が異なる"))
        elif those and those[0][1][0] != originals[no][1][0]:
            expected.add((no, "版が異なる"))
        elif those and those[0] != originals[no]:
            expected.add((no, "内容が異なる"))
    told = list(found)
    assert {(no, difference) for no, _, difference in told} == expected
    assert len(told) == len(expected)
    for no, person, _ in told:
        assert person in ({originals[no][0]} if no in originals else {p for p, _ in having[no]})
