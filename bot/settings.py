"""Settings: what an installation may choose, as one frozen object, and which choices go together."""

import json
import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.logs import LogFormat
from bot.shards import MOST_SHARDS, Shards, parse_ids, ranges
from bot.shipped_files import default_data_dir, own_or_shipped

ROOT = Path(__file__).resolve().parent.parent  # of the checkout, for scripts and tests

# The name that the embedded engine gives its packaged weights.
ENGINE_MODEL = "smollm2-135m-instruct"

TunedWeights = Literal["auto", "all", "adapter"]
"""What a training changes: all weights, an adapter, or what the engine chooses."""

_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")

_KEYS = {
    "openai_base_url": "openai_api_key",
    "engine_url": "engine_api_key",
    "serving_url": "serving_api_key",
}  # of the servers with models, by the setting with their address


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Seconds between two requests of one user, and descriptions a day (UTC); None means no limit."""

    cooldown: float = 0.0
    daily_per_user: int | None = None
    daily_of_guild: int | None = None


def _replaceable(path: str) -> Any:
    """Return the default of a setting that names a file or folder which comes with the program."""
    return Field(default_factory=lambda: own_or_shipped(path))


def _checked_address(value: str) -> str:
    """Refuse what no request can be sent to, before a start that would wait for an answer.

    Discord rejects a message that has a button with any other URL than one of HTTP.
    """
    if not value.startswith(("https://", "http://")):
        raise ValueError("write a whole address, which begins with https:// or http://")
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError as error:  # brackets around what is no IPv6 address
        raise ValueError("write a whole address: the host in this one cannot be read") from error
    if not host:
        raise ValueError("write a whole address: this one names no host")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("the port after the host has to be a number from 1 to 65535")
    return value


def _with_v1(address: str) -> str:
    """Add /v1 to an address without a path: no server of models answers there."""
    return address if urlsplit(address).path.strip("/") else f"{address.rstrip('/')}/v1"


class Settings(BaseSettings):
    """What an installation may choose. The variable's name is the field's name in capitals.

    If neither OPENAI_API_KEY nor OPENAI_BASE_URL is set, the embedded engine answers and trains; if one is,
    ENGINE_URL is ignored.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, env_file_encoding="utf-8"
    )

    discord_token: SecretStr | None = None
    home_guilds: Annotated[frozenset[int], NoDecode] = frozenset()
    admin_channel: int | None = None  # for notifications to admins
    # which parts of the servers this process serves, and into how many they are divided; None: all of them
    shard_ids: Annotated[tuple[int, ...] | None, NoDecode] = None
    shard_count: int | None = Field(default=None, ge=1, le=MOST_SHARDS)

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    author_model: str = ENGINE_MODEL
    base_model: str = ENGINE_MODEL

    provider: str | None = None  # the provider's key, if the base URL does not tell
    tuning_extra: dict[str, Any] = Field(default_factory=dict)  # JSON, for the call that starts a training

    engine_url: str | None = None  # an embedded engine that is already running, as a service in compose
    engine_base: str | None = None  # another model for the engine: a path or a Hugging Face id
    engine_runtime: Literal["auto", "llama.cpp", "openvino"] = "auto"  # what generates the engine's texts
    engine_api_key: SecretStr | None = None
    tune: TunedWeights = "auto"

    # servers with the engine's base model that serve the adapters which the engine trains
    serving_url: Annotated[tuple[str, ...] | None, NoDecode] = None
    serving_api_key: SecretStr | None = None
    adapter_dir: Path | None = None
    serving_adapter_dir: str | None = None

    data_dir: Path = Field(default_factory=default_data_dir)
    database_url: str | None = None
    heroes_file: Path = _replaceable("data/heroes.toml")

    first_dataset: Path = _replaceable(
        "data/first_dataset.jsonl"
    )  # the texts of /build-dataset source:shipped

    prices_file: Path = _replaceable("data/prices.toml")
    blocklist: Path = _replaceable("data/blocked.txt")  # powers that are not described
    languages_dir: Path = _replaceable("data/languages")
    card_fonts: Path | None = None  # a folder with fonts for hero cards, in place of the machine's own

    # rate limits of /hero; admins of a server may lower them for it
    cooldown: float = Field(default=5, ge=0)  # seconds between two requests of one user
    daily_per_user: int | None = Field(default=200, ge=1)
    daily_per_guild: int | None = Field(default=None, ge=1)

    source_url: str | None = None  # the source code, linked by /about
    privacy_url: str | None = None  # the privacy policy

    daily_budget: float | None = Field(default=None, gt=0)  # US dollars for all paid calls of a day (UTC)
    batch_from: int = Field(default=5000, ge=1)  # hosted builds of so many examples use the Batch API
    moderate: bool = False
    # admission of descriptions to a dataset, and which votes count (bot/rating/)
    min_voters: int = Field(default=2, ge=1)
    admit_above: float = Field(default=0.5, ge=0, lt=1)
    vote_confidence: float = Field(default=0.8, gt=0, lt=1)
    account_days: int = Field(default=7, ge=0, le=366)
    daily_votes: int = Field(default=100, ge=1)
    duel_share: float = Field(default=0.25, ge=0, le=1)  # of /hero, while a candidate is on trial
    trial_duels: int = Field(default=400, ge=10)  # counted votes after which a trial ends undecided
    trial_days: float = Field(default=30, gt=0)
    rematch_days: float = Field(default=14, ge=0)  # during which a replaced model may win its place back
    auto_promote: bool = False
    check_heroes: int = Field(default=40, ge=0)  # read of a new model before it may go live; 0: none
    ranked_heroes: int = Field(default=200, ge=1)  # of which a build has eight texts each written, at most
    train_scenes: bool = False  # whether scenes of stories that people liked may enter datasets
    # backfill of votes missed while offline: descriptions of so many days, at most so many messages
    reconcile_days: float = Field(default=7, ge=0)
    reconcile_messages: int = Field(default=500, ge=0)

    heroes_at_once: int = Field(
        default=16, ge=1
    )  # concurrent generations; the engine has sixteen slots, or eight
    longest_line: int = Field(default=50, ge=0)  # length of the waiting queue
    # texts drawn for one hero at most; left out, 4 if the model costs nothing, else 1
    draws: int | None = Field(default=None, ge=1, le=10)
    reports_to_hide: int = Field(default=2, ge=1)  # reports by different people that hide a description
    daily_reports: int = Field(default=10, ge=1)  # per person

    # scheduled backups: none without a folder; hours between two; how many stay
    backup_dir: Path | None = None
    backup_every: float = Field(default=24, gt=0)
    backup_keep: int = Field(default=7, ge=1)

    jobs_at_once: int = Field(default=1, ge=1, le=100)  # active builds, and as many active trainings

    # retired models whose files the engine keeps, besides those needed
    keep_models: int = Field(default=3, ge=0)

    playground_port: int = Field(default=0, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: LogFormat = "human"
    # metrics and health of bot and worker (bot/monitoring/); 0: none
    metrics_port: int = Field(default=0, ge=0, le=65534)  # the bot's worker has the next one
    metrics_host: str = "127.0.0.1"

    @field_validator("serving_url", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        return tuple(re.split(r"[,\s]+", value.strip(", \t"))) if isinstance(value, str) else value

    @field_validator("source_url", "privacy_url", "openai_base_url", "engine_url")
    @classmethod
    def _require_address(cls, value: str | None) -> str | None:
        return _checked_address(value) if value else None

    @field_validator("serving_url")
    @classmethod
    def _require_addresses(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return tuple(map(_checked_address, value)) if value else None

    @field_validator("metrics_host")
    @classmethod
    def _require_host_alone(cls, value: str) -> str:
        try:
            ip_address(value)
        except ValueError:
            if not _HOST_NAME.fullmatch(value):
                raise ValueError(
                    "write an address of this machine, such as 127.0.0.1 or 0.0.0.0, or its name; the port "
                    "belongs into METRICS_PORT"
                ) from None
        return value

    @field_validator("openai_base_url", "engine_url", "serving_url")
    @classmethod
    def _forbid_user_and_password(
        cls, value: str | tuple[str, ...] | None, info: ValidationInfo
    ) -> str | tuple[str, ...] | None:
        """They and the key would need the same header of a request."""
        addresses = value if isinstance(value, tuple) else filter(None, [value])
        if any("@" in urlsplit(address).netloc for address in addresses):
            key = _KEYS[str(info.field_name)].upper()
            raise ValueError(
                f"leave user and password out of the address; what the server asks for belongs into {key}"
            )
        return value

    @field_validator("engine_url")
    @classmethod
    def _end_in_v1(cls, value: str | None) -> str | None:
        return value and _with_v1(value)

    @field_validator("serving_url")
    @classmethod
    def _end_all_in_v1(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value and tuple(dict.fromkeys(map(_with_v1, value)))

    @field_validator("home_guilds", mode="before")
    @classmethod
    def _split_guilds(cls, value: object) -> object:
        return value.replace(",", " ").split() if isinstance(value, str) else value

    @field_validator("shard_ids", mode="before")
    @classmethod
    def _parse_shards(cls, value: object) -> object:
        return parse_ids(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _require_shards_that_fit(self) -> "Settings":
        if self.shard_ids is None:
            return self
        if self.shard_count is None:
            raise ValueError(
                "SHARD_IDS: say in SHARD_COUNT how many shards all processes have together, the same number "
                f"for each, for example SHARD_COUNT={max(2, self.shard_ids[-1] + 1)}"
            )
        if self.shard_ids[-1] >= self.shard_count:
            raise ValueError(
                f"SHARD_IDS: there is no shard {self.shard_ids[-1]}: with SHARD_COUNT={self.shard_count} "
                f"they are {ranges(range(self.shard_count))}"
            )
        return self

    @model_validator(mode="after")
    def _require_a_shared_engine(self) -> "Settings":
        if self.starts_engine and not self.shards.are_all:
            raise ValueError(
                "SHARD_IDS: several processes need one engine that they share: start it by itself "
                "(`python -m engine`), and write its address into ENGINE_URL (docs/hosting.md)"
            )
        return self

    @model_validator(mode="after")
    def _require_model_names(self) -> "Settings":
        """The defaults name the engine's packaged weights: other weights need names."""
        for name in ("author_model", "base_model"):
            if self.hosted and getattr(self, name) == ENGINE_MODEL:
                raise ValueError(f"{name.upper()}: name the model at your provider (see .env.example)")
            if self.engine_base and getattr(self, name) == ENGINE_MODEL:
                raise ValueError(
                    f"{name.upper()}: with ENGINE_BASE, what the engine calls it (see .env.example)"
                )
        return self

    @model_validator(mode="after")
    def _forbid_serving_when_hosted(self) -> "Settings":
        for name in ("serving_url", "serving_api_key", "adapter_dir", "serving_adapter_dir"):
            if self.hosted and getattr(self, name) is not None:
                raise ValueError(
                    f"{name.upper()}: only what the embedded engine trained can be served elsewhere; leave "
                    "OPENAI_API_KEY and OPENAI_BASE_URL empty, or this"
                )
        return self

    @field_validator("tuning_extra")
    @classmethod
    def _forbid_what_is_no_json(cls, extra: dict[str, Any]) -> dict[str, Any]:
        """Refuse what Python reads, and no server: the call that starts a training could not be made."""
        try:
            json.dumps(extra, allow_nan=False)
        except ValueError as error:
            raise ValueError("JSON has no NaN and no Infinity; write a number") from error
        return extra

    @model_validator(mode="after")
    def _forbid_tune_elsewhere(self) -> "Settings":
        if self.hosted and self.tune != "auto":
            raise ValueError("TUNE: only the embedded engine can be told what to train; leave it empty")
        if self.serving_url and self.tune == "all":
            raise ValueError("TUNE: the server at SERVING_URL loads adapters only; leave it empty")
        return self

    @model_validator(mode="after")
    def _require_sqlite_for_backups(self) -> "Settings":
        if self.backup_dir and self.database_url and not self.database_url.startswith("sqlite"):
            raise ValueError(
                "BACKUP_DIR: the bot makes backups of SQLite databases alone, and DATABASE_URL names another "
                "one. Leave BACKUP_DIR empty, and back the database up with pg_dump (docs/operating.md)"
            )
        return self

    @property
    def trained_weights(self) -> TunedWeights:
        """Return what is tuned: TUNE, or adapters if the server that answers loads nothing else."""
        return "adapter" if self.serving_url else self.tune

    @property
    def limits(self) -> RequestLimits:
        """Return the installation's limits, which a server may only lower."""
        return RequestLimits(self.cooldown, self.daily_per_user, self.daily_per_guild)

    @property
    def shards(self) -> Shards:
        """Return the part of the servers that this process serves: all, unless SHARD_IDS says which."""
        count = self.shard_count or 1
        return Shards(self.shard_ids or tuple(range(count)), count)

    @property
    def hosted(self) -> bool:
        """Whether a hosted API is configured in place of the embedded engine."""
        return self.openai_api_key is not None or self.openai_base_url is not None

    @property
    def starts_engine(self) -> bool:
        """Whether this installation starts its own engine."""
        return not self.hosted and self.engine_url is None

    @property
    def extras(self) -> list[str]:
        """Return the package's extras that these settings need."""
        wanted = {
            "engine": self.starts_engine,
            "openvino": self.starts_engine and self.engine_runtime != "llama.cpp",
            "playground": self.discord_token is None,
            "postgres": self.on_postgres and self.discord_token is not None,  # the playground has SQLite
        }
        return [name for name, needed in wanted.items() if needed]

    @property
    def adapters(self) -> Path:
        """Return the folder of adapters for SERVING_URL, as this machine sees it."""
        return (self.adapter_dir or self.data_dir / "adapters").absolute()

    @property
    def adapters_on_server(self) -> str:
        """Return the same folder's path on the server at SERVING_URL."""
        return self.serving_adapter_dir or str(self.adapters)

    @property
    def database(self) -> str:
        """Return the database as an SQLAlchemy URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'hero.db'}"

    @property
    def on_postgres(self) -> bool:
        """Whether the database is one of PostgreSQL."""
        return (self.database_url or "").startswith("postgres")

    def within(self, folder: str) -> "Settings":
        """Return a copy of the settings with all data in a folder below data_dir."""
        return self.model_copy(update={"data_dir": self.data_dir / folder, "database_url": None})
