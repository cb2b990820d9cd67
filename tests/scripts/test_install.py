"""Installing says what it does, and hands pip's failure on."""

import sys

import pytest

from scripts.install import install, stage_of

FAKE_PIP = "import sys, time; print({text!r}, flush=True); time.sleep({pause}); sys.exit({code})"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  Downloading torch-2.13.0-cp311-none-linux_x86_64.whl (190.2 MB)", "downloading torch (190.2 MB)"),
        ("  Downloading https://host/a/scipy-1.17.0-cp311.whl (38.4 MB)", "downloading scipy (38.4 MB)"),
        ("  Downloading idna-3.11-py3-none-any.whl (71 kB)", None),
        ("  Downloading babel-2.17.0-py3-none-any.whl (9.8 MB)", None),
        ("Installing collected packages: pytz, idna, torch", "unpacking 3 packages"),
        ("Collecting torch==2.13.0 (from herosmith==0.1.0)", None),
        ("Successfully installed torch-2.13.0", None),
    ],
)
def test_stages_are_told_from_details(line: str, said: str | None) -> None:
    assert stage_of(line) == said


@pytest.mark.parametrize("code", [0, 1])
def test_a_failure_prints_pips_own_lines(code: int) -> None:
    said: list[str] = []
    fake = FAKE_PIP.format(text="Collecting x\nERROR: no matching distribution", pause=0, code=code)
    assert install([sys.executable, "-c", fake], said.append) == code
    assert ("ERROR: no matching distribution" in "".join(said)) == bool(code)


def test_a_silent_pip_is_reported() -> None:
    said: list[str] = []
    fake = FAKE_PIP.format(text="Collecting x\nCollecting y", pause=1, code=0)
    assert install([sys.executable, "-c", fake], said.append, silence=0.2) == 0
    assert any("still looking for packages, 2 found" in line for line in said)
