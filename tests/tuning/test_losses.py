"""Losses: result files as providers write them, and their chart."""

import base64
import gettext
from pathlib import Path

import pytest
from matplotlib import rc_context
from openai.types.fine_tuning import FineTuningJobEvent

from bot.i18n.catalogues import Catalogues
from bot.i18n.message import Translator
from bot.presentation.finetune import finetune_result_text
from bot.registry.names import model_name
from bot.settings import ROOT
from bot.store.job_schema import FinetuneResult
from bot.tuning.losses import KeptEpoch, Losses, draw_losses, losses_from_csv, losses_from_events

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
        ("fr", ["Modèle 3", "étape", "perte (moins vaut mieux)", "apprentissage", "côté", "2,50"]),
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
    assert (">2.6<" in drawn, ">2,6<" in drawn) == (language == "en", language != "en")  # at the axis


def test_the_loss_after_a_training_is_that_of_the_epoch_that_was_kept() -> None:
    def event(**data: float) -> FineTuningJobEvent:
        return FineTuningJobEvent(
            id="e",
            created_at=1,
            level="info",
            message="",
            object="fine_tuning.job.event",
            type="metrics",
            data=data,
        )

    told = [
        event(step=0, total_steps=6, full_valid_loss=3.0),
        event(step=3, total_steps=6, train_loss=2.0, full_valid_loss=2.5),
        event(step=6, total_steps=6, train_loss=1.0, full_valid_loss=2.75),
    ]
    kept = event(step=3, total_steps=6, full_valid_loss=2.5, kept_epoch=1, epochs=2)
    assert losses_from_events(told).held_out == {"loss_before": 3.0, "loss_after": 2.75}
    for events in ([*told, kept], [kept, *reversed(told)]):
        found = losses_from_events(events)
        assert found.held_out == {"loss_before": 3.0, "loss_after": 2.5}
        assert found.kept == KeptEpoch(1, 2)


def test_a_training_that_kept_an_earlier_epoch_says_so() -> None:
    translate = Translator("en", gettext.NullTranslations())
    result = FinetuneResult(model=3, state="candidate", loss_after=2.5)
    assert "round" not in finetune_result_text(translate, result)
    kept = result.model_copy(update={"kept_epoch": 1, "epochs": 2})
    assert "lowest after round 1 of 2, so the model is the one of then" in finetune_result_text(
        translate, kept
    )
