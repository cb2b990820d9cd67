"""What follows a training: register the model, deploy and check it, report its losses and three heroes."""

import asyncio
import logging
import time
from typing import TypedDict

from openai.types.fine_tuning import FineTuningJob

from bot.errors import CheckBrokenOff, HerosmithError, UserError
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import LocalizedMessage
from bot.jobs.worker import Run
from bot.llm.budget import Account
from bot.registry.lora_deployment import LoraDeployment
from bot.registry.registry import Registry
from bot.serving.comparison import Comparer, model_title
from bot.store.fence import JobTaken
from bot.store.job_schema import Comparison, FinetuneSpec
from bot.store.models import Model
from bot.tuning.gate import Gate, Report
from bot.tuning.losses import Losses
from bot.tuning.providers import Provider
from bot.tuning.reference import ReferenceExamples, reference_loss
from bot.tuning.report_files import ReportFiles
from bot.tuning.step_rate import StepRate
from bot.tuning.training_files import TrainingFile, reference_file

log = logging.getLogger(__name__)

_LEAST_TEXTS = 8  # before a speed is told: several are read at once, and end together


class ModelReport(TypedDict, total=False):
    """What the end of a fine-tuning shows; files are named within the data folder."""

    heroes: list[Comparison]
    files: list[str]


class CheckReport(TypedDict, total=False):
    """What the end of a fine-tuning keeps of the check.

    Its duration with the number of texts that were read in it, or why it was broken off with the number of
    the new model's texts that are kept.
    """

    reading_seconds: float
    read: int
    unchecked: LocalizedMessage


def _with_rate(run: Run) -> Report:
    """Return a report that writes how fast texts are read into the job's row, besides how many are."""
    speed = StepRate(_LEAST_TEXTS)

    async def report(done: int, total: int, phase: LocalizedMessage) -> None:
        await run.progress(done, total, phase, speed.rate(done))

    return report


