"""The clocks of this machine and of the database's, which may be another one's."""

import time

import pytest

from bot.app import App
from bot.doctor.finding import State
from bot.doctor.installation import Installation, Rows, read_rows
from bot.doctor.storage import check_clock
from bot.i18n.message import ENGLISH
from bot.settings import Settings
from tests.support.databases import ON_POSTGRES


@pytest.mark.parametrize(
    ("ahead", "state", "told"),
    [
        (0.2, "ok", "Clocks here and at the database differ by 0 s."),
        (-4.9, "ok", "Clocks here and at the database differ by 5 s."),
        (5.4, "warning", "This machine's clock is 5 s ahead of the database's."),
        (3600.0, "warning", "This machine's clock is 60 min ahead of the database's."),
        (-90.0, "warning", "This machine's clock is 2 min behind the database's."),
    ],
)
def test_what_is_said_of_the_databases_clock(
    settings: Settings, ahead: float, state: State, told: str
) -> None:
    examined = Installation(settings=settings, online=False, now=time.time())
    (found,) = check_clock(examined, Rows(ahead=ahead), None)
    assert (found.check, found.state, ENGLISH(found.cause)) == ("clock", state, told)
    assert (found.cure is not None) == (state == "warning")
    if found.cure:
        assert "set their clocks from the network (NTP)" in ENGLISH(found.cure)
        assert "jobs are still done once" in ENGLISH(found.cure)


async def test_this_hosts_clock_is_compared_with_the_databases(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has no clock but this host's."""
    assert (await read_rows(app.db)).ahead == (pytest.approx(0, abs=2) if ON_POSTGRES else None)
    here = time.time
    monkeypatch.setattr(time, "time", lambda: here() + 3600)
    assert (await read_rows(app.db)).ahead == (pytest.approx(3600, abs=2) if ON_POSTGRES else None)
