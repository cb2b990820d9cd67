"""The sequential tests, against exact fractions, by enumeration and by probabilities of whole trials."""

import math
from fractions import Fraction
from itertools import pairwise, product

import pytest

from bot.rating.sequential_test import EVIDENCE_THRESHOLD, NEW_TRIALS, TESTS, SequentialTest, to_be_level
from bot.settings import Settings

UNIFORM, BIMODAL = TESTS["uniform"], TESTS["bimodal"]
PRIORS = {"uniform": [(1, 1)], "bimodal": [(20, 11), (11, 20)]}  # written out anew
TALLIES = [(0, 0), (1, 0), (8, 0), (12, 0), (31, 14), (14, 31), (200, 200), (3, 60), (48, 25)]

each_test = pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)


def beta(a: int, b: int) -> Fraction:
    return Fraction(math.factorial(a - 1) * math.factorial(b - 1), math.factorial(a + b - 1))


def exact_evidence(name: str, wins: int, losses: int) -> Fraction:
    prior = PRIORS[name]
    mixed = sum((beta(a + wins, b + losses) / beta(a, b) for a, b in prior), Fraction(0)) / len(prior)
    return mixed * Fraction(2) ** (wins + losses)


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize(("wins", "losses"), TALLIES)
def test_evidence_is_that_of_the_prior_against_a_fair_coin(name: str, wins: int, losses: int) -> None:
    expected = float(exact_evidence(name, wins, losses))
    assert TESTS[name].evidence(wins, losses) == pytest.approx(expected, rel=1e-9)  # type: ignore[index]


@pytest.mark.parametrize("name", TESTS)
def test_exact_evidence_of_all_sequences_of_fair_results_is_1_on_average(name: str) -> None:
    for length in range(10):
        evidence = [
            exact_evidence(name, sum(results), length - sum(results))
            for results in product((0, 1), repeat=length)
        ]
        assert sum(evidence, Fraction(0)) / 2**length == 1


@each_test
def test_evidence_is_a_martingale_under_a_fair_coin(test: SequentialTest) -> None:
    for wins, losses in product(range(80), repeat=2):
        after = (test.evidence(wins + 1, losses) + test.evidence(wins, losses + 1)) / 2
        assert after == pytest.approx(test.evidence(wins, losses), rel=1e-9), (wins, losses)


@each_test
def test_neither_model_is_favoured(test: SequentialTest) -> None:
    for wins, losses in product(range(80), repeat=2):
        assert test.log_evidence(wins, losses) == test.log_evidence(losses, wins)


