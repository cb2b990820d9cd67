"""The gate: a new model's texts are read, beside the live one's, before it may go live or on trial.

Both are also asked how likely they find the texts that people liked best.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence

from bot.errors import Busy, CheckBrokenOff, DatabaseBusy, HerosmithError, UserError
from bot.heroes.adherence import Answer, keeps_all_rules, unfit_reason
from bot.heroes.config import HeroesConfig
from bot.i18n.message import LocalizedMessage, mark
from bot.leases import Leases
from bot.llm.budget import Account
from bot.registry.names import model_name
from bot.registry.registry import Registry
from bot.store.job_schema import CheckedText, ModelFigures, Verdict
from bot.store.jobs import Job
from bot.store.models import Model
from bot.tuning.best_texts import BestTexts, BestTextsComparison
from bot.tuning.gate_rules import GateRules
from bot.tuning.model_reader import ModelReader

log = logging.getLogger(__name__)

Report = Callable[[int, int, LocalizedMessage], Awaitable[None]]
"""Is told how many texts are read or scored, of how many, and the phase. If it raises, the check ends."""

_NEW = mark("checking {total} texts of the new model, before it may go live")
_LIVE = mark("checking {total} texts of the live model, to compare")
_BEST = mark("checking how likely the new and the live model find the texts that people liked best")
CHECK_PHASES = _NEW, _LIVE, _BEST
_SAMPLES = 2
_SAMPLE_LENGTH = 700  # characters


def is_check(job: Job) -> bool:
    """Return whether a job's figures are those of a check: a training counts its steps before."""
    return job.phase is not None and job.phase.template in CHECK_PHASES


class Gate:
    """Reads models, and lets each go on or holds it back."""

    def __init__(
        self,
        registry: Registry,
        reader: ModelReader,
        best_texts: BestTexts,
        heroes: HeroesConfig,
        rules: GateRules,
        leases: Leases,
    ) -> None:
        self._registry = registry
        self._reader = reader
        self._best_texts = best_texts
        self._curation = heroes.curation
        self._vocabulary = heroes.vocabulary
        self.rules = rules
        self._leases = leases

    async def check_for_a_person(self, model_id: int, account: Account, report: Report) -> Model:
        """Check as check() does, once at a time whichever process is asked: both would pay for the texts.

        Raises Busy if somebody does so already.
        """
        busy = Busy("{model} is being checked already.", model=model_name(model_id))
        name = f"check:{model_id}"
        async with self._leases.one_at_a_time(name) as lease:
            if lease is None:
                raise busy

            async def told(done: int, total: int, phase: LocalizedMessage) -> None:
                if not await lease.hold(name):  # this process stood still
                    raise busy
                await report(done, total, phase)

            return await self.check(model_id, account, told)

    async def check(self, model_id: int, account: Account, report: Report) -> Model:
        """Check a model, and return it with its verdict: as a candidate or live, or held back.

        For the job that trained it, which one worker has at a time. Raises UserError if there is no such
        model, or it can not be checked; CheckBrokenOff if it or the live model cannot be read to the end.
        """
        while True:
            model = _checkable(await self._registry.get(model_id))
            live = await self._registry.live()
            verdict = await self._verdict(model, live, account, report)
            concluded = await self._registry.conclude(model.id, verdict)
            if concluded:
                return concluded
            log.info("model %d is compared anew: another one is live by now", model.id)

    async def count_questions(self, model: Model | None = None) -> int:
        """Return how many texts are still to be read of a model (None: a new one) and of the live one."""
        own = await self._reader.count_missing(model) if model else self._reader.number
        live = await self._registry.live()
        return own + (await self._reader.count_missing(live) if live else 0)

    async def count_read(self, model: Model) -> int:
        """Return how many texts of a model were read so far: they are kept."""
        return self._reader.number - await self._reader.count_missing(model)

    @property
    def most_tokens(self) -> tuple[int, int]:
        """The most tokens of prompt and answer that one text takes."""
        return self._reader.most_tokens

    async def _verdict(self, model: Model, live: Model | None, account: Account, report: Report) -> Verdict:
        answers = await self._read(model, account, report, _NEW)
        beside, best = None, BestTextsComparison(None)
        if live:
            of_live = await self._read(live, account, report, _LIVE)
            best = await self._compare_best(model, live, report)
            beside = self._figures(live, of_live, best.live)
        new = self._figures(model, answers, best.new)
        return Verdict(
            new=new,
            live=beside,
            live_id=live.id if live else None,
            best_texts=best.texts,
            faults=self.rules.faults(new, beside),
            samples=self._samples(answers),
        )

    async def _read(self, model: Model, account: Account, report: Report, phase: str) -> list[Answer]:
        read = 0

        async def progress(done: int, total: int) -> None:
            nonlocal read
            read = done
            await report(done, total, LocalizedMessage(phase, total=total))

        try:
            return await self._reader.read(model, account, progress)
        except DatabaseBusy:
            raise
        except HerosmithError as error:
            raise _broken_off(model, read, self._reader.number, error) from error

    async def _compare_best(self, model: Model, live: Model, report: Report) -> BestTextsComparison:
        async def progress(done: int, total: int) -> None:
            await report(done, total, LocalizedMessage(_BEST))

        try:
            return await self._best_texts.compare(model, live, progress)
        except DatabaseBusy:
            raise
        except HerosmithError as error:
            raise _broken_off(model, self._reader.number, self._reader.number, error) from error

    def _figures(self, model: Model, answers: Sequence[Answer], best_log_prob: float | None) -> ModelFigures:
        return ModelFigures(
            texts=len(answers),
            fit=sum(unfit_reason(answer, self._curation) is None for answer in answers),
            all_rules=sum(keeps_all_rules(answer, self._curation) for answer in answers),
            loss=model.metrics.get("reference_loss"),
            reference=model.metrics.get("reference"),
            best_log_prob=best_log_prob,
        )

    def _samples(self, answers: Sequence[Answer]) -> list[CheckedText]:
        """Return two of the texts, those with a fault first."""
        texts = sorted(self._checked(answers), key=lambda text: text.reason is None)
        return texts[:_SAMPLES]

    def _checked(self, answers: Sequence[Answer]) -> Iterator[CheckedText]:
        for answer in answers:
            text = self._curation.trim(answer.text) or answer.text
            reason = unfit_reason(answer, self._curation)
            yield CheckedText(
                hero=self._vocabulary.title(answer.hero), text=text[:_SAMPLE_LENGTH], reason=reason
            )


def _broken_off(model: Model, read: int, total: int, error: HerosmithError) -> CheckBrokenOff:
    refused = LocalizedMessage("The call was refused; the log says why.")
    return CheckBrokenOff(
        "The check of {model} ended after {read} of {total} texts. {reason}",
        model=model_name(model.id),
        read=read,
        total=total,
        reason=error.message if isinstance(error, UserError) else refused,
    )


def _checkable(model: Model) -> Model:
    """Return the model. Raises UserError if it serves already, or cannot be asked yet."""
    if model.state == "live":
        raise UserError(
            "{model} is live already: only a model that waits is checked.", model=model_name(model.id)
        )
    if model.served_as is None:
        raise UserError(
            "Model {model_id} is not deployed yet. Deploy it at its provider, then say its name there with "
            "`{/models deployed}`.",
            model_id=model.id,
        )
    return model
