"""Read the settings from the environment and .env. All mistakes are reported at once, with examples."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from dotenv.parser import parse_stream
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import NoDecode
from pydantic_settings import SettingsError as SourceError

from bot.errors import SettingsError
from bot.settings import Settings

_ALIKE = 0.8  # similarity, from 0 to 1, of a misspelt name to that of a setting


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the environment and .env, by default the one in the current folder.

    Raises SettingsError with one line for each mistake.
    """
    settings, mistakes = _read(env_file or Path(".env"))
    if settings is None or mistakes:
        mistakes += misspelt_names(env_file)  # alone they are no reason to refuse a start
        raise SettingsError("The settings need mending:\n" + "\n".join(f"  - {line}" for line in mistakes))
    return settings


def load_faulty_settings(env_file: Path | None = None) -> tuple[Settings, list[str]]:
    """Return the settings with each mistaken one at its default, and a line for each mistake.

    For what looks at an installation that cannot start; nothing else may run on such settings.
    """
    path = env_file or Path(".env")
    settings, mistakes = _read(path)
    return settings if settings is not None and not mistakes else _salvaged(path), mistakes


def _read(path: Path) -> tuple[Settings | None, list[str]]:
    """Return the settings, None if they do not validate, and a line for each mistake."""
    mistakes = _env_file_errors(path)
    file = None if mistakes else path
    settings = None
    try:
        settings = Settings(_env_file=file)
    except ValidationError as error:
        mistakes += _error_texts(error)
    except SourceError:  # a value that should be JSON: there is one such setting
        mistakes.append(_wanted_text("tuning_extra"))
        try:
            _UncheckedSettings(_env_file=file, tuning_extra={})
        except ValidationError as error:
            mistakes += _error_texts(error)
    return settings, mistakes


def _error_texts(error: ValidationError) -> list[str]:
    """Return what is wrong with each setting: of several entries of one, such as ids, the first is enough."""
    return list(dict.fromkeys(_error_text(dict(item)) for item in error.errors()))


class _UncheckedSettings(Settings):
    """Settings whose combinations are not checked."""

    tuning_extra: Annotated[dict[str, Any], NoDecode] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _require_shards_that_fit(self) -> Self:
        return self

    @model_validator(mode="after")
    def _require_a_shared_engine(self) -> Self:
        return self

    @model_validator(mode="after")
    def _require_model_names(self) -> Self:
        return self

    @model_validator(mode="after")
    def _forbid_serving_when_hosted(self) -> Self:
        return self

    @model_validator(mode="after")
    def _forbid_tune_elsewhere(self) -> Self:
        return self

    @model_validator(mode="after")
    def _require_sqlite_for_backups(self) -> Self:
        return self


def _salvaged(path: Path) -> Settings:
    """Return the settings that validate, the others at their defaults."""
    file = path if _is_text(path) else None
    defaults: dict[str, Any] = {}
    for _ in Settings.model_fields:  # each round takes one out at least
        try:
            return _UncheckedSettings(_env_file=file, **defaults)
        except ValidationError as error:
            names = {str(item["loc"][0]) for item in error.errors()}
            defaults |= {
                name: Settings.model_fields[name].get_default(call_default_factory=True) for name in names
            }
    raise AssertionError("unreachable: all settings are at their defaults")


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return True


def misspelt_names(env_file: Path | None = None) -> list[str]:
    """Return a sentence for each name in .env that is no setting but much like one, without its value."""
    path = env_file or Path(".env")
    try:
        with path.open(encoding="utf-8") as stream:
            names = [item.key for item in parse_stream(stream) if item.key]
    except (OSError, UnicodeDecodeError):
        return []  # load_settings says so
    known = [name.upper() for name in Settings.model_fields]
    sentences = []
    for name in dict.fromkeys(names):
        close = get_close_matches(name.upper(), known, n=1, cutoff=_ALIKE)
        if close and name.upper() not in known:
            sentences.append(f"{name} in {path} is no setting: did you mean {close[0]}?")
    return sentences


def _env_file_errors(path: Path) -> list[str]:
    """Return a message for each invalid line of a .env file: python-dotenv alone would skip them."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        return [f"{path}: cannot be read as text ({error})"]
    invalid = (item for item in bindings if item.error or (item.key and item.value is None))
    return [f"{path}, line {item.original.line}: not of the form NAME=value" for item in invalid]


# Examples for what has no default to show.
_EXAMPLES = {
    "home_guilds": "123456789012345678",
    "shard_ids": "0,1",
    "shard_count": "4",
    "admin_channel": "123456789012345678",
    "tuning_extra": '{"trainingType": "developerTier"}',
    "daily_per_guild": "1000",
    "daily_budget": "5",
    "draws": "4",
    "playground_port": "8080",
    "metrics_port": "9464",
}
_DEVELOPER_MODE = "turn on Developer Mode in Discord (User Settings, Advanced), right-click the"
_WANTED = {
    "home_guilds": "write the ids of servers, separated by commas, and not their names. To copy an id, "
    f"{_DEVELOPER_MODE} server and choose Copy Server ID",
    "admin_channel": "write the id of a channel, and not its name. To copy an id, "
    f"{_DEVELOPER_MODE} channel and choose Copy Channel ID",
    "tuning_extra": "write an object in JSON",
}
_BOUNDS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))


def _error_text(item: Mapping[str, object]) -> str:
    """Return what is wrong with a setting, without its value: that may be a secret."""
    location = item["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else ""
    if name and item["type"] != "value_error":
        return _wanted_text(name)
    reason = str(item["msg"]).removeprefix("Value error, ")
    return f"{name.upper()}: {reason}" if name else reason


def _wanted_text(name: str) -> str:
    """Return what a setting takes, with an example, in words of a person who has never seen the code."""
    field = Settings.model_fields[name]
    kinds = get_args(field.annotation) or (field.annotation,)
    example = _EXAMPLES.get(name) or str(field.default).removesuffix(".0")
    if name in _WANTED:
        wanted = _WANTED[name]
    elif bool in kinds:
        wanted, example = "write true or false", example.lower()
    elif all(isinstance(kind, str) for kind in kinds):
        *some, last = kinds
        wanted = f"write {', '.join(some)} or {last}"
    else:
        number = "a number (decimals after a point)" if float in kinds else "a whole number"
        bounds = [
            f"{words} {getattr(bound, attribute)}"
            for bound in field.metadata
            for attribute, words in _BOUNDS
            if hasattr(bound, attribute)
        ]
        wanted = f"write {number}, {' and '.join(bounds)}"
    return f"{name.upper()}: {wanted}. Example: {name.upper()}={example}"
