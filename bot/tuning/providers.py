"""Providers: how the fine-tuning APIs of OpenAI's shape differ. No other module names a provider.

From each one's documentation, read on 2026-11-24: developers.openai.com, learn.microsoft.com (Azure,
Foundry), docs.tokenfactory.nebius.com, docs.crusoecloud.com. Only the engine has been run live.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from bot.errors import SettingsError
from bot.i18n.message import LocalizedMessage, mark
from bot.settings import TunedWeights
from bot.store.job_schema import Method

_UTF8_BOM = b"\xef\xbb\xbf"
_ENGINE_KEY = "engine"
_FILE_FIELDS = {"valid": "validation_file", "reference": "reference_file"}


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The day or month (ISO) from which a provider no longer trains for an audience."""

    on: str
    audience: str


@dataclass(frozen=True, slots=True)
class Provider:
    """How one provider's fine-tuning API differs from OpenAI's: every default is what OpenAI's takes.

    key: its name in PROVIDER, lower case. name: as it stands in sentences; marked for the catalogues if it is
    made of words. hosts: recognise its base URL, as the host itself or the end of it. methods: what it trains
    by. prefix: bytes before every training file. optional_fields: those of suffix, seed and metadata that its
    create call accepts; a lost start is found again by the ones that it keeps. hyperparameters_in: whether
    these are sent within "method" or beside it, as "hyperparameters". extra_body and fixed_hyperparameters:
    sent with every call. deploy_step: what an operator must do before a tuned model answers, None if it
    answers at once; {model} and {job} are filled in. shutdowns: announced ends of training, the last one for
    everyone. default_epochs: what the server chooses by itself. reports_weights: whether the server says
    beforehand what a training of a model changes, all weights or an adapter. typical_speed: in trained tokens
    a second; typical_start: in seconds before the first of them; typical_answer: in seconds for a text of a
    new model's check; None if nobody has measured it, then no duration is estimated. measures_reference:
    whether it takes a `reference_file` and tells the loss on it.
    """

    key: str
    name: str
    hosts: tuple[str, ...] = ()
    methods: frozenset[Method] = frozenset({"supervised", "dpo"})
    prefix: bytes = b""
    optional_fields: frozenset[str] = frozenset({"suffix", "seed", "metadata"})
    hyperparameters_in: Literal["method", "body"] = "method"
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    fixed_hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    deploy_step: str | None = None
    shutdowns: tuple[Shutdown, ...] = ()
    default_epochs: int = 3
    reports_weights: bool = False
    typical_speed: float | None = None
    typical_start: float = 0.0
    typical_answer: float | None = None
    measures_reference: bool = False

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
        """Return the body of the call that starts a training. files: the server's file ids by part.

        extra: further fields, of which tables are joined with those here. They replace defaults, and nothing
        that belongs to this training; hyperparameters of another method are left out.
        """
        defaults: dict[str, Any] = {"seed": 0} if "seed" in self.optional_fields else {}
        defaults |= self._hyperparameters(method, self.fixed_hyperparameters) | dict(self.extra_body)
        own: dict[str, Any] = {"model": base, "training_file": files["train"]}
        own |= {_FILE_FIELDS[part]: id_ for part, id_ in files.items() if part in _FILE_FIELDS}
        optional = {"suffix": suffix, "metadata": dict(metadata)}
        own |= {name: value for name, value in optional.items() if name in self.optional_fields}
        own = _merged(own, self._hyperparameters(method, {} if epochs is None else {"n_epochs": epochs}))
        body = _merged(_merged(defaults, extra), own)
        if "method" in body:
            body["method"] = {
                name: body["method"][name] for name in ("type", method) if name in body["method"]
            }
        return body

    def _hyperparameters(self, method: Method, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a call that name the method and its hyperparameters."""
        if self.hyperparameters_in == "method":
            inner = {method: {"hyperparameters": dict(numbers)}} if numbers else {}
            return {"method": {"type": method, **inner}}
        return {"hyperparameters": dict(numbers)} if numbers else {}

    @property
    def continues(self) -> bool:
        """Whether it trains texts that continue an assistant's turn: only the engine knows `begun`."""
        return self.key == _ENGINE_KEY

    def wording(self, *, engine: str, server: str) -> str:
        """Return a sentence as it is said of the engine, or of any other server (docs/glossary.md)."""
        return engine if self.key == _ENGINE_KEY else server

    @property
    def display_name(self) -> LocalizedMessage:
        """Return its name, as used within a sentence."""
        return LocalizedMessage(self.name)

    @property
    def shutdown_notice(self) -> LocalizedMessage | None:
        """Return for whom it no longer trains, and since when; None if nothing is announced."""
        if not self.shutdowns:
            return None
        steps = [
            LocalizedMessage("{day} for {whom}", day=each.on, whom=LocalizedMessage(each.audience))
            for each in self.shutdowns
        ]
        return LocalizedMessage(
            "{provider} ends the training of models step by step: {steps}.",
            provider=self.display_name,
            steps=steps,
        )

    @property
    def no_training(self) -> LocalizedMessage:
        """Return the message for an operator whose server only chats."""
        return LocalizedMessage(
            "Models cannot be trained with {provider}: it takes no training files. {elsewhere}",
            provider=self.display_name,
            elsewhere=self.alternatives,
        )

    @property
    def refusal(self) -> LocalizedMessage:
        """Return the message for an organization that may not train: why, since when, what works today."""
        return LocalizedMessage(
            "This organization may not train models with {provider}: it answered 403. {why} {elsewhere}",
            provider=self.display_name,
            why=self.shutdown_notice or LocalizedMessage("Its key may lack the permission to train."),
            elsewhere=self.alternatives,
        )

    @property
    def alternatives(self) -> LocalizedMessage:
        """Return what works today in place of a training there."""
        return LocalizedMessage(
            "What works today: the embedded engine (leave OPENAI_API_KEY and OPENAI_BASE_URL empty, and "
            "it trains on this machine), another provider by its base URL ({others}), or `{/dataset "
            "export}` for a service with an API of its own, such as Together or Fireworks. The dataset stays "
            "as it is.",
            others=[each.display_name for each in PROVIDERS if each.hosts and each is not self],
        )


ENGINE = Provider(
    key=_ENGINE_KEY,
    name=mark("the embedded engine"),
    methods=frozenset(get_args(Method)),
    default_epochs=2,
    reports_weights=True,
    typical_speed=250.0,  # on two cores: bench/engine/training.md
    typical_start=30.0,
    typical_answer=1.0,
    measures_reference=True,
)

# A server whose base URL is not known: OpenAI's shape, and no more.
OTHER = Provider(key="other", name=mark("the model server"))

PROVIDERS = (
    ENGINE,
    Provider(
        key="openai",
        name="OpenAI",
        hosts=("api.openai.com",),
        shutdowns=(
            Shutdown("2026-05-07", mark("organizations that had never trained a model")),
            Shutdown("2026-07-02", mark("those whose trained models had not been asked for 60 days")),
            Shutdown("2027-01-06", mark("everyone")),
        ),
    ),
    Provider(
        key="azure",
        name="Azure",
        hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
        prefix=_UTF8_BOM,
        optional_fields=frozenset({"suffix", "seed"}),
        extra_body={"trainingType": "GlobalStandard"},
        deploy_step=mark("deploy `{model}` in the Foundry portal"),
        shutdowns=(Shutdown("2027-04", mark("existing customers (new ones may not begin)")),),
    ),
    Provider(
        key="nebius",
        name="Nebius Token Factory",
        hosts=("api.tokenfactory.nebius.com", "api.studio.nebius.com", "api.studio.nebius.ai"),
        methods=frozenset({"supervised"}),
        optional_fields=frozenset({"suffix", "seed"}),
        fixed_hyperparameters={"lora": True},
        deploy_step=mark(
            "make a custom model of the newest checkpoint of `{job}` "
            '(POST /v0/models with "source": "{job}:CHECKPOINT")'
        ),
    ),
    Provider(
        key="crusoe",
        name="Crusoe",
        hosts=("api.intelligence.crusoecloud.com", "api.inference.crusoecloud.com"),
        methods=frozenset({"supervised"}),
        optional_fields=frozenset({"suffix"}),
        hyperparameters_in="body",
        deploy_step=mark("deploy the newest checkpoint of `{job}` with Self-Serve Deployments"),
    ),
    OTHER,
)

# How to start a server that loads the engine's adapters.
SERVING_HINT = mark(
    "Start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=true; with "
    "VLLM_PLUGINS=lora_filesystem_resolver and VLLM_LORA_RESOLVER_CACHE_DIR set to the folder of adapters "
    "as well it finds them again by itself after a restart."
)


def provider_of(
    base_url: str | None,
    *,
    hosted: bool,
    key: str | None = None,
    weights: TunedWeights = "auto",
) -> Provider:
    """Return the provider of a base URL (None: OpenAI's own), or the one that PROVIDER names.

    weights is what the engine is told to train; auto leaves the choice to it. Raises SettingsError for an
    unknown name.
    """
    if key is not None:
        found = next((each for each in PROVIDERS if each.key == key.lower()), None)
        if found is None:
            known = ", ".join(each.key for each in PROVIDERS)
            raise SettingsError(f"PROVIDER: {key} is not known here; known are {known}.")
        return found
    if not hosted:
        return ENGINE if weights == "auto" else replace(ENGINE, fixed_hyperparameters={"weights": weights})
    host = (urlsplit(base_url).hostname or "") if base_url else "api.openai.com"
    for each in PROVIDERS:
        if any(host == known or host.endswith(f".{known}") for known in each.hosts):
            return each
    return OTHER


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return both with the tables that they have in common joined; of other fields the second has its own."""
    joined = {
        name: _merged(first[name], value)
        for name, value in second.items()
        if isinstance(value, Mapping) and isinstance(first.get(name), Mapping)
    }
    return {**first, **second, **joined}


def server_name(provider: Provider, base_url: str | None) -> str:
    """Return the name by which jobs know a model server: workers with the same one can do them.

    It is the provider, or the host of a server that is none of the known ones: two of those are two servers.
    """
    if provider.key != OTHER.key or not base_url:
        return provider.key
    return urlsplit(base_url).hostname or provider.key
