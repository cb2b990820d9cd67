"""The files attached to the end of a training: a chart of its losses, and the heroes that were compared."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.i18n.catalogues import Catalogues
from bot.i18n.message import Translator
from bot.registry.names import model_name
from bot.store.job_schema import Comparison, ComparisonSide
from bot.store.models import Model
from bot.tuning.losses import Losses, draw_losses


class ReportFiles:
    """Writes the files of finished trainings, each training's in `reports/JOB/` of the data folder."""

    def __init__(self, data_dir: Path, languages: Catalogues) -> None:
        self._data_dir = data_dir
        self._languages = languages

    async def write(
        self, job_id: int, model: Model, losses: Losses, comparisons: Sequence[Comparison], *, language: str
    ) -> list[str]:
        """Write loss.png if any loss was measured, and heroes.md if heroes were compared.

        losses: in nats a token, by step. comparisons: the texts of each hero, one by each model. language:
        the code of the language of headings and labels, such as "de"; English if there is no catalogue for
        it.

        Return the paths of what was written, relative to the data folder, the chart first. Files of an
        earlier run of the job are replaced. Raises OSError if they cannot be written.
        """
        folder, t = self._data_dir / "reports" / str(job_id), self._languages.translator_for(language)
        paths = [
            await asyncio.to_thread(_write_chart, folder, t, model, losses),
            await asyncio.to_thread(_write_texts, folder, t, comparisons),
        ]
        return [str(path.relative_to(self._data_dir)) for path in paths if path]


def _write_chart(folder: Path, t: Translator, model: Model, losses: Losses) -> Path | None:
    """Draw the losses. Return the file, None if no loss was measured."""
    if not losses.train and not losses.valid:
        return None
    path = folder / "loss.png"
    draw_losses(path, t, title=model_name(model.id), losses=losses)
    return path


def _write_texts(folder: Path, t: Translator, comparisons: Sequence[Comparison]) -> Path | None:
    """Write all texts at full length, as Markdown: a message shows only their beginnings.

    Return the file, None if nothing was compared.
    """
    if not comparisons:
        return None
    parts = [
        f"# {each.hero}\n\n" + "\n\n".join(_side_text(t, side) for side in each.sides) for each in comparisons
    ]
    path = folder / "heroes.md"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _side_text(t: Translator, side: ComparisonSide) -> str:
    """Return a model's text under its name, or why there is none."""
    text = side.text if isinstance(side.text, str) else t(side.text)
    return f"**{t(side.by)}**\n\n{text}"
