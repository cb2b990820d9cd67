"""The demo: the whole loop once in the terminal. Engine and jobs are real, the voters simulated."""

import shutil
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import TypeVar

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from bot.app import App, open_app
from bot.cli.progress import follow_job, run_with_worker
from bot.cli.terminal import TERMINAL, print_json, program
from bot.errors import Unavailable, UserError
from bot.heroes.hero import Hero
from bot.llm.budget import Account
from bot.llm.stream import Stream
from bot.presentation.verdicts import verdict_lines
from bot.processes import run_engine
from bot.rating.votes import DOWN, UP
from bot.settings import Settings
from bot.store import datasets
from bot.store.descriptions import Description
from bot.store.job_schema import BuildResult, FinetuneResult
from bot.store.jobs import Job

T = TypeVar("T")

HERO = Hero(40, "woman", "healing")  # in the vocabulary, but not in the grid of training heroes
VOTERS = ("simulated voter 1", "simulated voter 2", "simulated voter 3")

_PATIENCE = "The training takes 5 to 14 minutes on two cores."
_USUAL_EPOCHS = 2
_MAX_DESCRIPTIONS = 20  # until the voters like one; each takes a second


class Demo:
    """One run of the demo, with the duration of each stage."""

    def __init__(self, app: App, console: Console) -> None:
        self._app = app
        self._console = console
        self._durations: list[tuple[str, float]] = []

    async def run(self, *, examples: int | None, epochs: int) -> FinetuneResult:
        """Run the loop once and return how its training ended, whatever its check and the voters say.

        examples: how many the base writes; with None, the texts that come with the bot are taken.
        """
        self._console.print(
            f"A whole loop, with simulated voters. {_PATIENCE if examples is None else ''}".rstrip(),
            highlight=False,
        )
        first = await self._timed("build dataset v1", self._build(examples))
        self._print_dataset(first)
        training = await self._timed("train", self._finetune(epochs))
        self._console.print(
            f"[bold]Model {training.model} is trained.[/bold] Loss on texts kept aside (less is better): "
            f"{training.loss_before:.3f} -> {training.loss_after:.3f}."
        )
        for line in verdict_lines(TERMINAL, training.verdict) if training.verdict else ():
            self._console.print(line, markup=False, highlight=False)
        liked = await self._timed("describe and vote", self._describe_and_vote(training))
        if liked:
            second = await self._timed("build dataset v2", self._build(examples))
            self._print_dataset(second)
            await self._print_dataset_item(second.dataset, liked)
        else:
            self._console.print(
                f"The voters liked none of {_MAX_DESCRIPTIONS} descriptions, so a second dataset would be "
                f"the first one again. {_cure(examples, epochs)}"
            )
        self._print_durations()
        return training

    async def _timed(self, name: str, work: Awaitable[T]) -> T:
        started = time.monotonic()
        result = await work
        self._durations.append((name, time.monotonic() - started))
        return result

    async def _build(self, examples: int | None) -> BuildResult:
        if examples is None:
            spec = self._app.planner.spec("shipped")
        else:
            repeats = -(-examples // self._app.heroes.vocabulary.grid.size)
            spec = self._app.planner.spec(repeats=repeats, limit=examples)
        job, _ = await self._app.builds.submit(spec)
        return (await self._follow(job.id, "dataset")).result_as(BuildResult)

    async def _finetune(self, epochs: int) -> FinetuneResult:
        job, _ = await self._app.finetunes.submit(epochs=epochs)
        return (await self._follow(job.id, "training")).result_as(FinetuneResult)

    async def _follow(self, job_id: int, title: str) -> Job:
        """Show a job until it ends. Raise UserError with its error if it failed."""
        job = await follow_job(self._app.jobs, job_id, self._console, title)
        if job.result is None:
            raise UserError(f"The demo ends here: {job.error}")
        return job

    async def _describe_and_vote(self, training: FinetuneResult) -> Description | None:
        """Ask the base, then the tuned model, until the voters like a description; None if they never do."""
        prompts = self._app.heroes.prompts
        tuning = prompts.tuning_prompt(HERO)
        base = await self._app.client.complete(
            prompts.tuned_request(HERO), model=self._app.settings.base_model, account=Account("hero")
        )
        self._console.print(Panel(base.text, title=f"{tuning}  the base model", border_style="dim"))
        model = await self._app.registry.get(training.model)
        for _ in range(_MAX_DESCRIPTIONS):
            # asked by name: a model that failed its check is not live
            written = await self._app.describer.generate(HERO, Stream(), model)
            async with self._app.db.write() as tx:
                description = await self._app.describer.keep(tx, HERO, written, requester="demo")
            self._console.print(
                Panel(description.text, title=f"{tuning}  the trained model", border_style="green")
            )
            if await self._vote(description):
                return description
        return None

    async def _vote(self, description: Description) -> bool:
        """Cast the simulated votes, up if curation accepts the text. Return whether they are up."""
        curation = self._app.heroes.curation
        reason = curation.rejection_reason(description.hero, curation.trim(description.text))
        for voter in VOTERS:
            await self._app.votes.simulate(description.id, voter, DOWN if reason else UP)
        verdict = f"{DOWN} ({reason})" if reason else UP
        self._console.print(f"{len(VOTERS)} simulated voters: {verdict}")
        return reason is None

    async def _print_dataset_item(self, version: int, liked: Description) -> None:
        """Print the dataset item that the liked description became."""
        async with self._app.db.read() as tx:
            items = await datasets.list_items(tx, version)
        source = ("description", liked.id)
        found = next((item for item in items if (item.source, item.source_id) == source), None)
        if found is None:
            raise UserError(f"Dataset v{version} lacks the well-rated description {liked.id}: a defect.")
        self._console.print(
            f"[bold]dataset v{version} contains the well-rated description[/bold] "
            f"({found.split}): {found.prompt} {found.text[:60]}..."
        )

    def _print_dataset(self, result: BuildResult) -> None:
        counts = result.counts
        self._console.print(
            f"[bold]Dataset v{result.dataset}[/bold]: {counts.get('train', 0)} texts to learn from, "
            f"{counts.get('valid', 0)} kept aside, {counts.get('description', 0)} liked. "
            f"{_written(result)}"
        )

    def _print_durations(self) -> None:
        table = Table("stage", "seconds", title="What each stage took")
        table.columns[1].justify = "right"
        for name, seconds in self._durations:
            table.add_row(name, f"{seconds:.0f}")
        table.add_row("in all", f"{sum(seconds for _, seconds in self._durations):.0f}", style="bold")
        self._console.print(table)

    def print_next_steps(self) -> None:
        """Print what to do after the demo."""
        next_steps = (
            (f"{program()} run", "the bot itself: in the playground, or in Discord with DISCORD_TOKEN"),
            (f"{program()} dataset build", "a dataset for which the base writes new texts"),
            (f"{program()} tune examples/questions.csv", "a model of your own, on your own examples"),
        )
        self._console.print("\nNext:")
        for command, what in next_steps:
            self._console.print(f"  {command}   [dim]{what}[/dim]", highlight=False, soft_wrap=True)


async def run_demo(settings: Settings, *, examples: int | None, epochs: int, as_json: bool = False) -> None:
    """Run the loop on fresh data in the demo's own folder. Raise UserError if a stage fails.

    examples: how many the base writes; with None, the texts that come with the bot are taken.
    as_json: print one line of JSON at the end, and all else to standard error.
    """
    if settings.hosted:
        raise Unavailable("The demo runs on the embedded engine: unset OPENAI_API_KEY and OPENAI_BASE_URL.")
    console = Console(stderr=as_json)
    shutil.rmtree(settings.data_dir, ignore_errors=True)
    async with AsyncExitStack() as stack:
        with console.status("starting the model engine ..."):
            reachable = await stack.enter_async_context(run_engine(settings))
            app = await stack.enter_async_context(open_app(reachable))
        demo = Demo(app, console)
        run = demo.run(examples=examples, epochs=epochs)
        training = await run_with_worker(app.worker, run, f"To begin anew: {program()} demo")
        demo.print_next_steps()
    if as_json:
        losses = {"loss_before": training.loss_before, "loss_after": training.loss_after}
        print_json({**losses, "verdict": _verdict(training)}, on_one_line=True)


def _written(result: BuildResult) -> str:
    """Return what a model wrote for a dataset; nothing if none was asked."""
    if result.source == "shipped":
        return "No model wrote for it: the texts come with the bot."
    return (
        f"{result.asked} were written now, {result.cached} before; {sum(result.rejected.values())} did "
        f"not fit their hero, and {result.given_up} heroes were given up."
    )


def _cure(examples: int | None, epochs: int) -> str:
    """Return what to do about a model that nobody likes."""
    if examples is None and epochs < _USUAL_EPOCHS:
        return f"A model that reads the texts more often learns more: {program()} demo"
    if examples is None:
        return f"That is rare: try it again, {program()} demo."
    return (
        f"A few examples teach little: {program()} demo, without --examples, takes the texts that come with "
        "the bot."
    )


def _verdict(training: FinetuneResult) -> str:
    """Return what the check of the new model said; none without one."""
    if training.verdict is None:
        return "none"
    return "passed" if training.verdict.passed else "held back"
