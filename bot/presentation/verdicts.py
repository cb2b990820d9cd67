"""The texts of what is known of a model's quality: its losses, and what its check found."""

from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.registry.names import model_name
from bot.store.job_schema import CheckedText, Fault, Verdict
from bot.tuning.best_texts import FEWEST_TEXTS


def loss_lines(t: Translator, before: float | None, after: float | None, end: str = "") -> list[str]:
    """Return the held-out loss as a line, if it was measured."""
    if not after:
        return []
    if not before:
        return [
            t(
                "Loss on the texts kept aside (how badly it guesses them; less is better): {after:.3f}",
                after=after,
            )
            + end
        ]
    text = t(
        "Loss on the texts kept aside (how badly it guesses them; less is better): {before:.3f} → "
        "{after:.3f}",
        before=before,
        after=after,
    )
    return [text + end]


def verdict_lines(t: Translator, verdict: Verdict) -> list[str]:
    """Return what a check found: the figures, beside those of the live model if one was."""
    new, live = verdict.new, verdict.live
    fit = t("{share:.0%} are good enough to learn from", share=new.fit_share)
    rules = t(
        "{share:.0%} are right in age, gender, power, name, length and end at once", share=new.all_rules_share
    )
    if live:
        name = model_name(verdict.live_id or 0)
        fit += t(", against {share:.0%} by {live}", live=name, share=live.fit_share)
        rules += t(", against {share:.0%} by {live}", live=name, share=live.all_rules_share)
    lines = [
        t.count(
            "Its check: of {number} text about a hero that it had never seen, {fit}, and {rules}.",
            "Its check: of {number} texts about heroes that it had never seen, {fit}, and {rules}.",
            new.texts,
            fit=fit,
            rules=rules,
        )
    ]
    if live:
        lines += [_reference_text(t, verdict), _best_texts_text(t, verdict)]
    if verdict.faults:
        lines.append(t("Why: {faults}.", faults=[_fault(each) for each in verdict.faults]))
    return lines


def _reference_text(t: Translator, verdict: Verdict) -> str:
    """Return how well both models guess the same held-out texts, or that this is not known."""
    new, live = verdict.new, verdict.live
    if live is None or new.loss is None or live.loss is None or new.reference != live.reference:
        return t("How badly both guess the same texts could not be compared here.")
    return t(
        "Loss on texts that both were tested with (less is better): {new:.2f}, against {loss:.2f} by {live}.",
        new=new.loss,
        live=model_name(verdict.live_id or 0),
        loss=live.loss,
    )


def _best_texts_text(t: Translator, verdict: Verdict) -> str:
    """Return how well both models guess the texts that people liked best, or why this is not known."""
    new, live, number = verdict.new, verdict.live, verdict.best_texts
    if number is None:
        return t("How badly both guess the texts that people liked best could not be compared here.")
    if live is None or new.best_log_prob is None or live.best_log_prob is None:
        return t(
            "Too few texts are liked so far to compare how badly both guess them ({number} of {fewest}).",
            number=number,
            fewest=FEWEST_TEXTS,
        )
    return t(
        "Loss on the {number} texts that people liked best (less is better): {new:.2f}, against {loss:.2f} "
        "by {live}.",
        number=number,
        new=-new.best_log_prob,
        live=model_name(verdict.live_id or 0),
        loss=-live.best_log_prob,
    )


def _fault(fault: Fault) -> LocalizedMessage:
    faults: dict[Fault, str] = {
        "fit": mark("fewer than half of its texts are good enough to learn from"),
        "fit below live": mark(
            "far fewer of its texts are good enough to learn from than of the live model's"
        ),
        "rules below live": mark("far fewer of its texts are right in every point than of the live model's"),
        "loss above live": mark(
            "it guesses other texts about heroes much worse than the live model: it has forgotten what "
            "they have in common"
        ),
        "best texts below live": mark(
            "it guesses the texts that people liked best much worse than the live model: it has forgotten "
            "what they liked"
        ),
    }
    return LocalizedMessage(faults[fault])


def sample_lines(t: Translator, verdict: Verdict) -> list[str]:
    """Return two of the texts that a check read, each with its hero and its fault, for the terminal."""
    return [f"{each.hero} ({sample_title(t, each)}): {each.text}" for each in verdict.samples]


def sample_title(t: Translator, sample: CheckedText) -> str:
    """Return what is wrong with a text, in a word or two."""
    if sample.reason is None:
        return t("one of its texts")
    return t("not fit to learn from: {reason}", reason=LocalizedMessage(sample.reason))