@each_test
def test_evidence_grows_with_the_lead_and_a_tie_never_decides(test: SequentialTest) -> None:
    for total in range(1, 120):
        by_lead = [test.log_evidence(wins, total - wins) for wins in range((total + 1) // 2, total + 1)]
        assert all(less < more for less, more in pairwise(by_lead))
        assert test.log_evidence(total, total) <= 1e-12


@each_test
def test_fair_coin_decides_at_most_1_of_20_trials_though_evaluated_after_every_vote(
    test: SequentialTest,
) -> None:
    wrong = probability_of_a_decision(test, 0.5)
    assert 0.02 < wrong <= 1 / EVIDENCE_THRESHOLD


def probability_of_a_decision(test: SequentialTest, share: float) -> float:
    """Return the probability, without simulation, that a trial of the default length is decided."""
    running, decided = {0: 1.0}, 0.0  # the probabilities of the numbers of wins so far
    for number in range(1, int(Settings.model_fields["trial_duels"].default) + 1):
        after = dict.fromkeys(range(number + 1), 0.0)
        for wins, probability in running.items():
            after[wins] += probability * (1 - share)
            after[wins + 1] += probability * share
        ended = [wins for wins in after if test.decides(wins, number - wins)]
        decided += sum(after.pop(wins) for wins in ended)
        running = after
    return decided


def test_the_test_of_new_trials_proves_a_preference_of_60_percent_more_often() -> None:
    assert probability_of_a_decision(TESTS[NEW_TRIALS], 0.6) > probability_of_a_decision(UNIFORM, 0.6) + 0.03


@each_test
def test_no_votes(test: SequentialTest) -> None:
    assert test.evidence(0, 0) == pytest.approx(1)
    assert test.interval(0, 0) == (0, 1)
    assert test.still_needed(0, 0) is None


def test_twelve_unanimous_votes_decide_and_eleven_do_not() -> None:
    assert (BIMODAL.fewest_results(), UNIFORM.fewest_results()) == (12, 8)
    for sign in (1, -1):
        assert not BIMODAL.decides(*(11, 0)[::sign])
        assert BIMODAL.decides(*(12, 0)[::sign])
        assert not BIMODAL.decides(*(13, 1)[::sign])
        assert BIMODAL.decides(*(14, 1)[::sign])


@each_test
def test_many_votes_do_not_overflow(test: SequentialTest) -> None:
    assert test.decides(5000, 10)
    assert math.isfinite(test.evidence(5000, 10))
    assert math.isfinite(test.log_evidence(10**6, 0))


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize(("wins", "losses"), [(5, 5), (8, 0), (0, 3), (31, 14), (400, 380), (150, 8)])
def test_interval_ends_where_the_test_rejects_a_share(name: str, wins: int, losses: int) -> None:
    low, high = TESTS[name].interval(wins, losses)  # type: ignore[index]
    assert low <= wins / (wins + losses) <= high

    def against(share: float) -> float:
        """Return the evidence against a share."""
        likelihood = Fraction(share) ** wins * Fraction(1 - share) ** losses
        return float(exact_evidence(name, wins, losses) / 2 ** (wins + losses) / likelihood)

    assert low == 0 or against(low - 0.001) > EVIDENCE_THRESHOLD > against(low + 0.001)
    assert high == 1 or against(high + 0.001) > EVIDENCE_THRESHOLD > against(high - 0.001)


@each_test
def test_interval_excludes_one_half_exactly_when_the_test_decides(test: SequentialTest) -> None:
    for wins, losses in product(range(40), repeat=2):
        low, high = test.interval(wins, losses)
        assert (low <= 0.5 <= high) != test.decides(wins, losses), (wins, losses)


@each_test
@pytest.mark.parametrize(("wins", "losses"), [(6, 2), (2, 6), (3, 0), (31, 14), (50, 45)])
def test_still_needed_is_the_first_number_that_decides(test: SequentialTest, wins: int, losses: int) -> None:
    total, share = wins + losses, wins / (wins + losses)
    more = test.still_needed(wins, losses)
    assert more
    decided = [
        test.log_evidence(share * results, (1 - share) * results) >= math.log(EVIDENCE_THRESHOLD)
        for results in range(total, total + more + 50)
    ]
    assert decided.index(True) == more
    assert all(decided[more:])


@each_test
def test_nothing_is_needed_after_a_decision_and_a_tie_has_no_forecast(test: SequentialTest) -> None:
    assert test.still_needed(15, 0) == 0
    assert test.still_needed(5, 5) is None


@each_test
def test_fragility_is_the_least_number_of_votes_otherwise_that_undoes_a_decision(
    test: SequentialTest,
) -> None:
    for wins, losses in product(range(60), repeat=2):
        undoing = [
            number
            for number in range(abs(wins - losses) + 1)
            if not test.decides(
                *((wins - number, losses + number) if wins > losses else (wins + number, losses - number))
            )
        ]
        assert test.fragility(wins, losses) == min(undoing)
    assert test.fragility(20, 0) > 1


@each_test
def test_one_vote_otherwise_undoes_a_trial_that_ended_with_the_vote_that_decided_it(
    test: SequentialTest,
) -> None:
    running = {(0, 0)}
    for _ in range(120):
        after = {one for wins, losses in running for one in ((wins + 1, losses), (wins, losses + 1))}
        ended = {tally for tally in after if test.decides(*tally)}
        assert {test.fragility(*tally) for tally in ended} <= {1}
        running = after - ended
    assert running


def test_votes_otherwise_until_the_lead_is_gone() -> None:
    for wins, losses in product(range(20), repeat=2):
        more, fewer = max(wins, losses), min(wins, losses)
        number = to_be_level(wins, losses)
        assert more - number <= fewer + number
        assert number == 0 or more - number + 1 > fewer + number - 1
