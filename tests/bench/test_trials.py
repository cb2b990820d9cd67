"""bench.trials: which votes count, what each rule decides, and the bounds of a quick run."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.trials.simulated_voters import SimulatedVoters
from bench.trials.stopping_rules import evidence_rule, z_test_rule
from bot.store.trials import Test

ROOT = Path(__file__).resolve().parents[2]


def row(text: str) -> np.ndarray:
    return np.array([[letter == "1" for letter in text]])


def test_only_the_first_vote_of_each_reader_counts() -> None:
    ballots = SimulatedVoters(10).vote(np.random.default_rng(1), runs=50, duels=400)
    assert ballots.is_first.sum(axis=1).max() == 10
    assert ballots.is_first.sum(axis=1).min() >= 8  # the least active may not vote at all
    assert ballots.is_first[:, 0].all()


def test_readers_have_the_given_preference() -> None:
    for readers in (None, 1000):
        ballots = SimulatedVoters(readers, 0.65).vote(np.random.default_rng(1), runs=500, duels=100)
        assert abs(ballots.wins[ballots.is_first].mean() - 0.65) < 0.02


@pytest.mark.parametrize(("test", "number"), [("uniform", 8), ("bimodal", 12)])
def test_as_many_equal_counted_votes_as_the_test_needs_decide(test: Test, number: int) -> None:
    all_won = row("1" * 14)
    outcomes = evidence_rule(test, all_won, all_won, max_results=400)
    assert (outcomes.decided[0], outcomes.promoted[0], outcomes.results[0]) == (True, True, number)
    assert evidence_rule(test, ~all_won, all_won, max_results=400).promoted.tolist() == [False]
    assert evidence_rule(test, all_won, row("10" * 7), max_results=400).decided.tolist() == [False]
    assert evidence_rule(test, all_won, all_won, max_results=number - 1).decided.tolist() == [False]


def test_the_z_test_decides_at_nine_of_ten() -> None:
    outcomes = z_test_rule(row("1111111110"), row("1" * 10), max_results=400)
    assert (outcomes.decided[0], outcomes.results[0]) == (True, 10)


def test_a_quick_run_keeps_its_bounds() -> None:
    command = [sys.executable, "-m", "bench.trials", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["false_promotion"] <= 0.05
    assert figures["false_promotion_correlated_10"] <= 0.05
    assert figures["false_promotion_z_test"] > 0.2
    assert figures["power_65"] > 0.95
    assert figures["median_duels_65"] <= 78 < figures["uniform_median_duels_65"]
    assert figures["power_60"] > figures["uniform_power_60"]
    assert figures["median_duels_90"] > figures["uniform_median_duels_90"]
    assert figures["control_seeds"] * figures["control_votes"] == 300
