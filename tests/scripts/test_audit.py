"""What `make audit` says of pip-audit's reports: a vulnerability fails, an unanswered question does not."""

import os
import subprocess
import sys
from pathlib import Path

from bot.settings import ROOT
from scripts.audit import summary


def test_a_vulnerability_is_named_and_fails() -> None:
    known = {"id": "PYSEC-1", "fix_versions": ["1.2"]}
    report = {
        "dependencies": [
            {"name": "one", "version": "1.1", "vulns": [known]},
            {"name": "two", "version": "2.0", "vulns": []},
            {"name": "three", "skip_reason": "not found"},
        ]
    }
    code, lines = summary(report)
    assert code == 1
    assert lines[0] == "one 1.1: PYSEC-1, mended in 1.2"
    assert lines[1] == "1 known vulnerabilities in 2 packages; 1 could not be asked for"


def test_an_audit_that_asked_nobody_is_skipped() -> None:
    assert summary({"dependencies": [{"name": "one", "skip_reason": "not found"}]}) == (
        0,
        ["skipped: no package could be audited (not found)"],
    )


def test_a_program_without_network_is_skipped(tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'ERROR: could not connect' >&2\nexit 1\n")
    program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "scripts.audit", str(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ,
    )
    assert (done.returncode, done.stdout) == (0, "skipped: ERROR: could not connect\n")
