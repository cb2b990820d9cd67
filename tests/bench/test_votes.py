"""bench.votes: the ratios of its figures, and both writers keep every vote."""

import json
from pathlib import Path

import pytest

from bench.common.stopwatch import Elapsed
from bench.votes.figures import Figures
from bench.votes.measure import make_clicks, through_sqlite, through_the_store


def test_ratios_are_taken_within_a_round() -> None:
    figures = Figures(
        clicks=1000,
        store=[Elapsed(0.2, 0.1), Elapsed(0.4, 0.3), Elapsed(0.1, 0.2)],
        raw=[Elapsed(0.1, 0.05), Elapsed(0.1, 0.05), Elapsed(0.1, 0.05)],
    )
    summary = figures.summary()
    assert summary["votes_per_s"] == pytest.approx(5000)
    assert summary["share_of_raw_sqlite"] == pytest.approx(0.5)
    assert summary["cpu_us_per_vote"] == pytest.approx(200)
    assert json.loads(json.dumps(summary)) == summary
    assert figures.table("a machine").row_count == 2


async def test_both_writers_keep_every_vote(tmp_path: Path) -> None:
    clicks = make_clicks(5_000)
    for name, write in (("store", through_the_store), ("raw", through_sqlite)):
        (tmp_path / name).mkdir()
        assert (await write(clicks, tmp_path / name)).seconds > 0
