"""Settings are read from .env and environment; all mistakes are reported at once."""

from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.heroes.config import read_heroes
from bot.settings import load_settings


def test_defaults_are_playground_and_embedded_engine() -> None:
    settings = load_settings()
    assert settings.extras == ["engine", "playground"]
    assert settings.starts_engine
    assert settings.database.startswith("sqlite+aiosqlite:///")


def test_env_file_and_environment_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN=abc\nHOME_GUILDS=1, 2\nMIN_VOTERS=\n")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")

    settings = load_settings()

    assert settings.home_guilds == {1, 2}
    assert settings.min_voters == 2
    assert settings.log_level == "DEBUG"
    assert settings.extras == ["engine"]
    assert "abc" not in repr(settings)


def test_an_api_key_means_a_hosted_api_and_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("AUTHOR_MODEL", "gpt-6-luna")
    monkeypatch.setenv("BASE_MODEL", "gpt-4.1-mini")
    settings = load_settings()
    assert settings.hosted
    assert not settings.starts_engine
    assert "engine" not in settings.extras


def test_adapters_are_in_the_data_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_URL", "http://gpu:8000/v1")
    monkeypatch.setenv("DATA_DIR", "var")
    settings = load_settings()
    assert settings.adapters == tmp_path / "var" / "adapters"
    assert settings.adapters_on_server == str(settings.adapters)
    assert settings.within("playground").adapters == tmp_path / "var" / "playground" / "adapters"

    monkeypatch.setenv("ADAPTER_DIR", "/mnt/shared")
    monkeypatch.setenv("SERVING_ADAPTER_DIR", "/adapters")
    settings = load_settings()
    assert (str(settings.adapters), settings.adapters_on_server) == ("/mnt/shared", "/adapters")


@pytest.mark.parametrize("name", ["SERVING_URL", "SERVING_API_KEY", "ADAPTER_DIR", "SERVING_ADAPTER_DIR"])
def test_a_serving_server_needs_the_embedded_engine(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for variable in ("OPENAI_API_KEY", "AUTHOR_MODEL", "BASE_MODEL", name):
        monkeypatch.setenv(variable, "some-value")
    with pytest.raises(SettingsError, match=f"{name}: only what the embedded engine trained"):
        load_settings()


def test_all_mistakes_are_reported_at_once_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN='sk-secret\nthis is no setting\n")
    monkeypatch.setenv("MIN_VOTERS", "none")
    monkeypatch.setenv("HOME_GUILDS", "home")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    text = str(caught.value)
    assert ".env, line 1" in text
    assert "MIN_VOTERS" in text
    assert "HOME_GUILDS" in text
    assert "sk-secret" not in text


def test_a_binary_env_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00DISCORD")
    with pytest.raises(SettingsError, match="cannot be read as text"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_BASE_URL", "http://localhost:1/v1"),
        ("ENGINE_BASE", "my.gguf"),
        ("ENGINE_BASE", "owner/name"),
    ],
)
def test_models_other_than_the_packaged_one_need_names(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match="AUTHOR_MODEL"):
        load_settings()
    monkeypatch.setenv("AUTHOR_MODEL", "some-model")
    with pytest.raises(SettingsError, match="BASE_MODEL"):
        load_settings()
    monkeypatch.setenv("BASE_MODEL", "some-model")
    assert load_settings().base_model == "some-model"


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("ages = [18, 20, 30, 40, 50, 60, 90]", 'ages = ["old"]', "grid.ages"),
        ("youngest = 18", "youngst = 18", "limits.youngst"),
        ("[grid]", "[grid", "cannot be read"),
        ("ages = [18, 20, 30, 40, 50, 60, 90]", "ages = []", "grid.ages"),
        ("ages = [18, 20, 30, 40, 50, 60, 90]", "ages = [18, 20, 18]", "18 stands in ages 2 times"),
        ("ages = [18, 20, 30, 40, 50, 60, 90]", "ages = [-5, 20]", "the age -5 in the grid"),
        ('genders = ["man", "woman"]', 'genders = ["man", "robot"]', "'robot', and .pronouns. no words"),
        ('    "telepathy",', '    "Tele\\npathy",', r"power 'Tele\\npathy' is not written in plain words"),
    ],
)
def test_an_invalid_heroes_file_is_reported_with_the_field(
    heroes_toml: Path, before: str, after: str, named: str
) -> None:
    heroes_toml.write_text(heroes_toml.read_text().replace(before, after))
    with pytest.raises(SettingsError, match=named):
        read_heroes(heroes_toml)


def test_a_url_that_discord_would_not_link_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_URL", "github.com/x/y")
    with pytest.raises(SettingsError, match=r"SOURCE_URL.*https://"):
        load_settings()
