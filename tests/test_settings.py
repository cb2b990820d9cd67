"""Settings are read from .env and environment; all mistakes are reported at once."""

from pathlib import Path
from typing import get_args

import pytest

from bot.errors import SettingsError
from bot.heroes.config import read_heroes
from bot.settings import Settings
from bot.settings_file import load_faulty_settings, load_settings, misspelt_names


def test_defaults_are_playground_and_embedded_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENGINE_RUNTIME")
    settings = load_settings()
    assert settings.extras == ["engine", "openvino", "playground"]
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


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"SHARD_IDS": "0"}, "SHARD_IDS: say in SHARD_COUNT how many shards all processes have together"),
        (
            {"SHARD_IDS": "0,9", "SHARD_COUNT": "4"},
            "SHARD_IDS: there is no shard 9: with SHARD_COUNT=4 they are 0-3",
        ),
        (
            {"SHARD_IDS": "a-b", "SHARD_COUNT": "4"},
            "SHARD_IDS: write the numbers of shards, such as 0,1 or 0-3",
        ),
        ({"SHARD_IDS": "1,1", "SHARD_COUNT": "4"}, "SHARD_IDS: shard 1 is named twice"),
        ({"JOBS_AT_ONCE": "101"}, "JOBS_AT_ONCE: write a whole number, at least 1 and at most 100. Example"),
        (
            {"SHARD_COUNT": "0"},
            "SHARD_COUNT: write a whole number, at least 1 and at most 10000. Example: SHARD_COUNT=4",
        ),
        ({"SHARD_COUNT": "many"}, "SHARD_COUNT: write a whole number"),
        (
            {"SHARD_IDS": "0", "SHARD_COUNT": "2", "ENGINE_URL": ""},
            "several processes need one engine that they share",
        ),
    ],
)
def test_shards_that_do_not_fit_are_a_sentence(
    given: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"ENGINE_URL": "http://engine:8765"} | given).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert sentence in str(caught.value)
    assert str(caught.value).count("\n") == 1  # one line for the mistake


@pytest.mark.parametrize(
    ("given", "ids", "count"),
    [
        ({}, (0,), 1),
        ({"SHARD_COUNT": "3"}, (0, 1, 2), 3),
        ({"SHARD_COUNT": "4", "SHARD_IDS": "2-3"}, (2, 3), 4),
        ({"SHARD_COUNT": "2", "SHARD_IDS": ""}, (0, 1), 2),
    ],
)
def test_shards_of_a_process(
    given: dict[str, str], ids: tuple[int, ...], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"ENGINE_URL": "http://engine:8765"} | given).items():
        monkeypatch.setenv(name, value)
    assert (load_settings().shards.ids, load_settings().shards.count) == (ids, count)


def test_an_api_key_means_a_hosted_api_and_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("AUTHOR_MODEL", "gpt-6-luna")
    monkeypatch.setenv("BASE_MODEL", "gpt-4.1-mini")
    settings = load_settings()
    assert settings.hosted
    assert not settings.starts_engine
    assert "engine" not in settings.extras


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://gpu:8765", "http://gpu:8765/v1"),
        ("http://gpu:8765/", "http://gpu:8765/v1"),
        ("http://gpu:8765/v1", "http://gpu:8765/v1"),
        ("http://gpu/engine/v1", "http://gpu/engine/v1"),
    ],
)
def test_an_address_without_a_path_gets_v1(monkeypatch: pytest.MonkeyPatch, given: str, used: str) -> None:
    monkeypatch.setenv("ENGINE_URL", given)
    monkeypatch.setenv("SERVING_URL", given)
    assert load_settings().engine_url == used
    assert load_settings().serving_url == (used,)


