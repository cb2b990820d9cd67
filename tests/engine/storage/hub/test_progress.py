"""How far a download is: lines of the log from the third second on, and a file that others read."""

import json
from pathlib import Path

import pytest

from engine.storage.hub.progress import Download, DownloadReport

MB = 1_000_000


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_slow_download_is_logged_and_kept_in_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path = tmp_path / "download.json"
    path.write_text("left by an engine that was killed")
    clock = Clock()
    with DownloadReport(path, clock=clock) as report:
        assert not path.exists()
        for second in range(31):
            clock.now = float(second)
            report(Download("owner/name", second * 10 * MB, 300 * MB))
            if second == 15:
                told = json.loads(path.read_text())
                assert (told["done"], told["total"], told["waiting"]) == (150 * MB, 300 * MB, "")
                assert told["bytes_per_second"] == pytest.approx(10 * MB)
                assert told["seconds_left"] == pytest.approx(15)
    assert not path.exists()
    assert caplog.messages == [
        "downloading owner/name: 20 of 300 MB (6 %), 10.0 MB/s, 28 s left",
        "downloading owner/name: 120 of 300 MB (40 %), 10.0 MB/s, 18 s left",
        "downloading owner/name: 220 of 300 MB (73 %), 10.0 MB/s, 8 s left",
        "downloading owner/name: 300 of 300 MB (100 %)",
    ]


def test_a_fast_one_is_not_logged_and_a_wait_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = Clock()
    path = tmp_path / "download.json"
    with DownloadReport(path, clock=clock) as report:
        report(Download("owner/name", 1 * MB, 3 * MB))
        report(Download("owner/name", 1 * MB, 3 * MB, "the Hub rests"))
        report(Download("owner/name", 1 * MB, 3 * MB, "the Hub rests"))
        assert json.loads(path.read_text())["waiting"] == "the Hub rests"
        clock.now = 1.0
        report(Download("owner/name", 3 * MB, 3 * MB))
    assert caplog.messages == ["owner/name: the Hub rests"]
