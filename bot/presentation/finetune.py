"""The texts of a fine-tuning for Discord and the terminal: its plan and its end."""

from bot.dataset.versions.draft import RECOMMENDED_EXAMPLES
from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.models import next_step_text, shutdown_mark
from bot.presentation.verdicts import loss_lines, verdict_lines
from bot.registry.lifecycle import CandidateStage
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
    title = mark("**Training {base}** on dataset v{version}, with {provider}")
    usual = estimate.provider.wording(
        engine=mark("as is usual"), server=mark("as is usual (the model server decides)")
    )
    sides = mark("{train:,} texts to learn from, {valid:,} kept aside to test the model.")
    if spec.method == "dpo":
        sides = mark("{train:,} pairs to learn from, {valid:,} kept aside to test the model.")
        title = mark("**Training {base}** on the pairs of dataset v{version} (DPO), with {provider}")
    if spec.method == "kto":
        sides = mark(
            "{train:,} texts that people liked or voted down to learn from, {valid:,} kept aside to test the "
            "model."
        )
        title = mark("**Training {base}** on the thumbs of dataset v{version} (KTO), with {provider}")
    lines = [
        t(title, base=_base_text(estimate), version=spec.dataset, provider=estimate.provider.display_name),
        t(sides, train=counts.get("train", 0), valid=counts.get("valid", 0)),
        t(
            "Rounds through all texts (epochs): {epochs}, {chosen}. About {tokens:,} tokens (parts of "
            "words) each, {all:,} in all.",
            tokens=estimate.tokens,
            epochs=estimate.epochs,
            chosen=LocalizedMessage(mark("as you chose") if spec.epochs else usual),
            all=estimate.tokens * estimate.epochs,
        ),
        _cost_text(t, estimate),
        *_check_lines(t, estimate),
    ]
    if estimate.provider.reports_weights:
        text = planned_weights_text(t, estimate.weights, serves_adapters=estimate.serves_adapters)
        lines.insert(3, text)
    if remaining_today is not None:
        lines.append(t("Left of today's budget: ${left:,.2f}.", left=max(0.0, remaining_today)))
    return "\n".join([*lines, _time_text(t, estimate), *_warning_lines(t, estimate)])


_OBSTACLES = {
    "memory": mark(
        "An adapter (a small addition to the model) is trained, because the whole model would take "
        "{needed:.1f} GB of memory, and {available:.1f} are free."
    ),
    "disk": mark(
        "An adapter (a small addition to the model) is trained, because the whole model would take "
        "{needed:.1f} GB on the disk, and {available:.1f} are free."
    ),
    "size": mark(
        "An adapter (a small addition to the model) is trained, because the whole model is too large: it "
        "has {needed:.1f} billion weights (the numbers it consists of), and {available:.1f} billion are "
        "the most."
    ),
}


def planned_weights_text(t: Translator, planned: PlannedWeights | None, *, serves_adapters: bool) -> str:
    """Return what a training at the engine changes, and why; None: the engine does not say it beforehand.

    serves_adapters tells whether the server that answers loads nothing else.
    """
    if planned is None:
        return t(
            "The whole model is trained if the machine has enough memory and disk, otherwise an adapter "
            "(a small addition to the model)."
        )
    if planned.weights == "all":
        return t("The whole model is trained, not a small addition to it.")
    if serves_adapters:
        return t(
            "An adapter (a small addition to the model) is trained, because the server at SERVING_URL "
            "loads nothing else."
        )
    if planned.obstacle is None:
        return t("An adapter (a small addition to the model) is trained, as the setting TUNE says.")
    needed, available = planned.obstacle.needed / 1e9, planned.obstacle.available / 1e9
    return t(_OBSTACLES[planned.obstacle.of], needed=needed, available=available)


