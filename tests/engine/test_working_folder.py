"""An owner's folder may hold anything: the engine's processes import nothing from it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.engine_jobs import start
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually


def test_the_packages_are_found_though_folders_have_their_names(tmp_path: Path) -> None:
    """Such as the engine's data, if it is named `engine`."""
    for name in ("engine/batches", "bot/cli", "cogs/heroes"):
        (tmp_path / name).mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for module in ("engine", "bot"):
        command = [sys.executable, "-m", module, "--help"]
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True, timeout=60)


async def test_its_processes_import_nothing_from_it(tiny_base: Path, tmp_path: Path) -> None:
    for name in ("torch", "openvino_genai"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working folder')")
    with EngineProcess(tmp_path / "engine", tiny_base, runtime="openvino") as engine:

        async def has_loaded() -> bool:
            return (await engine.metrics())["engine_openvino_models"] == 1

        await eventually(has_loaded, what="OpenVINO loads", timeout=30)
        job = await start(engine.client(), hyperparameters={"n_epochs": 1})
        await engine.until(job.id, {"succeeded"})
