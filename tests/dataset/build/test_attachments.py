"""The chart of a build: its words are in the reader's language, in the right numbers."""

import re
from pathlib import Path

import pytest
from matplotlib import rc_context

from bot.dataset.build.attachments import draw_length_chart
from bot.i18n.catalogues import Catalogues
from bot.settings import ROOT

LANGUAGES = Catalogues(ROOT / "data" / "languages")


@pytest.mark.parametrize(
    ("language", "texts", "reasons", "words"),
    [
        ("en", 2, {}, ["Dataset v4: 2 texts<", "words in a text", "number of texts"]),
        ("en", 1, {"stop": 1, "odd": 1}, ["Dataset v4: 1 text, 2 answers<", "by itself", ">odd<"]),
        (
            "de",
            1,
            {"length": 1},
            ["Datensatz v4: 1 Text, 1 Antwort<", ">abgeschnitten<", "so endeten die Antworten"],
        ),
        ("de", 1200, {}, ["Datensatz v4: 1.200 Texte<", "Wörter in einem Text", "Anzahl der Texte"]),
        (
            "fr",
            1200,
            {},
            ["Jeu de données v4\N{NARROW NO-BREAK SPACE}: 1\N{NARROW NO-BREAK SPACE}200 textes<"],
        ),
        ("xx", 3, {}, ["Dataset v4: 3 texts<"]),
    ],
)
def test_the_chart_of_a_build(
    tmp_path: Path, language: str, texts: int, reasons: dict[str, int], words: list[str]
) -> None:
    picture = tmp_path / "lengths.svg"
    with rc_context({"svg.fonttype": "none"}):  # words stay words
        t = LANGUAGES.translator_for(language)
        draw_length_chart(picture, t, version=4, lengths={80: texts}, finish_reasons=reasons)
    drawn = picture.read_text()
    assert [word for word in words if word not in drawn] == []


@pytest.mark.parametrize("lengths", [{88: 1}, {88: 1, 90: 2}, {88: 1, 95: 1, 100: 1}, {70: 2, 80: 3}])
def test_what_is_counted_has_whole_ticks(tmp_path: Path, lengths: dict[int, int]) -> None:
    """Few texts of nearly one length have no 88.2 words, and three of them are no tick of ten."""
    picture = tmp_path / "lengths.svg"
    with rc_context({"svg.fonttype": "none"}):
        t = LANGUAGES.translator_for("en")
        draw_length_chart(picture, t, version=4, lengths=lengths, finish_reasons={"stop": 3})
    numbers = [float(number) for number in re.findall(r">([\d.]+)</text>", picture.read_text())]
    assert {0.0, 1.0} < set(numbers)
    assert [number for number in numbers if not number.is_integer()] == []
