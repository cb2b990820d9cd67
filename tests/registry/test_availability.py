"""Upkeep: last days are noted and told in time, once."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.app import App
from bot.store import jobs
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune


def in_days(days: int) -> str:
    return str((datetime.now(UTC) + timedelta(days=days)).date())


async def told(app: App) -> list[str]:
    """The notices that wait, and are told now."""
    waiting = await app.notifications.pending()
    for notice, _ in waiting:
        await app.notifications.mark_sent(notice)
    return [str(notice.text) for notice, _ in waiting]


@pytest.fixture
async def live(app: App, script: Script) -> None:
    """A live model, tuned from a base that the server lists."""
    script.trainings.lists = [app.settings.base_model]
    await build(app)
    await finetune(app)
    async with app.db.write() as tx:
        await jobs.change(tx, 2, channel_id=5)


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("whose", ["ft:tiny:1", "smollm2-135m-instruct"])
async def test_the_end_of_a_live_model_or_of_its_base_is_told_from_sixty_days_before(
    app: App, script: Script, whose: str
) -> None:
    script.trainings.shutdown_dates[whose] = in_days(61)
    await app.availability.refresh()
    assert await told(app) == []
    assert (await app.registry.get(1)).retires_on == in_days(61)

    script.trainings.shutdown_dates[whose] = in_days(60)
    await app.availability.refresh()
    (text,) = await told(app)
    assert f"shut down on {in_days(60)}, in 60 days" in text
    await app.availability.refresh()
    assert await told(app) == []


@pytest.mark.usefixtures("live")
async def test_it_is_told_again_as_the_end_comes_near(
    app: App, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.trainings.shutdown_dates["ft:tiny:1"] = "2031-01-01"
    for days, expected in ((90, 0), (45, 1), (40, 0), (30, 1), (8, 0), (7, 1), (1, 1), (0, 0)):
        monkeypatch.setattr(
            "bot.registry.availability.days_until", lambda _day, days=days: days
        )  # time passes
        await app.availability.refresh()
        assert len(await told(app)) == expected, days


@pytest.mark.usefixtures("live")
async def test_the_earlier_of_both_ends_counts_and_a_withdrawn_one_is_forgotten(
    app: App, script: Script
) -> None:
    script.trainings.shutdown_dates = {"ft:tiny:1": in_days(200), "smollm2-135m-instruct": in_days(100)}
    await app.availability.refresh()
    assert (await app.registry.get(1)).retires_on == in_days(100)
    script.trainings.shutdown_dates = {}
    await app.availability.refresh()
    assert (await app.registry.get(1)).retires_on is None


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("fault", [401, 404, 500])
async def test_a_server_that_does_not_answer_changes_nothing(app: App, script: Script, fault: int) -> None:
    script.trainings.shutdown_dates["ft:tiny:1"] = in_days(100)
    await app.availability.refresh()
    script.faults["GET /v1/models"] = [fault] * 5
    await app.availability.refresh()
    assert (await app.registry.get(1)).retires_on == in_days(100)


@pytest.mark.usefixtures("live")
async def test_a_date_of_a_strange_form_is_shown_and_breaks_nothing(app: App, script: Script) -> None:
    script.trainings.shutdown_dates["ft:tiny:1"] = "next spring"
    await app.availability.refresh()
    assert (await app.registry.get(1)).retires_on == "next sprin"
