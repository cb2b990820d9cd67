"""The texts of a fine-tuning for Discord and the terminal: its plan and its end."""

from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.models import shutdown_mark
from bot.presentation.verdicts import loss_lines, verdict_lines
from bot.registry.names import model_name, name_in_sentence
from bot.registry.registry import NotPassed
from bot.store.job_schema import FinetuneResult
from bot.store.models import Model
from bot.tuning.estimate import TuningEstimate
from bot.tuning.gate_rules import GateRules
from bot.tuning.remote_api import PlannedWeights


def finetune_plan_text(t: Translator, estimate: TuningEstimate, remaining_today: float | None) -> str:
    """Return a fine-tuning's plan; remaining_today is the rest of the day's budget, in US dollars."""
    spec, counts = estimate.spec, estimate.dataset.counts
    title = mark("**Fine-tuning {base}** on dataset v{version}, by {provider}")
    if spec.method == "dpo":
        title = mark("**Fine-tuning {base}** by preference (DPO) on dataset v{version}, by {provider}")
    lines = [
        t(title, base=_base_text(estimate), version=spec.dataset, provider=estimate.provider.display_name),
        t(
            "{train:,} texts to learn from, {valid:,} held out to measure.",
            train=counts.get("train", 0),
            valid=counts.get("valid", 0),
        ),
        t(
            "About {tokens:,} tokens x {epochs} epochs ({chosen}) = {all:,}.",
            tokens=estimate.tokens,
            epochs=estimate.epochs,
            chosen=LocalizedMessage(
                mark("as ordered") if spec.epochs else mark("the server chooses; this many are usual")
            ),
            all=estimate.tokens * estimate.epochs,
        ),
        _cost_text(t, estimate),
        *_check_lines(t, estimate),
    ]
    if estimate.provider.reports_weights:
        text = planned_weights_text(t, estimate.weights, serves_adapters=estimate.serves_adapters)
        lines.insert(3, text)
    if remaining_today is not None:
        lines.append(t("Today's budget still holds ${left:,.2f}.", left=max(0.0, remaining_today)))
    return "\n".join([*lines, _time_text(t, estimate), *_warning_lines(t, estimate)])


_OBSTACLES = {
    "memory": mark(
        "An adapter is tuned (a small addition to the model), not the whole model: that would take "
        "{needed:.1f} GB of memory, and {available:.1f} are free."
    ),
    "disk": mark(
        "An adapter is tuned (a small addition to the model), not the whole model: that would take "
        "{needed:.1f} GB on the disk, and {available:.1f} are free."
    ),
    "size": mark(
        "An adapter is tuned (a small addition to the model), not the whole model: it has {needed:.1f} "
        "billion weights, and models are tuned as a whole up to {available:.1f}."
    ),
}


def planned_weights_text(t: Translator, planned: PlannedWeights | None, *, serves_adapters: bool) -> str:
    """Return what a training at the engine changes, and why; None: the engine does not say it beforehand.

    serves_adapters tells whether the server that answers loads nothing else.
    """
    if planned is None:
        return t(
            "The whole model is tuned if the machine has room for it, else an adapter (a small addition "
            "to the model)."
        )
    if planned.weights == "all":
        return t("The whole model is tuned: all its weights.")
    if serves_adapters:
        return t(
            "An adapter is tuned (a small addition to the model): the server at SERVING_URL loads nothing "
            "else."
        )
    if planned.obstacle is None:
        return t("An adapter is tuned (a small addition to the model), as TUNE says.")
    needed, available = planned.obstacle.needed / 1e9, planned.obstacle.available / 1e9
    return t(_OBSTACLES[planned.obstacle.of], needed=needed, available=available)


def _warning_lines(t: Translator, estimate: TuningEstimate) -> list[str]:
    """Return warnings on the base and the provider, and what an operator will have to do."""
    base, provider, lines = _base_text(estimate), estimate.provider, []
    if estimate.retires_on:
        shutdown = t("The server shuts {base} down on {day}.", base=base, day=estimate.retires_on)
        lines.append(f"{shutdown_mark(estimate.retires_on)}{shutdown}")
    if estimate.listed is False:
        lines.append(t("⚠️ The server does not list {base} among its models.", base=base))
    if estimate.listed is None:
        lines.append(t("Whether the server knows {base} could not be asked now.", base=base))
    if provider.shutdown_notice:
        lines.append(f"⚠️ {t(provider.shutdown_notice)}")
    if provider.deploy_step:
        lines.append(
            t("A model trained there must be deployed by hand before it can be asked; its end says how.")
        )
    return lines


def _base_text(estimate: TuningEstimate) -> LocalizedMessage | str:
    return name_in_sentence(estimate.tuned_from or estimate.spec.base)


def _cost_text(t: Translator, estimate: TuningEstimate) -> str:
    price, cost = estimate.price, estimate.cost
    if price is None or price.training is None or cost is None:
        return t("Cost: **price unknown**. An operator can add it to data/prices.toml (`training`).")
    if price.training == 0:
        return t("Cost: nothing, it is trained on {where}.", where=price.location)
    return t(
        "Cost: about **${cost:,.4f}**, at ${rate:g} a million trained tokens{source}.",
        cost=cost,
        rate=price.training,
        source=price.citation,
    )


