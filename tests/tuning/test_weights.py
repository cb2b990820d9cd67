"""What a training changes: what the plan says, and what the engine is told."""

from typing import Any

import pytest

from bot.app import Timing, open_app
from bot.errors import SettingsError, UserError
from bot.i18n.message import ENGLISH
from bot.presentation.finetune import finetune_plan_text
from bot.settings import Settings
from bot.settings_file import load_settings
from bot.tuning.follow import TrainingTiming
from tests.support.scripted_server import Script
from tests.support.scripted_trainings import ProviderQuirks
from tests.support.workflows import build, finetune

_MEMORY = {"of": "memory", "needed": 4.9e9, "available": 2.1e9, "message": "..."}
_DISK = {"of": "disk", "needed": 4e9, "available": 1e9, "message": "..."}
_SIZE = {"of": "size", "needed": 1.7e9, "available": 5e8, "message": "..."}


@pytest.fixture
def timing() -> Timing:
    return Timing(training=TrainingTiming(poll=0.01, listed_within=0.0, start_pauses=(0,)))


async def plan_of(settings: Settings, timing: Timing, **changes: Any) -> str:
    """Return the plan after a build, with other settings: a server that only answers need not be there."""
    async with open_app(settings, timing) as app:
        await build(app)
    async with open_app(settings.model_copy(update=changes), timing) as app:
        _, estimate = await app.finetunes.plan()
        return finetune_plan_text(ENGLISH, estimate, None)


@pytest.mark.parametrize(
    ("planned", "changes", "said"),
    [
        ({"weights": "all"}, {}, "The whole model is trained, not a small addition to it."),
        ({"weights": "adapter", "obstacle": _MEMORY}, {}, "would take 4.9 GB of memory, and 2.1 are free."),
        ({"weights": "adapter", "obstacle": _DISK}, {}, "would take 4.0 GB on the disk, and 1.0 are free."),
        (
            {"weights": "adapter", "obstacle": _SIZE},
            {},
            "1.7 billion weights",
        ),
        ({"weights": "adapter"}, {"tune": "adapter"}, "as the setting TUNE says."),
        (
            {"weights": "adapter"},
            {"serving_url": ("http://127.0.0.1:1/v1",)},
            "SERVING_URL loads nothing else.",
        ),
        (None, {}, "The whole model is trained if the machine has enough memory and disk"),
    ],
)
async def test_the_plan_says_what_is_tuned_and_why(
    settings: Settings, timing: Timing, script: Script, planned: Any, changes: Any, said: str
) -> None:
    script.trainings.planned = planned
    assert said in await plan_of(settings, timing, **changes)


async def test_a_plan_that_the_engine_refuses_says_why(
    settings: Settings, timing: Timing, script: Script
) -> None:
    script.trainings.planned = {"error": "All weights cannot be trained: 4.9 GiB of memory are needed."}
    with pytest.raises(UserError, match=r"4\.9 GiB of memory are needed"):
        await plan_of(settings, timing, tune="all")


@pytest.mark.parametrize(
    ("changes", "wanted", "told"),
    [
        ({}, "auto", {}),
        ({"tune": "all"}, "all", {"weights": "all"}),
        ({"tune": "adapter"}, "adapter", {"weights": "adapter"}),
    ],
)
async def test_the_engine_is_told_what_to_tune(
    settings: Settings, timing: Timing, script: Script, changes: Any, wanted: str, told: Any
) -> None:
    script.trainings.quirks = ProviderQuirks(hyperparameters=frozenset({"n_epochs", "weights"}))
    async with open_app(settings.model_copy(update=changes), timing) as app:
        await build(app)
        assert (await finetune(app)).state == "succeeded"
    method = script.trainings.created[0]["method"]
    assert method["supervised"]["hyperparameters"] == told | {"n_epochs": 1}
    assert script.trainings.wanted_weights == [wanted]


@pytest.mark.parametrize(
    ("variables", "mistake"),
    [
        ({"TUNE": "some"}, "TUNE: "),
        ({"TUNE": "all", "SERVING_URL": "http://gpu/v1"}, "TUNE: the server at SERVING_URL loads adapters"),
        ({"TUNE": "adapter", "OPENAI_API_KEY": "x"}, "TUNE: only the embedded engine"),
    ],
)
def test_a_setting_that_cannot_be_followed_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], mistake: str
) -> None:
    for name, value in ({"AUTHOR_MODEL": "a", "BASE_MODEL": "b"} | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=mistake):
        load_settings()
