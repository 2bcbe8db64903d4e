from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.plugin import Unreadable
from gateway_health_management.chunks import batches
from gateway_health_management.interface.subject import DELETE, REGISTER
from gateway_health_management.rows import Row

persons = st.sampled_from(["1", "2", "3", None])
files = st.lists(st.tuples(st.sampled_from([REGISTER, DELETE]), persons), max_size=40).map(
    lambda rows: [
        Row(number, operation, person, {"internal_no": person} if person else Unreadable("unreadable"))
        for number, (operation, person) in enumerate(rows, start=1)
    ]
)
sizes = st.integers(1, 7)


@settings(deadline=None)
@given(rows=files, size=sizes)
def test_every_row_travels_once_in_a_batch_of_its_operation_and_no_batch_is_too_large(rows, size):
    cut = list(batches(rows, size))
    carried = {
        number: (batch.operation, record)
        for batch in cut
        for number, record in zip(batch.numbers, batch.records, strict=True)
    }
    assert carried == {row.number: (row.operation, row.record) for row in rows}
    assert sum(len(batch.numbers) for batch in cut) == len(rows)
    assert all(1 <= len(batch.numbers) <= size for batch in cut)


@settings(deadline=None)
@given(rows=files, size=sizes)
def test_c176_a_persons_rows_are_sent_in_the_files_order(rows, size):
    order = [number for batch in batches(rows, size) for number in batch.numbers]
    for person in ("1", "2", "3"):
        own = [row.number for row in rows if row.person == person]
        assert [number for number in order if number in own] == own


@settings(deadline=None)
@given(rows=files, size=sizes)
def test_the_same_bytes_make_the_same_keys_and_no_two_batches_share_one(rows, size):
    keys = [batch.key(b"\1" * 32, "reading") for batch in batches(rows, size)]
    assert keys == [batch.key(b"\1" * 32, "reading") for batch in batches(rows, size)]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & {batch.key(b"\2" * 32, "reading") for batch in batches(rows, size)}


def test_rows_of_both_operations_share_a_chunk_where_no_person_is_overtaken():
    rows = [Row(n, DELETE if n % 10 == 0 else REGISTER, str(n), {}) for n in range(1, 101)]
    assert [len(batch.numbers) for batch in batches(rows, 100)] == [90, 10]
