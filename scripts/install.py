"""Run pip and say what it does: `python -m scripts.install ARGUMENTS`, in place of `pip install --quiet`.

A line for each large download and for each stage, and one every ten seconds in which nothing else was said.
At a failure pip's own lines are printed, and its exit code is returned.
"""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO

SILENCE = 10.0  # seconds after which a line says that pip still works

_LARGE = re.compile(r"\s*Downloading (\S+?)(?:-\d\S*)? \((\d{2,}(?:\.\d+)? MB|\S+ GB)\)")
_INSTALLING = re.compile(r"Installing collected packages: (.*)")


def stage_of(line: str) -> str | None:
    """Return the sentence for a line of pip's, or None if it is not worth one."""
    if large := _LARGE.match(line):
        return f"downloading {large[1].rpartition('/')[2]} ({large[2]})"
    if installing := _INSTALLING.match(line):
        return f"unpacking {installing[1].count(',') + 1} packages"
    return None


def install(command: list[str], say: Callable[[str], None], *, silence: float = SILENCE) -> int:
    """Run pip's command and return its exit code."""
    # S603: the command is the Makefile's
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None  # noqa: S101 (because of PIPE)
        reporter = _Reporter(say, silence)
        with reporter:
            lines = list(reporter.follow(pip.stdout))
    if pip.returncode:
        say("".join(lines))
    return pip.returncode


class _Reporter:
    """Says stages as they come, and how long it has taken if none comes."""

    def __init__(self, say: Callable[[str], None], silence: float) -> None:
        self._say = say
        self._silence = silence
        self._start = time.monotonic()
        self._stage = "looking for packages"
        self._found = 0
        self._news = threading.Event()
        self._done = False
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done = True
        self._news.set()
        self._thread.join()

    def follow(self, output: IO[str]) -> Iterator[str]:
        """Yield the lines of pip's output, and report them."""
        for line in output:
            yield line
            self._found += line.startswith("Collecting ")
            if stage := stage_of(line):
                self._stage = stage
                self._news.set()
                self._say(f"  {stage}")

    def _repeat(self) -> None:
        while not self._done:
            if self._news.wait(self._silence):
                self._news.clear()
                continue
            seconds = time.monotonic() - self._start
            found = f", {self._found} found" if self._stage == "looking for packages" else ""
            self._say(f"  still {self._stage}{found} ({seconds:.0f} s so far)")


def main() -> None:
    """Install with the pip of this Python."""
    pip = [sys.executable, "-m", "pip", "install", "--progress-bar=off", "--disable-pip-version-check"]
    sys.exit(install([*pip, *sys.argv[1:]], lambda line: print(line, flush=True)))


if __name__ == "__main__":
    main()
