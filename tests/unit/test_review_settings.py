"""The settings of a tenant's reviews: hours in order, of connectors that there are; what holds with nothing said."""

from datetime import date, datetime, time

import pytest

from gateway.config.files import Hours, ReviewSettings
from tests.flow.site import TENANT_FILE
from tests.flow.toys import OFFICE
from tests.unit.test_config import TENANTS, exchanged, problems


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("log_days = 0", "review.log_days: "),
        ("log_days = 400", "review.log_days: "),
        ("hours = { opens = 21:00:00, closes = 07:00:00 }", "review.hours: "),
        ('hours = { weekdays = ["montag"] }', "review.hours.weekdays"),
        ("hours_of = { nowhere = { opens = 09:00:00 } }", "review.hours_of.nowhere: is no connector of this tenant"),
        ("note = 1", "review.note: there is no such key"),
    ],
)
def test_what_is_no_review_is_named_with_its_key(tmp_path, said, told):
    before = f"\n[connectors.{OFFICE}]"
    file = exchanged(TENANT_FILE, before, f"\n[review]\n{said}\n{before}")
    found = problems(tmp_path, {TENANTS: file})
    assert [each for each in found if each.startswith(f"config/{TENANTS}: {told}")], found


def test_whoever_says_nothing_has_a_review_each_month_and_office_hours():
    settings = ReviewSettings()
    assert (settings.log_days, settings.users_days) == (30, 90)
    assert settings.hours == Hours(opens=time(7), closes=time(21))
    assert not settings.hours.at_work(datetime.fromisoformat("2026-11-22 12:00"))


def test_a_day_on_which_the_office_is_closed_is_no_day_of_work():
    monday = datetime.fromisoformat("2026-11-30 12:00")
    assert Hours().at_work(monday)
    assert not Hours(closed=(date(2026, 11, 30),)).at_work(monday)


@pytest.mark.parametrize(
    "day",
    ["2026-11-23", "2026-05-06", "2026-09-22", "2027-03-22"],  # a Monday; in lieu; between two; in lieu of an equinox
)
def test_a_public_holiday_is_no_day_of_work_unless_holidays_are(day):
    noon = datetime.fromisoformat(f"{day} 12:00")
    assert not Hours().at_work(noon)
    assert Hours(weekdays=frozenset({"holiday"})).at_work(noon)
    assert not Hours(weekdays=frozenset({"holiday"}), closed=(noon.date(),)).at_work(noon)