class TrainingResults:
    """Registers, deploys, checks and reports tuned models.

    gate: None if new models are not checked. reference: the texts on which their losses are compared.
    """

    def __init__(
        self,
        registry: Registry,
        provider: Provider,
        serving: LoraDeployment | None,
        gate: Gate | None,
        reference: ReferenceExamples,
        comparer: Comparer,
        vocabulary: Vocabulary,
        files: ReportFiles,
    ) -> None:
        self._registry = registry
        self._provider = provider
        self._serving = serving
        self._gate = gate
        self._reference = reference
        self._comparer = comparer
        self._vocabulary = vocabulary
        self._files = files

    async def register(self, job_id: int, spec: FinetuneSpec, remote: FineTuningJob) -> Model:
        """Register the model first of all: it is trained and paid for.

        Raises UserError if the server names no model, or one of another training.
        """
        name = remote.fine_tuned_model or (remote.id if self._provider.deploy_step else None)
        if name is None:
            raise UserError("The model server says that it trained, but names no model. Ask its operator.")
        answers_at_once = self._provider.deploy_step is None and self._serving is None
        return await self._registry.register(
            name=name,
            base=spec.base,
            dataset_id=spec.dataset,
            job_id=job_id,
            metrics={},
            served_as=name if answers_at_once else None,
        )

    async def deploy(self, model: Model, remote: FineTuningJob) -> tuple[Model, LocalizedMessage | None]:
        """Make the model answer chats. Return it, with what an operator must do first, if anything."""
        if model.served_as is not None:
            return model, None
        step = self._provider.deploy_step
        if step is None:
            served_as, refusal = await self._load(model.name)
            if refusal is None:
                return await self._registry.set_served_name(model.id, served_as), None
            done = LocalizedMessage("mend what keeps it from answering ({refusal})", refusal=refusal)
        else:
            done = LocalizedMessage(step, model=model.name, job=remote.id)
        return model, LocalizedMessage(
            "{done}, then tell the bot its name there: `{/models deployed model:{number} name:...}`",
            done=done,
            number=model.id,
        )

    async def _load(self, name: str) -> tuple[str, LocalizedMessage | None]:
        """Load the model into the serving servers. Return its name there, and why that failed if it did."""
        if self._serving is None:
            return name, None
        try:
            return await self._serving.deploy(name), None
        except HerosmithError as error:
            log.warning("%s is not served: %s", name, error, exc_info=error.__cause__)
            return name, error.message if isinstance(error, UserError) else LocalizedMessage(
                "the log says what"
            )

    async def reference_file(self) -> TrainingFile | None:
        """Return the file of the reference texts; None if no check reads the loss, or there are no texts."""
        if self._gate is None or not self._provider.measures_reference:
            return None
        try:
            examples = await asyncio.to_thread(self._reference)
        except UserError as error:  # a training is not to fail for it
            log.warning("losses cannot be compared: %s", error)
            return None
        return reference_file(examples) if examples else None

    async def keep_losses(self, model: Model, remote: FineTuningJob, losses: Losses) -> None:
        """Store a new model's losses, and the one that was measured of the tuned model that it comes from."""
        file, found = await self.reference_file(), None
        if file:
            found = reference_loss(remote, f"{file.name} {await self._registry.root_base(model.base)}")
        await self._registry.set_metrics(model.id, {**losses.held_out, **(found.metrics if found else {})})
        base = await self._registry.by_name(model.base)
        if base and found and base.metrics.get("reference") != found.reference:
            await self._registry.set_metrics(base.id, base.metrics | found.metrics_before)

    async def check_again(self, model: Model, report: Report) -> Model:
        """Check a model that waits, for a person. Raises as the gate does, and UserError if there is none."""
        if self._gate is None:
            raise UserError("New models are not checked here: CHECK_HEROES is 0.")
        return await self._gate.check_for_a_person(model.id, Account("tuning", model.job_id), report)

    async def check(self, run: Run, model: Model) -> CheckReport:
        """Check a new model, if new models are checked and this one can be asked."""
        if self._gate is None or model.state != "unchecked" or model.served_as is None:
            return {}
        questions, started = await self._gate.count_questions(model), time.monotonic()
        try:
            await self._gate.check(model.id, Account("tuning", run.job.id), _with_rate(run))
        except CheckBrokenOff as error:
            log.warning("model %d is not checked: %s", model.id, error, exc_info=error.__cause__)
            return {"unchecked": error.message, "read": await self._gate.count_read(model)}
        return {"reading_seconds": time.monotonic() - started, "read": questions}

    async def report(
        self, job_id: int, spec: FinetuneSpec, model: Model, live: Model | None, losses: Losses
    ) -> ModelReport:
        """Have heroes written by base, live and new model, and store them and the loss chart as files.

        What fails is left out: the model is there without it.
        """
        try:
            comparisons = await self._compare(job_id, spec, model, live)
            files = await self._files.write(job_id, model, losses, comparisons, language=spec.language)
        except JobTaken:
            raise
        except Exception:
            log.exception("model %d: the report is incomplete", model.id)
            return {}
        return {"heroes": comparisons, "files": files}

    async def _compare(
        self, job_id: int, spec: FinetuneSpec, model: Model, live: Model | None
    ) -> list[Comparison]:
        if model.served_as is None:
            return []
        tuned_from = await self._registry.by_name(spec.base)
        if tuned_from:
            writers: list[tuple[LocalizedMessage, Model | str]] = [(LocalizedMessage("base"), tuned_from)]
        else:
            writers = [(self._comparer.base_title, spec.base)]
        if live and live.id != model.id:
            writers.append((model_title(live), live))
        new = LocalizedMessage("new and live: model {number}", number=model.id)
        writers.append((new if model.state == "live" else model_title(model), model))
        account = Account("tuning", job_id)
        return await self._comparer.compare(self._vocabulary.sample(job_id), writers, account)
