"""Trial status: a trial's votes and evidence, in words for operators."""

import math
from dataclasses import dataclass

from bot.i18n.message import LocalizedMessage, mark
from bot.rating.sequential_test import CONFIDENCE, EVIDENCE_THRESHOLD, TESTS, SequentialTest, to_be_level
from bot.store.duels import DuelTally
from bot.store.models import Model
from bot.store.trials import State, Trial

_STATES = {
    "running": mark("under way"),
    "won": mark("won"),
    "lost": mark("lost"),
    "undecided": mark("ended undecided"),
    "stopped": mark("stopped"),
}

_FRAGILITY: dict[State, str] = {
    "won": mark(
        "With {number} of these votes the other way it would not have won yet; with {level}, it would not "
        "even be ahead."
    ),
    "lost": mark(
        "With {number} of these votes the other way it would not have lost yet; with {level}, it would not "
        "even be behind."
    ),
}


@dataclass(frozen=True, slots=True)
class TrialStatus:
    """A trial, the two models in it, and the votes so far. limit: counted votes that end it undecided."""

    trial: Trial
    live: Model
    candidate: Model
    tally: DuelTally
    limit: int

    @property
    def test(self) -> SequentialTest:
        """The test with which the trial began."""
        return TESTS[self.trial.test]

    @property
    def title(self) -> LocalizedMessage:
        """Which model challenges which, and the state of the trial."""
        return LocalizedMessage(
            "Trial {number}, model {candidate} against {live}: {state}",
            number=self.trial.id,
            candidate=self.candidate.id,
            live=self.live.id,
            state=self.state,
        )

    @property
    def state(self) -> LocalizedMessage:
        """The state, from the candidate's side."""
        return LocalizedMessage(_STATES[self.trial.state])

    @property
    def figures(self) -> LocalizedMessage:
        """What people chose so far, and while the trial runs, how far it is from its end."""
        wins, losses = self.tally.wins, self.tally.losses
        if not wins + losses:
            return LocalizedMessage("no vote counts yet{beside}", beside=self._not_counted)
        return LocalizedMessage.counted(
            "{wins} of {number} person chose the new one{beside}{outlook}",
            "{wins} of {number} people chose the new one{beside}{outlook}",
            wins + losses,
            wins=wins,
            beside=self._not_counted,
            outlook=self._outlook,
        )

    @property
    def progress(self) -> LocalizedMessage | None:
        """How far a running trial is, for everybody: not who is ahead, as people vote without knowing.

        None once the trial has ended.
        """
        wins, losses = self.tally.wins, self.tally.losses
        if self.trial.state != "running":
            return None
        if not wins + losses:
            return LocalizedMessage(
                "No vote counts in the trial yet; {number} decide it if all choose the same model.",
                number=self.test.fewest_results(),
            )
        if self._more is None:
            return LocalizedMessage.counted(
                "{number} vote counts in the trial so far; it is close, and it ends undecided if {limit} do "
                "not decide it.",
                "{number} votes count in the trial so far; it is close, and it ends undecided if {limit} do "
                "not decide it.",
                wins + losses,
                limit=self.limit,
            )
        return LocalizedMessage.counted(
            "{number} vote counts in the trial so far; about {more} more decide it if people go on like "
            "this.",
            "{number} votes count in the trial so far; about {more} more decide it if people go on like "
            "this.",
            wins + losses,
            more=self._more,
        )

    @property
    def _more(self) -> int | None:
        """How many more votes decide if people go on choosing as they do; None if the limit comes first."""
        wins, losses = self.tally.wins, self.tally.losses
        more = self.test.still_needed(wins, losses)
        return more if more is not None and wins + losses + more <= self.limit else None

    @property
    def evidence(self) -> LocalizedMessage | None:
        """The share that chose the candidate with its 95% interval, and the evidence; None without votes."""
        wins, losses = self.tally.wins, self.tally.losses
        if not wins + losses:
            return None
        low, high = self.test.interval(wins, losses)
        e = self.test.evidence(wins, losses)
        template = mark(
            "In figures: with {confidence:.0%} confidence, between {low:.0%} and {high:.0%} of people would "
            "choose it. Evidence {e:.2g}; at {needed:.0f} the trial is decided."
        )
        if 10 <= e < 1e6:
            template = mark(
                "In figures: with {confidence:.0%} confidence, between {low:.0%} and {high:.0%} of people "
                "would choose it. Evidence {e:.0f}; at {needed:.0f} the trial is decided."
            )
        return LocalizedMessage(
            template,
            confidence=CONFIDENCE,
            low=math.floor(100 * low) / 100,
            high=math.ceil(100 * high) / 100,
            e=e,
            needed=EVIDENCE_THRESHOLD,
        )

    @property
    def fragility(self) -> int | None:
        """How many of the votes would have to be otherwise for the outcome to fall.

        None unless votes decided the trial; 0 if those that are left would not.
        """
        if self.trial.state not in _FRAGILITY:
            return None
        return self.test.fragility(self.tally.wins, self.tally.losses)

    @property
    def fragility_text(self) -> LocalizedMessage | None:
        """The same as a sentence, beside how many would have to be otherwise for the lead to be gone."""
        number = self.fragility
        if number is None:
            return None
        if number == 0:
            return LocalizedMessage(
                "Some of its votes were deleted since; those that are left would not decide it."
            )
        level = to_be_level(self.tally.wins, self.tally.losses)
        return LocalizedMessage(_FRAGILITY[self.trial.state], number=number, level=level)

    @property
    def _outlook(self) -> LocalizedMessage | str:
        """What follows if people go on choosing as they do; nothing once the trial has ended."""
        if self.trial.state != "running":
            return ""
        if self._more is None:
            return LocalizedMessage(
                "; it is close, and it ends undecided if {limit} do not decide it", limit=self.limit
            )
        if self.tally.wins > self.tally.losses:
            return LocalizedMessage("; about {more} more like this, and it takes over", more=self._more)
        return LocalizedMessage("; about {more} more like this, and it is retired", more=self._more)

    @property
    def _not_counted(self) -> LocalizedMessage | str:
        """The ties and the votes that do not count."""
        others = self.tally.votes - self.tally.wins - self.tally.losses - self.tally.ties
        parts = []
        if self.tally.ties:
            parts.append(LocalizedMessage.counted("{number} tie", "{number} ties", self.tally.ties))
        if others:
            parts.append(
                LocalizedMessage.counted(
                    "{number} vote that does not count", "{number} votes that do not count", others
                )
            )
        return LocalizedMessage(" (besides: {parts})", parts=parts) if parts else ""