@pytest.mark.parametrize(
    "given",
    ["http://gpu1:8000,http://gpu2/v1", " http://gpu1:8000/v1, http://gpu2/v1\nhttp://gpu1:8000 ,"],
)
def test_several_servers_may_answer(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("SERVING_URL", given)
    assert load_settings().serving_url == ("http://gpu1:8000/v1", "http://gpu2/v1")


@pytest.mark.parametrize("name", ["ENGINE_URL", "OPENAI_BASE_URL", "SERVING_URL"])
def test_user_and_password_belong_into_no_address_of_a_model_server(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """They and the key would need the same header."""
    monkeypatch.setenv(name, "http://olga:hunter22@127.0.0.1:1/v1")
    key = name.replace("_BASE", "").replace("_URL", "_API_KEY")
    with pytest.raises(SettingsError, match=f"{name}: leave user and password out .* into {key}") as caught:
        load_settings()
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://olga:hunter22@gpu2/v1", "gpu2:8000", "http://gpu2:0", ",,"])
def test_a_mistake_in_one_of_several_addresses_is_told(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("SERVING_URL", f"http://gpu1:8000,{address}" if address != ",," else address)
    with pytest.raises(SettingsError, match="SERVING_URL: ") as caught:
        load_settings()
    assert "hunter22" not in str(caught.value)


def test_an_address_without_a_scheme_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_URL", "127.0.0.1:8765")
    with pytest.raises(
        SettingsError, match=r"ENGINE_URL: write a whole address, which begins with https:// or http://"
    ):
        load_settings()


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
        monkeypatch.setenv(variable, "http://some-value")
    with pytest.raises(SettingsError, match=f"{name}: only what the embedded engine trained"):
        load_settings()


def test_scheduled_backups_need_a_database_that_they_can_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path / "backups"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'heroes.sqlite'}")
    load_settings()
    monkeypatch.setenv("DATABASE_URL", "postgresql+asyncpg://name:s3cret@host/db")
    with pytest.raises(SettingsError, match=r"BACKUP_DIR: .*DATABASE_URL .*pg_dump") as caught:
        load_settings()
    assert "s3cret" not in str(caught.value)
    settings, mistakes = load_faulty_settings()  # for the doctor
    assert settings.backup_dir == tmp_path / "backups"
    assert len(mistakes) == 1


def test_the_port_after_that_of_the_metrics_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_PORT", "65534")
    assert load_settings().metrics_port == 65534
    monkeypatch.setenv("METRICS_PORT", "65535")
    with pytest.raises(SettingsError, match=r"METRICS_PORT: .*at most 65534"):
        load_settings()


def test_all_mistakes_are_reported_at_once_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN='sk-secret\nthis is no setting\nCOOLDWN=3\n")
    monkeypatch.setenv("MIN_VOTERS", "none")
    monkeypatch.setenv("HOME_GUILDS", "home")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    text = str(caught.value)
    assert ".env, line 1" in text
    assert "MIN_VOTERS" in text
    assert "HOME_GUILDS" in text
    assert "COOLDWN in .env is no setting: did you mean COOLDOWN?" in text
    assert "sk-secret" not in text


def test_what_is_valid_is_read_beside_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("DAILY_VOTES=7\nthis is no setting\n")
    monkeypatch.setenv("MIN_VOTERS", "none")
    monkeypatch.setenv("HOME_GUILDS", "home, 3")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")  # wants names of models
    monkeypatch.setenv("DISCORD_TOKEN", "abc")

    settings, mistakes = load_faulty_settings()

    assert (settings.daily_votes, settings.min_voters, settings.home_guilds) == (7, 2, frozenset())
    assert settings.hosted
    assert settings.discord_token is not None
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert all(each in str(caught.value) for each in mistakes)
    assert len(mistakes) == 3  # combinations are looked at once the values are valid


def test_faultless_settings_are_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOLDOWN", "3")
    assert load_faulty_settings() == (load_settings(), [])


@pytest.mark.parametrize("value", ["{", "[]", '{"a": 1}'])
def test_a_mistake_in_json_leaves_the_rest(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TUNING_EXTRA", value)
    monkeypatch.setenv("COOLDOWN", "3")
    monkeypatch.setenv("MIN_VOTERS", "none")
    settings, mistakes = load_faulty_settings()
    assert settings.cooldown == 3
    told = {line.partition(":")[0] for line in mistakes}
    assert told == ({"MIN_VOTERS"} if value == '{"a": 1}' else {"MIN_VOTERS", "TUNING_EXTRA"})


@pytest.mark.parametrize("value", ['{"seed": NaN}', '{"method": {"rate": -Infinity}}'])
def test_numbers_that_json_does_not_have_are_reported(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TUNING_EXTRA", value)
    with pytest.raises(SettingsError, match="TUNING_EXTRA: JSON has no NaN"):
        load_settings()


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
        ('example = "40 woman healing"', 'example = "woman"', r"words\.example: The age is missing"),
        (
            'title = "{age}-year-old',
            'title = "{years}-year-old',
            r"words\.title: {years} is no field of a hero",
        ),
        (
            "left_out = []",
            'left_out = ["another ago"]',
            r"curation\.left_out: no rule is called 'another ago'",
        ),
        ('    "telepathy",', '    "Tele\\npathy",', r"power 'Tele\\npathy' is not written in plain words"),
        ("[pronouns]", '[names]\nman = ["Bo"]\n\n[pronouns]', r"\[names\] is not read.*\[profile\.names\]"),
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


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOME_GUILDS", "myserver", "choose Copy Server ID. Example: HOME_GUILDS=123456789012345678"),
        ("HOME_GUILDS", "1, my server", "the ids of servers, separated by commas, and not their names"),
        ("ADMIN_CHANNEL", "#mods", "choose Copy Channel ID. Example: ADMIN_CHANNEL=123456789012345678"),
        ("MIN_VOTERS", "two", "MIN_VOTERS: write a whole number, at least 1. Example: MIN_VOTERS=2"),
        ("MIN_VOTERS", "0", "write a whole number, at least 1."),
        ("MIN_VOTERS", "2.5", "write a whole number, at least 1."),
        (
            "PLAYGROUND_PORT",
            "70000",
            "a whole number, at least 0 and at most 65535. Example: PLAYGROUND_PORT=8080",
        ),
        ("DAILY_PER_GUILD", "none", "write a whole number, at least 1. Example: DAILY_PER_GUILD=1000"),
        ("COOLDOWN", "5 s", "a number (decimals after a point), at least 0. Example: COOLDOWN=5"),
        ("ADMIT_ABOVE", "0,5", "at least 0 and less than 1. Example: ADMIT_ABOVE=0.5"),
        ("TRIAL_DAYS", "nan", "more than 0. Example: TRIAL_DAYS=30"),
        ("MODERATE", "sure", "MODERATE: write true or false. Example: MODERATE=false"),
        ("TUNE", "everything", "TUNE: write auto, all or adapter. Example: TUNE=auto"),
        ("LOG_LEVEL", "loud", "write DEBUG, INFO, WARNING or ERROR. Example: LOG_LEVEL=INFO"),
        (
            "TUNING_EXTRA",
            "fast",
            'TUNING_EXTRA: write an object in JSON. Example: TUNING_EXTRA={"trainingType"',
        ),
        ("TUNING_EXTRA", "[1]", "write an object in JSON."),
        ("PRIVACY_URL", "example.org", "PRIVACY_URL: write a whole address, which begins with https://"),
        ("SERVING_URL", "http://gpu1:8000;gpu2:8000", "SERVING_URL: the port after the host"),
        ("SERVING_URL", "gpu:8000/v1", "SERVING_URL: write a whole address, which begins with https://"),
        ("ENGINE_URL", "http://127.0.0.1:70000/v1", "ENGINE_URL: the port after the host has to be"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:http/v1", "OPENAI_BASE_URL: the port after the host has to be"),
        ("SERVING_URL", "http://gpu:0", "a number from 1 to 65535"),
        ("SOURCE_URL", "https:///x", "SOURCE_URL: write a whole address: this one names no host"),
        ("PRIVACY_URL", "https://[x]/", "PRIVACY_URL: write a whole address: the host in this one cannot"),
        ("METRICS_HOST", "foo:1", "the port belongs into METRICS_PORT"),
        ("METRICS_HOST", "http://0.0.0.0", "METRICS_HOST: write an address of this machine"),
    ],
)
def test_a_mistake_is_said_in_the_owners_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    (mistake,) = str(caught.value).splitlines()[1:]
    assert said in mistake


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "localhost", "bot-1.example.org"])  # noqa: S104
def test_metrics_may_be_served_at_an_address_or_a_name(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("METRICS_HOST", host)
    assert load_settings().metrics_host == host


@pytest.mark.parametrize("url", ["http://[::1]:8765/v1", "http://engine:65535/v1", "http://10.0.0.2/v1"])
def test_whole_addresses_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ENGINE_URL", url)
    assert load_settings().engine_url == url


def test_every_number_of_the_settings_can_be_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """An example is no example if it says None, or is refused itself."""
    for name, field in Settings.model_fields.items():
        kinds = get_args(field.annotation) or (field.annotation,)
        if not {int, float, bool} & set(kinds):
            continue
        monkeypatch.setenv(name.upper(), "wrong")
        with pytest.raises(SettingsError) as caught:
            load_settings()
        monkeypatch.setenv(name.upper(), str(caught.value).rpartition("=")[2])
        load_settings()
        monkeypatch.delenv(name.upper())


def test_a_name_that_is_nearly_a_setting_is_named_without_its_value(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "ADMIN_CHANEL=123\nadmin_channel=4\nLOG_LEVEL=INFO\nHTTPS_PROXY=http://proxy:1\nDISCORD_TOKN=x"
    )
    assert misspelt_names(env_file) == [
        f"ADMIN_CHANEL in {env_file} is no setting: did you mean ADMIN_CHANNEL?",
        f"DISCORD_TOKN in {env_file} is no setting: did you mean DISCORD_TOKEN?",
    ]
    assert misspelt_names(tmp_path / "none") == []
