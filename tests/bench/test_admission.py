"""bench.admission: half of the descriptions are admitted, and both ways agree."""

from pathlib import Path

from bench.admission.measure import measure


async def test_the_bot_admits_what_reading_and_curating_alone_admits(tmp_path: Path) -> None:
    figures = await measure(200, tmp_path)
    assert 60 < figures.admitted < 140  # 0.8 to the third power is 0.51
    assert figures.summary()["admitted"] == figures.admitted
    assert figures.table("a machine").row_count == 6
