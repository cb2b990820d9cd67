"""What a command says before it works: in which folder, if that may be the wrong one."""

from pathlib import Path

from bot.cli.runtime import foreign_folder_note


def test_a_command_away_from_its_installation_names_the_folder_that_it_uses(tmp_path: Path) -> None:
    env_file, data_dir = tmp_path / ".env", tmp_path / "data" / "var"
    note = foreign_folder_note(env_file, data_dir)
    assert note is not None
    assert f"no .env in {tmp_path}" in note
    assert str(data_dir) in note


def test_a_command_in_its_installation_says_nothing_of_folders(tmp_path: Path) -> None:
    env_file, data_dir = tmp_path / ".env", tmp_path / "data" / "var"
    env_file.touch()
    assert foreign_folder_note(env_file, data_dir) is None
    env_file.unlink()
    data_dir.mkdir(parents=True)
    assert foreign_folder_note(env_file, data_dir) is None
