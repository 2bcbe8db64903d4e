"""A projection keeps exactly what the route carries, tells nothing of the rest, and names it for the log."""

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.edge.project import project
from gateway.messages import item_paths
from tests.flow.toys import CARRIED, NUMBER, WITHHELD, person, whole_person
from tests.unit.test_parse_admit import admitted

guardians = st.lists(
    st.fixed_dictionaries(
        {"guardian_name": st.just("花子")}, optional={"birth_date": st.just("1990-01-01"), "sex": st.just("2")}
    ),
    min_size=1,
    max_size=3,
)
people = st.fixed_dictionaries(
    {name: st.just(value) for name, value in person().items()},
    optional={
        "individual_number": st.just(NUMBER),
        "sex": st.sampled_from(["1", "2"]),
        "home": st.fixed_dictionaries(
            {"address": st.just("架空市")}, optional={"municipality_code": st.just("999997")}
        ),
        "guardians": guardians,
    },
)


subsets = st.tuples(*[st.booleans()] * len((*CARRIED, *WITHHELD))).map(
    lambda kept: {path for path, keep in zip((*CARRIED, *WITHHELD), kept, strict=True) if keep}
)


@given(records=st.lists(people, min_size=1, max_size=3), paths=subsets)
def test_a_projection_keeps_exactly_the_routes_fields_and_names_the_rest(site, records, paths):
    result = admitted(site, tuple(records))
    assume(not result.refused)
    projected = project(result, tuple(paths))
    held: set[str] = set()
    for (index, kept), record in zip(projected.records, records, strict=True):
        assert index == records.index(record) or record in records[:index]
        assert item_paths(kept) == item_paths(record) & paths
        assert no_empty_part(kept)
        held |= item_paths(record)
    left = held - paths
    whole_lists = tuple(each for each in projected.withheld if each.endswith("[]"))
    assert all(item in projected.withheld or item.startswith(whole_lists) for item in left)
    assert all(each in left or any(item.startswith(each) for item in left) for each in projected.withheld)


def no_empty_part(value):
    """What is empty has no item that a header could name, but would tell that something was there."""
    if isinstance(value, dict):
        return all(each not in ({}, []) and no_empty_part(each) for each in value.values())
    return not isinstance(value, list) or any(each != {} for each in value)


def test_a_projection_changes_no_value_and_no_order(site):
    kept = project(admitted(site, (whole_person(),)), CARRIED).records[0][1]
    whole = whole_person()
    assert kept["home"] == {"address": whole["home"]["address"]}
    assert kept["guardians"] == [{"guardian_name": each["guardian_name"]} for each in whole["guardians"]]


def test_a_list_of_which_only_an_optional_field_travels_does_not_tell_how_long_it_was(site):
    """[{}, {}] has no item, so the header cannot name it; yet it tells of two guardians."""
    record = person(1, guardians=[{"guardian_name": "花子"}, {"guardian_name": "次郎"}])
    kept = project(admitted(site, (record,)), ("internal_no", "guardians[].birth_date")).records[0][1]
    assert kept == {"internal_no": "0000000001"}


def test_an_item_is_its_whole_path_and_not_its_name(site):
    """The person's own sex travels, the guardians' does not."""
    paths = ("internal_no", "sex", "guardians[].guardian_name")
    projected = project(admitted(site, (whole_person(),)), paths)
    assert projected.records[0][1] == {
        "internal_no": "0000000001",
        "sex": "1",
        "guardians": [{"guardian_name": "髙﨑　花子"}, {"guardian_name": "髙﨑　次郎"}],
    }
    assert {"guardians[].sex", "guardians[].birth_date", "individual_number", "name"} <= set(projected.withheld)
