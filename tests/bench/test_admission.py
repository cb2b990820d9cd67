"""The bench of admission: its server is filled as it says, and the product agrees with the plain way."""

from pathlib import Path

from bench.admission.__main__ import measure


async def test_the_product_lets_in_what_reading_and_curating_alone_finds(tmp_path: Path) -> None:
    figures = await measure(200, tmp_path)
    assert 60 < figures.admitted < 140  # 0.8 to the third power is 0.51
    assert figures.summary()["admitted"] == figures.admitted
    assert figures.table("a machine").row_count == 4