def _warning_lines(t: Translator, estimate: TuningEstimate) -> list[str]:
    """Return warnings on the dataset, the base and the provider, and what an operator will have to do."""
    base, provider, lines = _base_text(estimate), estimate.provider, _few_texts_lines(t, estimate)
    if estimate.trained_before:
        lines.append(
            t(
                "⚠️ {model} was trained on exactly this dataset, from the same base: a new model will hardly "
                "be better. Votes on more heroes, and then `{/build-dataset}`, make a new dataset.",
                model=model_name(estimate.trained_before.id),
            )
        )
    if estimate.retires_on:
        shutdown = t(
            "The model server shuts {base} down on {day}: choose another base model in time.",
            base=base,
            day=estimate.retires_on,
        )
        lines.append(f"{shutdown_mark(estimate.retires_on)}{shutdown}")
    if estimate.listed is False:
        unlisted = provider.wording(
            engine=mark("⚠️ The engine does not list {base} among its models: check the name."),
            server=mark("⚠️ The model server does not list {base} among its models: check the name."),
        )
        lines.append(t(unlisted, base=base))
    if estimate.listed is None:
        silent = provider.wording(
            engine=mark("The engine does not answer yet, so whether it knows {base} shows at the start."),
            server=mark(
                "The model server does not answer yet, so whether it knows {base} shows at the start."
            ),
        )
        lines.append(t(silent, base=base))
    if provider.shutdown_notice:
        lines.append(f"⚠️ {t(provider.shutdown_notice)}")
    if provider.deploy_step:
        lines.append(
            t(
                "After the training, an operator must deploy the model at the provider before it can "
                "answer; the end of the training says how."
            )
        )
    return lines


def _few_texts_lines(t: Translator, estimate: TuningEstimate) -> list[str]:
    """Return a warning if the dataset has so few texts that a model learns little, with a larger one."""
    found, largest = estimate.dataset, estimate.largest
    train, valid = (found.counts.get(name, 0) for name in ("train", "valid"))
    if found.kind != "sft" or train + valid >= RECOMMENDED_EXAMPLES:
        return []
    few = t("⚠️ Fewer than {number} texts teach little.", number=RECOMMENDED_EXAMPLES)
    if (number := largest.counts.get("train", 0)) > train:
        cure = t(
            "Dataset v{version} has {number:,} to learn from: `{/finetune dataset:{version}}`.",
            version=largest.id,
            number=number,
        )
    else:
        cure = t(
            "`{/build-dataset source:shipped}` makes a dataset of the few hundred that come with the bot."
        )
    return [f"{few} {cure}"]


def _base_text(estimate: TuningEstimate) -> LocalizedMessage | str:
    return name_in_sentence(estimate.tuned_from or estimate.spec.base)


def _cost_text(t: Translator, estimate: TuningEstimate) -> str:
    price, cost = estimate.price, estimate.cost
    if price is None or price.training is None or cost is None:
        return t("Cost: **price unknown**. An operator can add it to data/prices.toml (`training`).")
    if price.training == 0:
        return t("Cost: nothing, it is trained on {where}.", where=price.location)
    return t(
        "Cost: about **${cost:,.4f}**, at ${rate:g} per million trained tokens{source}.",
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
        "Then the new model writes {number} text, which is checked before it may go live.",
        "Then the new model writes {number} texts, which are checked before it may go live.",
        check.texts,
    )
    if check.cost is None:
        return [f"{line} {t('What they cost is not known.')}"]
    return [f"{line} {t('They cost about ${cost:,.4f}.', cost=check.cost)}" if check.cost else line]


def _time_text(t: Translator, estimate: TuningEstimate) -> str:
    if estimate.seconds is None:
        return t("Time: known after the first training of this model.")
    template = mark(
        "Time: about {time} on two processor cores, longer on slow or busy ones, from its beginning."
    )
    if estimate.measured:
        template = mark("Time: about {time}, as fast as the last one, from its beginning.")
    return t(template, time=format_duration(estimate.seconds))


def finetune_result_text(t: Translator, result: FinetuneResult) -> str:
    """Return the text of a fine-tuning's end, with what its check found and the next step."""
    losses = loss_lines(t, result.loss_before, result.loss_after, end=".")
    lines = [" ".join([_ended_text(t, result), *losses, *_kept_epoch_texts(t, result)])]
    if result.verdict:
        lines += verdict_lines(t, result.verdict)
    return "\n".join([*lines, *_next_lines(t, result)])


def _kept_epoch_texts(t: Translator, result: FinetuneResult) -> list[str]:
    """Return of how many rounds the model is, if the last ones made the held-out loss worse."""
    if result.kept_epoch is None or result.epochs is None:
        return []
    return [
        t(
            "The loss was lowest after round {kept} of {epochs}, so the model is the one of then.",
            kept=result.kept_epoch,
            epochs=result.epochs,
        )
    ]


