"""Availability: shutdown dates are stored, and the admins are warned in time, once."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.app import App
from bot.store import jobs
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune


def in_days(days: int) -> str:
    return str((datetime.now(UTC) + timedelta(days=days)).date())


async def send_pending(app: App) -> list[str]:
    """Mark the pending notifications as sent, and return their texts."""
    pending = await app.notifications.pending()
    for notice, _ in pending:
        await app.notifications.mark_sent(notice)
    return [str(notice.text) for notice, _ in pending]


@pytest.fixture
async def live(app: App, script: Script) -> None:
    """Tune a live model from a base that the server lists."""
    script.trainings.lists = [app.settings.base_model]
    await build(app)
    await finetune(app)
    async with app.db.write() as tx:
        await jobs.change(tx, 2, channel_id=5)


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("name", ["ft:tiny:1", "smollm2-135m-instruct"])
async def test_the_shutdown_of_a_live_model_or_its_base_is_announced_from_sixty_days_before(
    app: App, script: Script, name: str
) -> None:
    script.trainings.shutdown_dates[name] = in_days(61)
    await app.availability.refresh()
    assert await send_pending(app) == []
    assert (await app.registry.get(1)).retires_on == in_days(61)

    script.trainings.shutdown_dates[name] = in_days(60)
    await app.availability.refresh()
    (text,) = await send_pending(app)
    assert f"shut down on {in_days(60)}, in 60 days" in text
    await app.availability.refresh()
    assert await send_pending(app) == []


@pytest.mark.usefixtures("live")
async def test_warnings_are_repeated_as_the_shutdown_approaches(app: App, script: Script) -> None:
    shutdown = date(2031, 1, 1)
    script.trainings.shutdown_dates["ft:tiny:1"] = str(shutdown)
    for days, expected in ((90, 0), (45, 1), (40, 0), (30, 1), (8, 0), (7, 1), (1, 1), (0, 0)):
        await app.availability.refresh(today=shutdown - timedelta(days=days))
        assert len(await send_pending(app)) == expected, days


@pytest.mark.usefixtures("live")
async def test_the_earlier_shutdown_counts_and_a_withdrawn_one_is_removed(app: App, script: Script) -> None:
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
async def test_a_date_of_an_unknown_form_is_stored(app: App, script: Script) -> None:
    script.trainings.shutdown_dates["ft:tiny:1"] = "next spring"
    await app.availability.refresh()
    assert (await app.registry.get(1)).retires_on == "next sprin"
