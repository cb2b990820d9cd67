"""The table of bases, what each is estimated to take, and the measurement behind it."""

import json
from pathlib import Path

import pytest

from bot.settings import ENGINE_MODEL, ROOT
from engine import hyperparameters, resources, tunability
from engine.bases.__main__ import estimates, main
from engine.bases.probe import Probe, measure
from engine.bases.table import KnownBase, read_table
from engine.model_size import ModelSize
from engine.storage import weights
from engine.storage.hub.name import HubName

TABLE = ROOT / "data" / "bases.toml"
PLENTY = 2**50
PROBE = Probe(words_per_second=90.0, file_bytes=100_000_000, training_rate=40e9, processor=1.0, seconds=14.0)


@pytest.fixture(scope="module")
def bases() -> list[KnownBase]:
    return read_table(TABLE)


def named(bases: list[KnownBase], title: str) -> KnownBase:
    return next(each for each in bases if each.title == title)


def test_the_first_one_needs_nothing_but_a_download(bases: list[KnownBase]) -> None:
    first = bases[0]
    assert first.title == "SmolLM2-360M-Instruct"
    assert tunability.architecture_obstacle(first.architecture) == ""
    assert first.model == "smollm2-360m-instruct"


def test_every_name_leads_to_a_gguf_file_and_a_name_of_the_api(bases: list[KnownBase]) -> None:
    assert len({each.title for each in bases}) == len(bases)
    for each in bases:
        if each.hub is not None:
            name = HubName.parse(each.hub)
            assert name is not None
            assert name.file is not None
            assert name.file.endswith(".gguf")
            assert each.model == weights.model_id(Path(name.file).stem)


def test_the_packaged_weights_are_described_as_they_are(bases: list[KnownBase]) -> None:
    packaged = named(bases, "SmolLM2-135M-Instruct")
    here = weights.find(None)
    assert (packaged.hub, packaged.model, packaged.is_here) == (None, ENGINE_MODEL, True)
    assert packaged.file_bytes == here.path.stat().st_size
    assert packaged.size == ModelSize.read(here.path)


def test_whether_one_can_be_tuned_is_what_the_trainer_says(bases: list[KnownBase]) -> None:
    assert {each.title: tunability.architecture_obstacle(each.architecture) for each in bases} == {
        each.title: "" for each in bases
    }
    assert "'no-such-architecture'" in tunability.architecture_obstacle("no-such-architecture")


def test_estimates_follow_the_rules_by_which_a_training_is_refused(bases: list[KnownBase]) -> None:
    chosen = [named(bases, f"SmolLM2-{size}-Instruct") for size in ("135M", "360M", "1.7B")]
    small, middle, large = estimates(chosen, PROBE, tokens=57_000, memory=PLENTY, disk=PLENTY)
    assert [each["tuning"]["weights"] for each in (small, middle, large)] == ["all", "all", "adapter"]
    assert middle["tuning"]["memory"] == int(resources.memory_needed(chosen[1].size, "all"))
    models = min(hyperparameters.EPOCHS, hyperparameters.KEPT_CHECKPOINTS)
    disk = resources.disk_needed(chosen[2].size, "adapter", models=models, is_gguf=True)
    assert large["tuning"]["disk"] == int(disk)
    # 57,000 tokens twice, each with all parameters, at 40e9 a second
    assert small["tuning"]["minutes"] == pytest.approx(114_000 * 134.5e6 / 40e9 / 60, abs=0.1)
    assert large["tuning"]["minutes"] == pytest.approx(2 / 3 * 114_000 * 1711.4e6 / 40e9 / 60, abs=0.1)
    assert small["serving"]["words_per_second"] == pytest.approx(90 * 100 / 98.36, abs=0.1)
    assert middle["serving"]["words_per_second"] == pytest.approx(90 * 100 / 386.4, abs=0.1)
    assert (small["download_bytes"], small["base"]) == (0, None)


def test_a_small_machine_tunes_an_adapter_or_nothing(bases: list[KnownBase]) -> None:
    chosen = named(bases, "SmolLM2-360M-Instruct")
    adapter = int(resources.memory_needed(chosen.size, "adapter"))
    for memory, obstacle in ((adapter, None), (adapter - 1, "GiB of memory are needed")):
        (told,) = estimates([chosen], PROBE, tokens=1000, memory=memory, disk=PLENTY)
        assert told["tuning"]["weights"] == "adapter"
        assert (told["tuning"]["minutes"] is None) == bool(obstacle)
        assert (obstacle or "") in (told["tuning"]["obstacle"] or "")
    (told,) = estimates([chosen], PROBE, tokens=1000, memory=PLENTY, disk=1000)
    assert not told["serving"]["fits"]


def test_without_a_measurement_the_rest_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(tmp_path / "not" / "there"), "--table", str(TABLE)]
    main([*options, "--tokens", "57000", "--no-probe"])
    told = json.loads(capsys.readouterr().out)
    assert (told["probe"], told["probe_error"]) == (None, None)
    assert told["free"]["memory"] > 0
    for each in told["bases"]:
        assert each["serving"]["words_per_second"] is None
        assert each["tuning"]["minutes"] is None
        assert each["tuning"]["memory"] > 0
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("content", ["bases = 1", "[[bases]]\ntitle = 'x'\n", "[[", ""])
def test_a_table_that_was_edited_badly(tmp_path: Path, content: str) -> None:
    table = tmp_path / "bases.toml"
    table.write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(tmp_path), "--table", str(table), "--tokens", "1", "--no-probe"])
    assert str(ended.value).startswith(f"engine: {table} cannot be read: ")


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(300)
def test_this_machine_is_measured() -> None:
    probe = measure()
    assert probe.words_per_second > 0
    assert probe.training_rate > 0
    assert 0 < probe.processor <= 1
    assert probe.file_bytes == weights.find(None).path.stat().st_size
