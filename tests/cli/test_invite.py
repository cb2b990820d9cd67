"""`herosmith invite` prints the link alone on standard output."""

import pytest
from typer.testing import CliRunner

from bot.command_line import cli
from bot.connection.invite import invite_url

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.secret"  # noqa: S105


def test_the_id_is_taken_from_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    printed = CliRunner().invoke(cli, ["invite"])
    assert printed.stdout == f"{invite_url(123456789012345678)}\n"
    assert printed.stderr.endswith("Open this in a browser:\n")
    assert "View Channels" in printed.stderr
    assert "Attach Files" in printed.stderr
    assert "secret" not in printed.output


def test_an_id_that_is_given_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    assert CliRunner().invoke(cli, ["invite", "--application", "42"]).stdout == f"{invite_url(42)}\n"


@pytest.mark.parametrize("token", ["", "nonsense"])
def test_without_an_id_it_says_where_to_find_it(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    printed = CliRunner().invoke(cli, ["invite"])
    assert printed.exit_code == 1
    assert printed.stdout == ""
    assert "herosmith invite --application ID" in printed.stderr
