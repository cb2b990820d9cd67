"""The options of `ray start` in manifests, units and pages are Ray's."""

import re
import subprocess
import sys

import pytest

from bot.settings import ROOT
from tests import test_cluster_units, test_kubernetes

pytestmark = pytest.mark.cluster


def test_ray_knows_every_option_that_it_is_started_with() -> None:
    pytest.importorskip("ray.scripts", reason="the extra `cluster` is not installed")
    program = [sys.executable, "-m", "ray.scripts.scripts", "start", "--help"]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=120)
    known = set(re.findall(r"--[a-z-]+", done.stdout))
    used = {word for _, words in test_kubernetes.ray_starts() for word in words}
    for name in (test_cluster_units.FIRST, test_cluster_units.NODE):
        used.update(test_cluster_units.command(name)[2:])
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    for line in re.findall(r"^ {4,}.*ray start (--.+)$", page, re.MULTILINE):
        used.update(line.split())
    assert {word.partition("=")[0] for word in used if word.startswith("--")} <= known
