"""Plain text: each line is a completion without a prompt."""

from collections.abc import Iterator

from bot.dataset.reading.encoding import Text
from bot.dataset.reading.source import Format, Record
from bot.dataset.reading.survey import Reading


def text_reading(text: Text) -> Reading:
    """Read lines as they are, blank ones as well."""

    def rows() -> Iterator[Record]:
        with text.open() as stream:
            for number, line in enumerate(stream, 1):
                cells = {"prompt": "", "completion": line.removesuffix("\n")}
                yield Record(number, f"Line {number} of {text.name}", cells, number)

    return Reading(
        text.name,
        Format.TEXT,
        rows,
        ["prompt", "completion"],
        notes=["Each line is read as a completion without a prompt."],
        deviations=list(text.deviations),
    )
