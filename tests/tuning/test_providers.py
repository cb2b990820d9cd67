"""Providers: fine-tuning at a server of each one's shape, and which base URL is whose."""

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from bot.app import Timing, open_app
from bot.errors import SettingsError
from bot.settings import ROOT, Settings
from bot.store.job_schema import FinetuneResult, Method
from bot.tuning.follow import TrainingTiming
from bot.tuning.providers import ENGINE, OTHER, PROVIDERS, Provider, provider_of
from tests.support.provider_quirks import QUIRKS
from tests.support.scripted_server import Script
from tests.support.scripted_trainings import lines
from tests.support.workflows import build, finetune, silent


@pytest.fixture
def timing() -> Timing:
    return Timing(training=TrainingTiming(poll=0.01, listed_within=0.0, start_pauses=(0,)))


def at(settings: Settings, key: str) -> Settings:
    return settings.model_copy(update={"provider": key})


def test_each_provider_is_tried_and_documented() -> None:
    keys = {provider.key for provider in PROVIDERS}
    assert keys - {OTHER.key} <= set(QUIRKS), "describe it in tests/support/provider_quirks.py"
    for page in (".env.example", "docs/tuning.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        missing = [each.key for each in PROVIDERS if each.key not in text and each.name not in text]
        assert missing == [], f"name it in {page}"


@pytest.mark.parametrize("key", QUIRKS)
async def test_a_training_passes_at_a_server_of_each_shape(
    hosted: Settings, timing: Timing, script: Script, key: str
) -> None:
    script.trainings.quirks = QUIRKS[key]
    async with open_app(at(hosted, key), timing) as app:
        await build(app)
        done = await finetune(app)
        assert (done.state, done.error) == ("succeeded", None)
        (model,) = await app.registry.all()

    assert len(script.trainings.created) == 1
    assert all(len(lines(content)) > 0 for _, content in script.trainings.uploads)
    assert model.name == ("ft:tiny:1" if QUIRKS[key].names_model else "ftjob-1")


@pytest.mark.parametrize("key", ["azure", "nebius", "crusoe"])
async def test_a_model_that_must_be_deployed_waits_for_its_name(
    hosted: Settings, timing: Timing, script: Script, key: str
) -> None:
    script.trainings.quirks = QUIRKS[key]
    async with open_app(at(hosted, key), timing) as app:
        await build(app)
        done = await finetune(app)
        (model,) = await app.registry.all()
        assert (model.state, model.served_as) == ("unchecked", None)
        assert "/models deployed model:1" in str(done.result_as(FinetuneResult).deploy)

        await app.registry.set_served_name(model.id, "heroes-prod")
        assert (await app.finetunes.check(model.id, silent)).state == "live"
        description = await app.describer.describe(app.heroes.vocabulary.sample(1)[0], requester=1)
    assert script.asked[-1]["model"] == "heroes-prod"
    assert description.model == model.name


@pytest.mark.parametrize("key", QUIRKS)
async def test_a_lost_start_is_found_again_at_a_server_of_each_shape(
    hosted: Settings, timing: Timing, script: Script, key: str
) -> None:
    """By the metadata, the suffix or the file: each provider keeps one of them at least."""
    script.trainings.quirks = QUIRKS[key]
    script.trainings.lost_starts = 1
    async with open_app(at(hosted, key), timing) as app:
        await build(app)
        assert (await finetune(app)).state == "succeeded"
    assert len(script.trainings.created) == 1


async def test_the_same_dataset_is_uploaded_once_even_if_names_are_lost(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    script.trainings.quirks = QUIRKS["nebius"]
    async with open_app(at(hosted, "nebius"), timing) as app:
        await build(app)
        await finetune(app)
        await finetune(app)
    assert len(script.trainings.created) == 2
    assert len(script.trainings.uploads) == 2  # to learn from, and held out


async def test_settings_add_to_the_call_that_starts_a_training(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    script.trainings.quirks = QUIRKS["azure"]
    chosen = at(hosted, "azure").model_copy(update={"tuning_extra": {"trainingType": "developerTier"}})
    async with open_app(chosen, timing) as app:
        await build(app)
        await finetune(app)
    assert script.trainings.created[0]["trainingType"] == "developerTier"


def request_of(
    extra: dict[str, Any], *, method: Method = "supervised", provider: Provider = ENGINE
) -> dict[str, Any]:
    return provider.create_request(
        base="tiny",
        method=method,
        epochs=3,
        files={"train": "file-1", "valid": "file-2"},
        suffix="heroes-1",
        metadata={"key": "1"},
        extra=extra,
    )


def test_tables_of_the_setting_are_joined_with_those_of_the_call() -> None:
    extra = {
        "seed": 7,
        "metadata": {"team": "red"},
        "method": {"supervised": {"hyperparameters": {"lora_rank": 32}}},
    }
    body = request_of(extra)
    assert (body["seed"], body["metadata"]) == (7, {"team": "red", "key": "1"})
    assert body["method"]["type"] == "supervised"
    numbers = body["method"]["supervised"]["hyperparameters"]
    assert (numbers["lora_rank"], numbers["n_epochs"]) == (32, 3)
    assert request_of(extra, method="dpo")["method"].keys() == {"type", "dpo"}


def test_the_setting_changes_nothing_that_belongs_to_one_training() -> None:
    extra = {
        "model": "another",
        "training_file": "file-9",
        "validation_file": "file-9",
        "suffix": "mine",
        "metadata": {"key": "9"},
        "method": {"type": "kto", "supervised": {"hyperparameters": {"n_epochs": 50}}},
    }
    assert request_of(extra) == request_of({})
    assert request_of({"method": "kto"}) == request_of({})


@pytest.mark.parametrize(
    ("url", "key"),
    [
        (None, "openai"),
        ("https://api.openai.com/v1", "openai"),
        ("https://somebody.openai.azure.com/openai/v1/", "azure"),
        ("https://api.tokenfactory.nebius.com/v1/", "nebius"),
        ("https://api.intelligence.crusoecloud.com/v1", "crusoe"),
        ("https://notopenai.azure.com.example.org/v1", "other"),
        ("http://127.0.0.1:8000/v1", "other"),
    ],
)
def test_a_provider_is_recognised_by_its_host(url: str | None, key: str) -> None:
    assert provider_of(url, hosted=True).key == key


def test_without_an_api_the_engine_trains() -> None:
    assert provider_of(None, hosted=False) is ENGINE
    assert provider_of("http://localhost", hosted=True, key="Azure").name == "Azure"
    with pytest.raises(SettingsError, match="PROVIDER: acme is not known"):
        provider_of(None, hosted=True, key="acme")


async def test_an_organization_that_may_not_train_is_told_why_since_when_and_what_it_can_do(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    script.faults["POST /v1/fine_tuning/jobs"] = [403]
    async with open_app(at(hosted, "openai"), timing) as app:
        await build(app)
        error = str((await finetune(app)).error)
    for part in ("2026-05-07", "2026-07-02", "2027-01-06", "embedded engine", "Nebius", "dataset export"):
        assert part in error
    assert "secret" not in error


async def test_an_unknown_server_that_refuses_is_reported_without_dates(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    script.faults["POST /v1/files"] = [403]
    async with open_app(at(hosted, "other"), timing) as app:
        await build(app)
        error = str((await finetune(app)).error)
    assert "This organization may not train models with the model server" in error
    assert "2027" not in error


def test_what_an_entry_leaves_out_is_as_with_openai() -> None:
    (openai,) = (each for each in PROVIDERS if each.key == "openai")
    assert replace(openai, hosts=(), shutdowns=()) == Provider(key="openai", name="OpenAI")
    assert [field.name for field in fields(Provider) if field.name not in (Provider.__doc__ or "")] == []


def test_no_other_module_names_a_provider() -> None:
    keys = [each.key for each in PROVIDERS if each.hosts and each.key != "openai"]  # the SDK is called openai
    names = re.compile("|".join([*keys, "vllm"]), re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for room in ("bot", "cogs")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "providers.py"
        for line in path.read_text().splitlines()
        if names.search(line)
    ]
    assert found == []
    assert OTHER.hosts == ()
