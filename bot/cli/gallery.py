"""`herosmith gallery`: texts that people let the public see, as a web page in a folder."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import shown
from bot.errors import UserError
from bot.settings import Settings

_SLOW = 2.0  # seconds after which lines of progress are printed where no terminal shows a bar


def gallery(
    folder: Annotated[
        Path, typer.Argument(help="Where to write it: a new folder, or that of an earlier gallery")
    ],
    language: Annotated[str, typer.Option(help="The page's language, such as de")] = "en",
    no_cards: Annotated[bool, typer.Option("--no-cards", help="Draw no pictures of the heroes")] = False,
) -> None:
    """Write a web page of the heroes that their askers and servers let everyone see."""
    run_command(_gallery(installation_settings(), folder, language, cards=not no_cards))


async def _gallery(settings: Settings, folder: Path, language: str, *, cards: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 (so that --help is quick)

    from bot.app import open_app  # noqa: PLC0415
    from bot.cli.progress import show_progress  # noqa: PLC0415
    from bot.gallery.pictures import draw_pictures  # noqa: PLC0415
    from bot.gallery.site import begin_site, check_folder, write_site  # noqa: PLC0415

    check_folder(folder)
    async with open_app(settings) as app:
        languages = app.guild_settings.languages
        code = "en" if language == "en" else languages.code(language)
        if code is None:
            known = ", ".join(languages.names)
            raise UserError("There is no language {code}. There are: {known}.", code=language, known=known)
        t = languages.translator_for(code)
        with show_progress(Console(stderr=True), "gallery", line_interval=_SLOW) as view:
            entries = await app.gallery.public(t, lambda done, total: view.update(done, total, "reading"))
            begin_site(folder, t)
            if cards:
                entries = await draw_pictures(
                    folder, entries, app.cards, t, lambda done, total: view.update(done, total, "drawing")
                )
                entries = await app.gallery.still_public(entries)
            view.update(len(entries), len(entries), "writing")
            await asyncio.to_thread(write_site, folder, entries, t)
    if not entries:
        typer.echo(
            f"An empty gallery is written to {shown(folder)}. A hero is in it once whoever asked for it has "
            "joined the gallery (/heroes settings in Discord), and an admin of its server, too "
            "(/settings gallery)."
        )
        return
    noun, page = "hero" if len(entries) == 1 else "heroes", shown(folder / "index.html")
    typer.echo(
        f"A gallery of {len(entries):,} {noun} is written to {shown(folder)}: open {page}, or publish the "
        "folder. Write it anew from time to time: people leave it, and delete texts."
    )
