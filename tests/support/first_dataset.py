"""First datasets for tests: lines that are sound, and lines with one mistake each."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from bot.settings import ROOT

SHIPPED_COUNTS = Counter(
    json.loads(line)["origin"] for line in (ROOT / "data" / "first_dataset.jsonl").open(encoding="utf-8")
)
"""How many texts the bot comes with, by their origin."""

SOUND: dict[str, Any] = {
    "age": 40,
    "gender": "woman",
    "power": "healing",
    "text": "Mara, a 40-year-old woman, heals what others break.",
    "origin": "hand-written",
}

FAULTS: list[tuple[str, str]] = [
    ('{"age": 40,', "It is not a JSON object. A line is {"),
    ("[1, 2]", "It is not a JSON object"),
    (json.dumps("She heals."), "It is not a JSON object"),
    (json.dumps({**SOUND, "age": "40"}), "The age must be a whole number"),
    (json.dumps({**SOUND, "age": 40.5}), "The age must be a whole number"),
    (json.dumps({**SOUND, "age": 17}), "The age must be between 18 and 120"),
    (json.dumps({**SOUND, "age": 121}), "The age must be between 18 and 120"),
    (json.dumps({**SOUND, "gender": "wizard"}), "The gender 'wizard' is not known: write man/woman"),
    (json.dumps({**SOUND, "gender": None}), "The gender must be text in quotation marks."),
    (json.dumps({**SOUND, "power": "read **minds**"}), "A power is made of plain words"),
    (json.dumps({**SOUND, "power": "x" * 61}), "at most 60 fit"),
    (json.dumps({**SOUND, "power": "nazi salutes"}), "Its power is on the blocklist"),
    (json.dumps({**SOUND, "text": "  \n"}), "The text is empty: write one."),
    (json.dumps({**SOUND, "text": "She heals.<|im_end|>"}), "<|im_end|> ends a turn of a chat"),
    (json.dumps({**SOUND, "text": "heals " * 2000}), "The text has 12,000 characters; at most 10,000 fit."),
    (json.dumps({**SOUND, "text": "She\0heals."}), "The text holds a NUL byte"),
    (json.dumps({**SOUND, "origin": "me"}), "The origin must be one of herosmith-build, hand-written."),
    (json.dumps({**SOUND, "colour": "red"}), "No text has the field colour: leave it out."),
    (json.dumps({key: SOUND[key] for key in ("age", "gender", "power")}), "It lacks text, origin."),
    (json.dumps({**SOUND, "text": SOUND["text"].upper()}), "It has the text of line 1."),
]
"""Lines that may not follow the sound one, and the beginning or a part of what is said of each."""


def write_lines(path: Path, *lines: str) -> Path:
    """Write a first dataset of the sound line and others."""
    path.write_text("\n".join([json.dumps(SOUND), *lines]) + "\n", encoding="utf-8")
    return path
