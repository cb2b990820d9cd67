"""`herosmith prune` in the terminal; tests/tuning/test_pruning.py has what it deletes."""

import pytest

from bot.settings import Settings
from tests.cli.conftest import RunCommand


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
@pytest.mark.usefixtures("built")
def test_nothing_to_delete_is_said(terminal: RunCommand, options: tuple[str, ...]) -> None:
    done = terminal("prune", *options)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("There is nothing to delete")


def test_a_hosted_api_takes_no_disk(
    terminal: RunCommand, built: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", str(built.engine_url))
    monkeypatch.setenv("AUTHOR_MODEL", "large")
    monkeypatch.setenv("BASE_MODEL", "small")
    done = terminal("prune")
    assert done.exit_code == 0, done.output
    assert "take no disk space here" in done.output
