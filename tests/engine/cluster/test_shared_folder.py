"""Whether a node sees the head's folder."""

from pathlib import Path

from engine.cluster import shared_folder


async def test_the_same_folder_is_recognised(tmp_path: Path) -> None:
    assert await shared_folder.obstacle(tmp_path, shared_folder.leave_mark(tmp_path)) == ""


async def test_another_folder_and_a_missing_one_are_told(tmp_path: Path) -> None:
    mark = shared_folder.leave_mark(tmp_path)
    shared_folder.leave_mark(tmp_path)  # as another head would in another folder
    other = await shared_folder.obstacle(tmp_path, mark, seconds=0)
    assert other.startswith(
        f"The node does not see the head's folder {tmp_path} (it is another folder): mount"
    )
    missing = await shared_folder.obstacle(tmp_path / "nowhere", mark, seconds=0)
    assert "(it is not there): mount the same storage under this path on every node." in missing
