"""What the intermediate server says to the city, as files of out/: answers, ends, announcements read, replicas kept."""

import pytest

from gateway.plugin import Accepted, RefusedRecord
from gateway.plugin.contract import leaves
from gateway.plugin.interface import describe
from gateway_health_management.intake import Intake, Loaded
from gateway_health_management.interface import INTERFACE
from gateway_health_management.returned import kind_of
from tests.plugins.health_management.line import Line, new_life, settings
from tests.plugins.health_management.network import announced, answered, dose, ended, exported, kept, taxed, tells
from tests.plugins.health_management.test_returned import files, rows

INQUIRY = [
    "内部番号", "照会番号", "照会ステータス", "照会の項", "特定個人情報名コード", "情報提供者機関コード",
    "不開示コード", "接種日", "ワクチン名(一般名)", "接種回", "接種区分", "実施区分", "ワクチンメーカー名",
    "ロット番号", "接種量", "海外接種フラグ",
]  # fmt: skip


async def test_an_answer_is_a_row_for_each_dose_with_the_inquiry_before_it(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    later = dose(vaccinated_on="2025-08-01", dose_no=2, lot_no="LOT-2", overseas_flag=True)
    outcomes = await connector.deliver(tells("inquiry.answer", answered(1, dose(), later)))
    assert outcomes == {0: Accepted()}
    found = rows(tmp_path)
    assert [list(row) for row in found] == [INQUIRY, INQUIRY]
    asked = {
        "内部番号": "0000000001",
        "照会番号": "Q-1",
        "照会ステータス": "1",
        "照会の項": "153",
        "特定個人情報名コード": "TM00000000000001",
        "情報提供者機関コード": "999989",
        "不開示コード": "0",
    }
    had = {"ワクチン名(一般名)": "架空ワクチン", "接種量": "0.5"}
    first = {"接種日": "20250601", "接種回": "1", "ロット番号": "LOT-1", "海外接種フラグ": "0"}
    second = {"接種日": "20250801", "接種回": "2", "ロット番号": "LOT-2", "海外接種フラグ": "1"}
    assert [{header: cell for header, cell in row.items() if cell} for row in found] == [
        asked | had | first,
        asked | had | second,
    ]


async def test_an_answer_without_doses_and_an_end_are_one_row_of_the_same_kind_of_file(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    await connector.deliver(tells("inquiry.answer", answered(1)))
    await connector.deliver(tells("inquiry.end", ended(2), message=2))
    nothing, refused = rows(tmp_path)
    assert list(nothing) == list(refused) == INQUIRY
    assert (nothing["照会番号"], nothing["照会ステータス"], nothing["接種日"]) == ("Q-1", "2", "")
    assert {header: cell for header, cell in refused.items() if cell} == {
        "内部番号": "0000000002",
        "照会番号": "Q-2",
        "照会ステータス": "3",
        "照会の項": "153",
        "情報提供者機関コード": "999989",
    }


async def test_an_answer_of_tax_and_welfare_is_a_file_of_its_own_kind_with_a_row_for_each_tax_year(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    years = ({"fiscal_year": "2026", "taxation_category": "3", "welfare_category": "1"},
             {"fiscal_year": "2025", "taxation_category": "1"})  # fmt: skip
    assert await connector.deliver(tells("inquiry.tax_answer", taxed(1, *years))) == {0: Accepted()}
    await connector.deliver(tells("inquiry.tax_answer", taxed(2), message=2))
    assert {name.partition("-")[0] for name in files(tmp_path)} == {"tax"}
    first, second, nothing = rows(tmp_path)
    assert list(first) == [*INQUIRY[:7], "課税年度", "課税区分", "生活保護受給区分"]
    told = [(row["照会番号"], row["照会の項"], row["課税年度"], row["課税区分"]) for row in (first, second)]
    assert told == [("T-1", "27", "2026", "3"), ("T-1", "27", "2025", "1")]
    assert [row["生活保護受給区分"] for row in (first, second)] == ["1", ""]
    assert (nothing["照会番号"], nothing["照会ステータス"], nothing["課税年度"]) == ("T-2", "2", "")


async def test_what_became_of_announcements_is_a_row_each(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    await connector.deliver(tells("announcement.status", announced(1), announced(2, "9")))
    assert rows(tmp_path) == [
        {"内部番号": "0000000001", "通知ID": "N-1", "お知らせ回答結果": "2"},
        {"内部番号": "0000000002", "通知ID": "N-2", "お知らせ回答結果": "9"},
    ]


async def test_an_export_is_a_row_for_each_replica_and_one_for_a_person_without(tmp_path):
    connector = await new_life(Line(), settings(tmp_path))
    persons = (exported(1, kept("REC-1"), kept("REC-2", no_auto_response_flag=True)), exported(2))
    await connector.deliver(tells("replica.export", *persons))
    told = [
        (row["内部番号"], row["レコード識別番号"], row["自動応答不可フラグ"], row["更新日時"]) for row in rows(tmp_path)
    ]
    assert told == [
        ("0000000001", "REC-1", "0", "20260401093000"),
        ("0000000001", "REC-2", "1", "20260401093000"),
        ("0000000002", "", "", ""),
    ]


async def test_the_same_message_is_the_same_file_and_its_name_is_of_the_message_alone(tmp_path):
    """Repeated after kill -9, or by a new life; other words about the same person are another file."""
    told = [
        tells("inquiry.answer", answered(1, dose())),
        tells("inquiry.end", ended(2), message=2),
        tells("announcement.status", announced(3), announced(4), message=3),
        tells("replica.export", exported(5, kept("REC-1")), message=4),
    ]
    for delivery in told:
        await (await new_life(Line(), settings(tmp_path))).deliver(delivery)
    once = files(tmp_path)
    for delivery in told:
        await (await new_life(Line(), settings(tmp_path))).deliver(delivery)
    assert files(tmp_path) == once
    nil = "00000000-0000-0000-0000-00000000000"
    assert sorted(name.rpartition("-")[0] for name in once) == [
        f"announcement-{nil}3-00000", f"inquiry-{nil}1-00000", f"inquiry-{nil}2-00000", f"replica-{nil}4-00000",
    ]  # fmt: skip


async def test_a_record_with_one_row_that_the_encoding_lacks_is_refused_whole_and_the_others_pass(tmp_path):
    """So that nobody takes a part of a person's replicas for all of them."""
    connector = await new_life(Line(), settings(tmp_path))
    odd = kept("REC-2", vaccine_maker="架空𠮷製薬")
    outcomes = await connector.deliver(tells("replica.export", exported(1, kept("REC-1"), odd), exported(2)))
    assert outcomes == {0: RefusedRecord("not_in_encoding"), 1: Accepted()}
    assert [row["内部番号"] for row in rows(tmp_path)] == ["0000000002"]


RECEIVED = [each for each in describe(INTERFACE).operations if each.direction == "receives"]


@pytest.mark.parametrize("operation", RECEIVED, ids=lambda each: each.name)
def test_every_field_that_comes_has_one_column_that_any_encoding_can_write(operation, tmp_path):
    columns = kind_of(operation.name, settings(tmp_path)).columns
    named = {path.rpartition(".")[2] for path in leaves(operation.fields)}
    assert named <= set(columns.values())
    assert len(set(columns.values())) == len(columns)
    "".join(columns).encode("cp932")


async def test_the_system_loads_each_answer_and_each_replica_once(tmp_path):
    """Every message is handed over again after its file was taken, and the export comes again the next day."""
    intake = Intake()
    export = exported(3, kept("REC-1"), kept("REC-2"))
    first = [
        tells("inquiry.answer", answered(1, dose(), dose(dose_no=2))),
        tells("inquiry.answer", answered(2), message=2),
        tells("inquiry.end", ended(4), message=3),
        tells("announcement.status", announced(1, "1"), announced(2, "9"), message=4),
        tells("replica.export", export, exported(5), message=5),
        tells("inquiry.tax_answer", taxed(8, {"fiscal_year": "2026", "taxation_category": "3"}), message=8),
        tells("inquiry.tax_answer", taxed(9), message=9),
    ]
    later = [
        tells("announcement.status", announced(1, "2"), message=6),
        tells("replica.export", export, exported(5, kept("REC-3")), message=7),
    ]
    for deliveries, counted in ((first, (5, 2, 1, 2, 2)), (first, (5, 2, 1, 2, 2)), (later, (5, 2, 1, 3, 3))):
        connector = await new_life(Line(), settings(tmp_path))
        for delivery in deliveries:
            await connector.deliver(delivery)
        assert intake.load_files(tmp_path, "cp932") == Loaded(0, 0)
        counts = intake.counts()
        kinds = ("inquiries", "answered", "tax_items", "announcements", "replicas")
        assert tuple(counts[name] for name in kinds) == counted
        assert not files(tmp_path)
    intake.close()
