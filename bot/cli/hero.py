"""`herosmith hero`: have a hero described, as /hero does. Nothing of it is kept, so nobody votes on it."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.commands import Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import print_json
from bot.llm.stream import Stream
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.heroes.hero import Hero
    from bot.serving.generator import GeneratedText


def hero(
    hero: Annotated[list[str], typer.Argument(help="Age, gender and power, such as: 40 woman healing")],
    model: Annotated[
        int | None, typer.Option(help="A model's number in `models list`; by default the live one")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the text while it is written")] = False,
    as_json: Json = False,
) -> None:
    """Describe a hero with the live model, or with the base if none is trained yet."""
    if stream and as_json:
        raise typer.BadParameter("Choose one of --stream and --json.")
    run_command(_hero(installation_settings(), " ".join(hero), model, streamed=stream, as_json=as_json))


async def _hero(
    settings: Settings, typed: str, model_id: int | None, *, streamed: bool, as_json: bool
) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.engine_start import shared_engine  # noqa: PLC0415

    asked = parse_hero(settings, typed)
    async with shared_engine(settings) as reachable, open_app(reachable) as app:
        model = None if model_id is None else await app.registry.get(model_id)
        stream = Stream()
        work = asyncio.create_task(app.describer.generate(asked, stream, model))
        if streamed:
            await _print_while_written(stream, work)
        written = await work
    if as_json:
        print_json(_json(asked, written))
    elif not streamed:
        typer.echo(written.text)


def parse_hero(settings: Settings, typed: str) -> "Hero":
    """Return the hero that was typed, before an engine is started for it. Raises as HeroParser does."""
    from bot.heroes.blocklist import Blocklist  # noqa: PLC0415
    from bot.heroes.config import read_heroes  # noqa: PLC0415
    from bot.heroes.hero_parser import HeroParser  # noqa: PLC0415

    vocabulary = read_heroes(settings.heroes_file).vocabulary
    return HeroParser(vocabulary, Blocklist(settings.blocklist, vocabulary.powers)).parse(typed)


async def _print_while_written(stream: Stream, work: "asyncio.Task[GeneratedText]") -> None:
    """Print what is new of a text until it is complete; all of it again if it was begun anew."""
    printed = ""
    while not work.done():
        changed = asyncio.create_task(stream.changed())
        await asyncio.wait({work, changed}, return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        printed = _print_rest(stream.text, printed)
    if not work.exception():
        _print_rest(work.result().text, printed)
    typer.echo()


def _print_rest(text: str, printed: str) -> str:
    if printed.startswith(text):  # the end may have been trimmed
        return printed
    typer.echo(text.removeprefix(printed) if text.startswith(printed) else f"\n\n{text}", nl=False)
    return text


def _json(hero: "Hero", written: "GeneratedText") -> dict[str, object]:
    """Return a description as docs/cli.md describes it."""
    return {
        **hero.as_dict(),
        "text": written.text,
        "model": written.model,
        "tuned": written.tuned,
        "finish_reason": written.answer.finish_reason,
        "seconds": round(written.answer.seconds, 3),
    }