def _ended_text(t: Translator, result: FinetuneResult) -> str:
    templates = {
        "live": mark("{model} is trained and live: it answers `{/hero}` from now on."),
        "candidate": mark(
            "{model} is trained, and a candidate: it takes over from {live} if votes prove it better."
        ),
        "held back": mark("⚠️ {model} is trained, but held back: it writes too badly to go live."),
    }
    template = templates.get(result.state, mark("{model} is trained."))
    if result.state == "held back" and result.live:
        template = mark(
            "⚠️ {model} is trained, but held back: it writes worse than {live}, so it does not go live."
        )
    if result.state == "candidate" and not result.live:
        template = mark("{model} is trained, and a candidate: it takes over if votes prove it better.")
    if result.deploy:
        template = mark("{model} is trained.")
    return t(template, model=model_name(result.model), live=model_name(result.live or 0))


_DUELLED: dict[CandidateStage, str] = {
    "won": mark("{model} has won its duels with {live}, and still passes its check."),
    "undecided": mark("{model} still passes its check. Votes could not decide between it and {live}."),
}


def check_result_text(t: Translator, model: Model, stage: CandidateStage | None, ahead: int) -> str:
    """Return the text of a check that was asked for.

    stage: where the model stands, if it is a candidate. ahead: how many candidates have their turn before.
    """
    verdict = model.verdict
    live = verdict.live_id if verdict else None
    if verdict and stage in _DUELLED:
        ended = t(
            _DUELLED[stage],
            model=model_name(model.id),
            live=LocalizedMessage("model {number}", number=live or 0),
        )
        return "\n".join([ended, *verdict_lines(t, verdict), next_step_text(t, model, stage) or ""])
    result = FinetuneResult(model=model.id, state=model.state, verdict=verdict, live=live, ahead=ahead)
    return finetune_result_text(t, result)


def overrule_text(t: Translator, refusal: NotPassed) -> str:
    """Return the question whether a model is to serve although its check did not let it."""
    verdict = refusal.model.verdict
    lines = [f"⚠️ {t(refusal.message)}", *(verdict_lines(t, verdict) if verdict else [])]
    return "\n".join(
        [
            *lines,
            t(
                "Shall it go live anyway, and answer every `{/hero}`? Its history will say who decided that. "
                "Or leave it: nothing changes then."
            ),
        ]
    )


def _next_lines(t: Translator, result: FinetuneResult) -> list[str]:
    """Return what happens next, and what an operator can do."""
    number = result.model
    promote = t("To make it live anyway: `{/models promote model:{number}}`.", number=number)
    if result.deploy:
        lines = [t("Next: {step}.", step=result.deploy)]
        if result.state == "unchecked":
            lines.append(t("Then its texts are checked, before it may go live."))
        return lines
    if result.unchecked:
        template = mark(
            "So it is not known how well it writes, and it does not go live yet. Check it with `{/models "
            "check model:{number}}`."
        )
        if result.read:
            template = mark(
                "So it is not known how well it writes, and it does not go live yet. Go on with `{/models "
                "check model:{number}}`; what was checked so far is kept."
            )
        return [f"{t(result.unchecked)} {t(template, number=number)}", promote]
    if result.state == "held back":
        return [_advice_text(t, result), promote]
    if result.state == "live":
        return [t("Try it: `{/hero hero:{example}}`.", example=LocalizedMessage("40 woman healing"))]
    return _candidate_lines(t, result)


def _advice_text(t: Translator, result: FinetuneResult) -> str:
    stays = t("the base model goes on answering `{/hero}`")
    if result.live:
        stays = t("{live} goes on answering `{/hero}`", live=model_name(result.live))
    return t(
        "Nothing is lost: {stays}. More examples help most: `{/build-dataset}` without a limit writes a "
        "few hundred, `{/build-dataset source:shipped}` takes the ready-made ones that come with the bot."
        " Then run `{/finetune}` again.",
        stays=stays,
    )


def _candidate_lines(t: Translator, result: FinetuneResult) -> list[str]:
    happens = t(
        "Next, people decide: `{/duel}`, and now and then `{/hero}`, show one text by each of the two "
        "models, and people say which is better."
    )
    if result.ahead:
        happens += " " + t.count(
            "Before that, {number} other candidate has its turn.",
            "Before that, {number} other candidates have their turn.",
            result.ahead,
        )
    verdict = result.verdict
    lines = [happens]
    if verdict and GateRules().plainly_better(verdict.new, verdict.live):
        lines.append(
            t(
                "Its check says that it writes much better than the live model, so there is no need to wait "
                "for votes."
            )
        )
    lines.append(
        t(
            "To make it live now: `{/models promote model:{number}}`. To read texts of both: `{/models "
            "compare a:{number}}`.",
            number=result.model,
        )
    )
    return lines
