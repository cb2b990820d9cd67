"""Providers: how servers of OpenAI's shape differ where they train. No other module names one.

Read on 2026-11-24 in the documentation of each: developers.openai.com, learn.microsoft.com (Azure, Foundry),
docs.tokenfactory.nebius.com, docs.crusoecloud.com. None but the engine has been run live.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from bot.errors import SettingsError
from bot.i18n.message import LocalizedMessage, mark
from bot.store.job_schema import Method

_UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Shutdown:
    """From a day or month on (ISO), a provider trains no more for somebody."""

    on: str
    whom: str


@dataclass(frozen=True, slots=True)
class Provider:
    """One server's ways.

    key is what PROVIDER calls it, hosts how its base URL is known; prefix stands before every training file;
    takes names the optional fields of its create call; extra and fixed are what it wants besides, in the body
    and among the hyperparameters. deploy says what an operator must do before a tuned model answers, None
    where it answers at once; {model} and {job} are filled in. closings tell whom it trains no more for.
    usual_epochs is what it chooses by itself, usual_speed in trained tokens a second, usual_start the seconds
    before the first of them.
    """

    key: str
    name: str
    hosts: tuple[str, ...] = ()
    methods: frozenset[Method] = frozenset({"supervised"})
    prefix: bytes = b""
    takes: frozenset[str] = frozenset({"suffix", "seed", "metadata"})
    hyperparameters_in: Literal["method", "body"] = "method"
    extra: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    deploy: str | None = None
    shutdowns: tuple[Shutdown, ...] = ()
    usual_epochs: int = 3
    usual_speed: float | None = None
    usual_start: float = 0.0

    def create_request(
        self,
        *,
        base: str,
        method: Method,
        epochs: int | None,
        files: Mapping[str, str],
        suffix: str,
        metadata: Mapping[str, str],
        extra: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The body of the call that starts a training. files are the server's names by split."""
        hyperparameters = dict(self.fixed) | ({} if epochs is None else {"n_epochs": epochs})
        body: dict[str, Any] = {"model": base, "training_file": files["train"]}
        if "valid" in files:
            body["validation_file"] = files["valid"]
        optional = {"suffix": suffix, "seed": 0, "metadata": dict(metadata)}
        body |= {name: value for name, value in optional.items() if name in self.takes}
        if self.hyperparameters_in == "method":
            inner = {method: {"hyperparameters": hyperparameters}} if hyperparameters else {}
            body["method"] = {"type": method, **inner}
        elif hyperparameters:
            body["hyperparameters"] = hyperparameters
        return body | dict(self.extra) | dict(extra)

    @property
    def called(self) -> LocalizedMessage:
        """Its name, in the midst of a sentence."""
        return LocalizedMessage(self.name)

    @property
    def shutdown_notice(self) -> LocalizedMessage | None:
        """Whom it trains no more for, and since when; None where nothing of the kind is announced."""
        if not self.shutdowns:
            return None
        steps = [
            LocalizedMessage("{day} for {whom}", day=each.on, whom=LocalizedMessage(each.whom))
            for each in self.shutdowns
        ]
        return LocalizedMessage(
            "{provider} closes fine-tuning step by step: {steps}.", provider=self.called, steps=steps
        )

    @property
    def no_training(self) -> LocalizedMessage:
        """What an operator is told whose server only chats."""
        return LocalizedMessage(
            "There is no fine-tuning with {provider}: it knows no training files. {elsewhere}",
            provider=self.called,
            elsewhere=self._elsewhere,
        )

    @property
    def refusal(self) -> LocalizedMessage:
        """What an organization is told that may not train: why, since when, and what it can do today."""
        return LocalizedMessage(
            "This organization may not fine-tune with {provider}: it answered 403. {why} {elsewhere}",
            provider=self.called,
            why=self.shutdown_notice or LocalizedMessage("Its key may lack the permission to fine-tune."),
            elsewhere=self._elsewhere,
        )

    @property
    def _elsewhere(self) -> LocalizedMessage:
        return LocalizedMessage(
            "What works today: the embedded engine (leave OPENAI_API_KEY and OPENAI_BASE_URL empty: it "
            "trains on this machine), another provider by its base URL ({others}), or `herosmith dataset "
            "export` for a service with an API of its own, such as Together or Fireworks. The dataset stays "
            "as it is.",
            others=[each.called for each in PROVIDERS if each.hosts and each is not self],
        )


ENGINE = Provider(
    key="engine",
    name=mark("the embedded engine"),
    methods=frozenset({"supervised", "dpo"}),
    usual_epochs=2,
    usual_speed=250.0,  # on two cores: bench/training.md
    usual_start=30.0,
)

# What is known of a server whose base URL says nothing: OpenAI's shape, and no more.
OTHER = Provider(key="other", name=mark("the model server"), methods=frozenset({"supervised", "dpo"}))

PROVIDERS = (
    ENGINE,
    Provider(
        key="openai",
        name="OpenAI",
        hosts=("api.openai.com",),
        methods=frozenset({"supervised", "dpo"}),
        shutdowns=(
            Shutdown("2026-05-07", mark("organizations that had never fine-tuned")),
            Shutdown("2026-07-02", mark("those whose tuned models had not been asked for 60 days")),
            Shutdown("2027-01-06", mark("everyone")),
        ),
    ),
    Provider(
        key="azure",
        name="Azure",
        hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
        methods=frozenset({"supervised", "dpo"}),
        prefix=_UTF8_BOM,
        takes=frozenset({"suffix", "seed"}),
        extra={"trainingType": "GlobalStandard"},
        deploy=mark("deploy `{model}` in the Foundry portal"),
        shutdowns=(Shutdown("2027-04", mark("existing customers (new ones may not begin)")),),
    ),
    Provider(
        key="nebius",
        name="Nebius Token Factory",
        hosts=("api.tokenfactory.nebius.com", "api.studio.nebius.com", "api.studio.nebius.ai"),
        takes=frozenset({"suffix", "seed"}),
        fixed={"lora": True},
        deploy=mark(
            "make a custom model of the newest checkpoint of `{job}` "
            '(POST /v0/models with "source": "{job}:CHECKPOINT")'
        ),
    ),
    Provider(
        key="crusoe",
        name="Crusoe",
        hosts=("api.intelligence.crusoecloud.com", "api.inference.crusoecloud.com"),
        takes=frozenset({"suffix"}),
        hyperparameters_in="body",
        deploy=mark("deploy the newest checkpoint of `{job}` with Self-Serve Deployments"),
    ),
    OTHER,
)

# How a server is started that takes the engine's adapters.
SERVING_HINT = mark(
    "Start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=true; with "
    "VLLM_PLUGINS=lora_filesystem_resolver and VLLM_LORA_RESOLVER_CACHE_DIR set to the folder of adapters "
    "as well it finds them again by itself after a restart."
)


def provider_of(base_url: str | None, *, hosted: bool, key: str | None = None) -> Provider:
    """The provider behind a base URL (None: OpenAI's own), or the one that PROVIDER names.

    Raises SettingsError for a name that is none.
    """
    if key is not None:
        found = next((each for each in PROVIDERS if each.key == key.lower()), None)
        if found is None:
            known = ", ".join(each.key for each in PROVIDERS)
            raise SettingsError(f"PROVIDER: {key} is not known here; known are {known}.")
        return found
    if not hosted:
        return ENGINE
    host = (urlsplit(base_url).hostname or "") if base_url else "api.openai.com"
    for each in PROVIDERS:
        if any(host == known or host.endswith(f".{known}") for known in each.hosts):
            return each
    return OTHER
