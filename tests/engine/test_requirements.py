"""What a training takes is told without loading, downloading or writing anything."""

import json
from pathlib import Path

import pytest

from engine import requirements, resources
from engine.model_size import ModelSize
from engine.storage import weights


def test_the_figures_are_those_by_which_a_training_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "not" / "there"
    requirements.main(["--data", str(folder)])

    told = json.loads(capsys.readouterr().out)
    base = weights.find(None)
    size = ModelSize.read(base.path)
    assert told["base"] == base.id
    assert told["needed"]["all"]["memory"] == int(resources.memory_needed(size, "all"))
    assert told["needed"]["adapter"]["disk"] < told["needed"]["all"]["disk"]
    assert told["free"]["disk"] > 0
    assert not folder.parent.exists()


def test_a_base_that_is_not_here_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        requirements.main(["--data", str(tmp_path), "--base", "nobody/no-model"])
    assert "it is not in the Hugging Face cache" in str(end.value)
