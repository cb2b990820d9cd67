"""The rules of the gate: how good a new model must be before it may go live or on trial."""

from dataclasses import dataclass

from bot.store.job_schema import Fault, ModelFigures

_ROUNDING = 1e-9  # a difference of exactly a margin is allowed, whatever its last binary digit


@dataclass(frozen=True, slots=True)
class GateRules:
    """What a new model must reach.

    least_fit: the least share of its texts that curation would let train, if no tuned model is live. margin:
    by how much its shares may lie below those of the live model. loss_margin: by how much its loss on the
    reference texts may lie above, in nats a token. best_margin: by how much the mean log-probability of the
    best-rated texts may lie below, in nats a token.
    """

    least_fit: float = 0.5
    margin: float = 0.1
    loss_margin: float = 0.15
    best_margin: float = 0.1

    def faults(self, new: ModelFigures, live: ModelFigures | None) -> list[Fault]:
        """Return the rules that a new model breaks; live is None if no tuned model is live."""
        if live is None:
            return ["fit"] if new.fit_share < self.least_fit - _ROUNDING else []
        rules: tuple[tuple[Fault, float, float], ...] = (
            ("fit below live", live.fit_share - new.fit_share, self.margin),
            ("rules below live", live.all_rules_share - new.all_rules_share, self.margin),
            ("loss above live", _loss_gap(new, live) or 0.0, self.loss_margin),
            ("best texts below live", _best_gap(new, live) or 0.0, self.best_margin),
        )
        return [fault for fault, gap, allowed in rules if gap > allowed + _ROUNDING]

    def plainly_better(self, new: ModelFigures, live: ModelFigures | None) -> bool:
        """Return whether the live model would be held back beside the new one."""
        return live is not None and bool(self.faults(live, new)) and not self.faults(new, live)


def _loss_gap(new: ModelFigures, live: ModelFigures) -> float | None:
    """Return by how much the new model's loss is higher; None if the two cannot be compared."""
    if new.loss is None or live.loss is None or new.reference != live.reference:
        return None
    return new.loss - live.loss


def _best_gap(new: ModelFigures, live: ModelFigures) -> float | None:
    """Return by how much less likely the new model finds the best-rated texts; None if it was not asked."""
    if new.best_log_prob is None or live.best_log_prob is None:
        return None
    return live.best_log_prob - new.best_log_prob
