"""The folder of adapters, used by many at once."""

import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.registry.adapter_folder import AdapterFolder

FILES = {"adapter_config.json": '{"r": 1}', "adapter_model.safetensors": "weights"}
MODEL, TIMES = "ft:tiny:1", 200


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    source = tmp_path / "trained"
    source.mkdir()
    packed = tmp_path / "adapter.tar"
    with tarfile.open(packed, "w") as tar:
        for name, text in FILES.items():
            (source / name).write_text(text)
            tar.add(source / name, name)
    return packed


def load(root: Path, archive: Path) -> str:
    """Store and publish an adapter, as each process does that finds it missing at a server."""
    folder = AdapterFolder(root)
    with folder.workspace() as workspace:
        folder.unpack(archive, MODEL, workspace)
    return folder.publish(MODEL, "base")


def test_many_may_store_the_same_adapter_at_once(tmp_path: Path, archive: Path) -> None:
    root = tmp_path / "adapters"
    with ThreadPoolExecutor(8) as threads:
        names = set(threads.map(lambda _: load(root, archive), range(TIMES)))
    assert len(names) == 1
    assert AdapterFolder(root).list_all() == [MODEL]
    assert not list(root.glob(".*"))


def test_what_a_copy_by_hand_left_half_done_is_replaced(tmp_path: Path, archive: Path) -> None:
    half = tmp_path / "adapters" / MODEL
    half.mkdir(parents=True)
    (half / "adapter_config.json").write_text("{")
    name = load(tmp_path / "adapters", archive)
    assert AdapterFolder(tmp_path / "adapters").find(name)
    assert (half / "adapter_config.json").read_text() == FILES["adapter_config.json"]