def _check_lines(t: Translator, estimate: TuningEstimate) -> list[str]:
    """Return a line on the check of the new model, if there is one."""
    check = estimate.check
    if not check.texts:
        return []
    line = t.count(
        "Then {number} text is read to see whether the new model may go live.",
        "Then {number} texts are read to see whether the new model may go live.",
        check.texts,
    )
    if check.cost is None:
        return [f"{line} {t('What they cost is not known.')}"]
    return [f"{line} {t('They cost about ${cost:,.4f}.', cost=check.cost)}" if check.cost else line]


def _time_text(t: Translator, estimate: TuningEstimate) -> str:
    if estimate.seconds is None:
        return t("Time: not known before the first training of this model.")
    template = mark("Time: about {time} in all, on two cores; it begins when the server has its turn.")
    if estimate.measured:
        template = mark(
            "Time: about {time} in all, as fast as the last one; it begins when the server has its turn."
        )
    return t(template, time=format_duration(estimate.seconds))


def finetune_result_text(t: Translator, result: FinetuneResult) -> str:
    """Return the text of a fine-tuning's end, with what its check found and the next step."""
    losses = loss_lines(t, result.loss_before, result.loss_after, end=".")
    lines = [" ".join([_ended_text(t, result), *losses])]
    if result.verdict:
        lines += verdict_lines(t, result.verdict)
    return "\n".join([*lines, *_next_lines(t, result)])


def _ended_text(t: Translator, result: FinetuneResult) -> str:
    templates = {
        "live": mark("{model} is trained and live."),
        "candidate": mark("{model} is trained, and a candidate to take the place of the live one, {live}."),
        "held back": mark("⚠️ {model} is trained, and held back: it writes too badly to go live."),
    }
    template = templates.get(result.state, mark("{model} is trained."))
    if result.state == "held back" and result.live:
        template = mark("⚠️ {model} is trained, and held back: it writes worse than the live one, {live}.")
    if result.state == "candidate" and not result.live:
        template = mark("{model} is trained, and a candidate.")
    if result.deploy:
        template = mark("{model} is trained.")
    return t(template, model=model_name(result.model), live=model_name(result.live or 0))


def check_result_text(t: Translator, model: Model, ahead: int) -> str:
    """Return the text of a check that was asked for; ahead is how many candidates have their turn before."""
    verdict = model.verdict
    result = FinetuneResult(
        model=model.id,
        state=model.state,
        verdict=verdict,
        live=verdict.live_id if verdict else None,
        ahead=ahead,
    )
    return finetune_result_text(t, result)


def overrule_text(t: Translator, refusal: NotPassed) -> str:
    """Return the question whether a model is to serve although its check did not let it."""
    verdict = refusal.model.verdict
    lines = [f"⚠️ {t(refusal.message)}", *(verdict_lines(t, verdict) if verdict else [])]
    return "\n".join(
        [*lines, t("Shall it answer every {/hero} all the same? The history keeps who said so.")]
    )


def _next_lines(t: Translator, result: FinetuneResult) -> list[str]:
    """Return what happens next, and what an operator can do."""
    number = result.model
    promote = t("To let it serve all the same: `{/models promote model:{number}}`.", number=number)
    if result.deploy:
        lines = [t("Next: {step}.", step=result.deploy)]
        if result.state == "unchecked":
            lines.append(t("Then its texts are checked, before it may go live."))
        return lines
    if result.unchecked:
        go_on = t(
            "So nobody knows how well it writes, and it does not go live. What was read is kept: `{/models "
            "check model:{number}}` goes on.",
            number=number,
        )
        return [f"{t(result.unchecked)} {go_on}", promote]
    if result.state == "held back":
        return [_advice_text(t, result), promote]
    if result.state == "live":
        return [t("Try it: `{/hero hero:40 woman healing}`.")]
    return _candidate_lines(t, result)


def _advice_text(t: Translator, result: FinetuneResult) -> str:
    stays = t("the base model goes on answering {/hero}")
    if result.live:
        stays = t("{live} goes on answering {/hero}", live=model_name(result.live))
    return t(
        "Nothing is lost: {stays}. More examples help most: `{/build-dataset}` without a limit writes a few "
        "hundred, `{/build-dataset source:shipped}` takes those that come with the bot; then `{/finetune}` "
        "again.",
        stays=stays,
    )


def _candidate_lines(t: Translator, result: FinetuneResult) -> list[str]:
    happens = t(
        "What happens next: `{/duel}`, and now and then `{/hero}`, show a text of each of the two models, "
        "and people say which is better. When their choices prove the new one better, it takes over."
    )
    if result.ahead:
        happens += " " + t.count(
            "{number} candidate has its turn before.",
            "{number} candidates have their turn before.",
            result.ahead,
        )
    verdict = result.verdict
    lines = [happens]
    if verdict and GateRules().plainly_better(verdict.new, verdict.live):
        lines.append(t("By its check it writes much better than the live one: no need to wait for votes."))
    lines.append(
        t(
            "To let it serve at once: `{/models promote model:{number}}`. "
            "To look closer: `{/models compare a:{number}}`.",
            number=result.model,
        )
    )
    return lines
