"""Losses: result files as providers write them, and their chart."""

import base64
from pathlib import Path

import pytest
from matplotlib import rc_context

from bot.i18n.catalogues import Catalogues
from bot.registry.names import model_name
from bot.settings import ROOT
from bot.tuning.losses import Losses, draw_losses, losses_from_csv

LANGUAGES = Catalogues(ROOT / "data" / "languages")

PLAIN = b"step,train_loss,note,valid_loss\n1,2.5,a,3.5\n2,2.0,b,3.0\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"\n", b"\r"),
        PLAIN.replace(b",a,", ",\u2028,".encode()).replace(b",b,", ",\x85\u2029,".encode()),
        base64.b64encode(PLAIN),
        base64.encodebytes(PLAIN * 1),
        base64.b64encode(b"\xef\xbb\xbf" + PLAIN) + b"\n",
    ],
)
def test_losses_are_read_whatever_ends_their_lines(content: bytes) -> None:
    losses = losses_from_csv(content)
    assert (losses.train, losses.valid) == ({1: 2.5, 2: 2.0}, {1: 3.5, 2: 3.0})


@pytest.mark.parametrize("content", [b"", b"<html>", b"no base64!", b"\xff\xfe"])
def test_what_is_no_result_file_has_no_losses(content: bytes) -> None:
    assert losses_from_csv(content).train == {}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["Model 3", "step", "loss (less is better)", "texts to learn from", "texts kept aside", "2.50"],
        ),
        ("de", ["Modell 3", "Schritt", "Loss (weniger ist besser)", "Texte zum Lernen", "beiseite", "2,50"]),
    ],
)
def test_the_chart_of_losses_is_in_the_readers_language(
    tmp_path: Path, language: str, words: list[str]
) -> None:
    losses = Losses({1: 3.0, 2: 2.5, 3: 2.25}, {0: 3.5, 3: 2.5})
    picture = tmp_path / "loss.svg"
    with rc_context({"svg.fonttype": "none"}):  # words stay words
        draw_losses(picture, LANGUAGES.translator_for(language), title=model_name(3), losses=losses)
    drawn = picture.read_text()
    assert [word for word in words if word not in drawn] == []
    assert (">2.6<" in drawn, ">2,6<" in drawn) == (language == "en", language == "de")  # at the axis
