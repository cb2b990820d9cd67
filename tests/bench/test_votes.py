"""The bench of votes: what a run measured becomes the right shares, and both ways keep every vote."""

import json
from pathlib import Path

import pytest

from bench.common.stopwatch import Spent
from bench.votes.__main__ import Figures, clicks, through_sqlite, through_the_store


def test_shares_are_of_the_same_round() -> None:
    figures = Figures(
        clicks=1000,
        store=[Spent(0.2, 0.1), Spent(0.4, 0.3), Spent(0.1, 0.2)],
        raw=[Spent(0.1, 0.05), Spent(0.1, 0.05), Spent(0.1, 0.05)],
    )
    summary = figures.summary()
    assert summary["votes_per_s"] == pytest.approx(5000)
    assert summary["share_of_raw_sqlite"] == pytest.approx(0.5)
    assert summary["cpu_us_per_vote"] == pytest.approx(200)
    assert json.loads(json.dumps(summary)) == summary
    assert figures.table("a machine").row_count == 2


async def test_both_ways_keep_every_vote(tmp_path: Path) -> None:
    made = clicks(5_000)
    for name, way in (("store", through_the_store), ("raw", through_sqlite)):
        (tmp_path / name).mkdir()
        assert (await way(made, tmp_path / name)).seconds > 0
