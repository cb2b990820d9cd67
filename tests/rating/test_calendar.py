"""Local days, and when it is an hour of a weekday."""

from datetime import UTC, date, datetime

import pytest

from bot.rating.calendar import find_zone, last_occurrence, this_month, this_week, time_zone, week_before

BERLIN = time_zone("Europe/Berlin")
SUNDAY = 6


def berlin(*moment: int, fold: int = 0) -> float:
    year, month, day, hour, minute = (*moment, 0, 0)[:5]
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN, fold=fold).timestamp()


def test_weeks_begin_on_mondays_and_months_on_their_first_at_local_midnight() -> None:
    sunday_night = berlin(2026, 3, 29, 23, 59)  # clocks were set forward that day
    assert this_week(sunday_night, BERLIN).since == berlin(2026, 3, 23)
    assert this_week(sunday_night + 60, BERLIN).since == berlin(2026, 3, 30)
    assert this_month(sunday_night, BERLIN).since == berlin(2026, 3, 1)
    span = week_before(datetime.fromtimestamp(sunday_night + 60, BERLIN).date(), BERLIN)
    assert span.until is not None
    assert span.until - span.since == (7 * 24 - 1) * 3600


@pytest.mark.parametrize(
    ("day", "moment"),
    [
        ((2026, 3, 29), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),  # there is no 2 o'clock: at 3 o'clock
        ((2026, 10, 25), datetime(2026, 10, 25, 0, 0, tzinfo=UTC)),  # there are two: at the first
    ],
)
def test_an_hour_that_is_missing_or_doubled_occurs_once(day: tuple[int, int, int], moment: datetime) -> None:
    due = moment.timestamp()
    found = {
        last_occurrence(due + minutes * 60, BERLIN, weekday=SUNDAY, hour=2) for minutes in range(0, 180, 15)
    }
    assert found == {(date(*day), due)}
    earlier, _ = last_occurrence(due - 1, BERLIN, weekday=SUNDAY, hour=2)
    assert (date(*day) - earlier).days == 7


def test_a_post_on_the_29th_of_february_is_of_the_seven_days_before() -> None:
    due = berlin(2028, 2, 29, 18)  # a Tuesday
    assert last_occurrence(due, BERLIN, weekday=1, hour=18) == (date(2028, 2, 29), due)
    assert week_before(date(2028, 2, 29), BERLIN).since == berlin(2028, 2, 22)
    day, moment = last_occurrence(due + 7 * 86_400, BERLIN, weekday=1, hour=18)
    assert (day, moment) == (date(2028, 3, 7), berlin(2028, 3, 7, 18))
    assert week_before(day, BERLIN).since == berlin(2028, 2, 29)
    assert this_month(due, BERLIN).since == berlin(2028, 2, 1)


def test_zones_are_found_as_people_type_them() -> None:
    assert find_zone(" europe/berlin") == "Europe/Berlin"
    assert find_zone("America/new york") == "America/New_York"
    assert find_zone("Atlantis") is None
    assert time_zone("Atlantis/Gone") is UTC
