"""The foreign clients that are tried on the engine, and the table of them in docs/clients.md."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".venv-clients"
STEPS = {
    "chat": "chat",
    "stream": "stream",
    "multi_turn": "its answer handed back",
    "structured": "structured output",
    "tools": "a forced tool call",
    "completions": "completions",
    "responses": "responses",
    "batches": "batches",
    "tuning": "files, tuning jobs",
    "models": "models",
}
"""The functions of the scripts, and their columns in the table."""


@dataclass(frozen=True)
class Client:
    """A package, the environment with its version, its script, and the steps that the script runs."""

    package: str
    environment: str
    script: str
    steps: tuple[str, ...]
    how: str = ""
    """What its user must know."""

    @property
    def is_node(self) -> bool:
        return self.environment == "node"

    @property
    def version(self) -> str:
        """The version that its environment pins."""
        return _versions(self.environment)[self.package]

    @property
    def name(self) -> str:
        return f"{self.package} {self.version}" + (" (npm)" if self.is_node else "")

    def command(self, url: str, model: str) -> list[str]:
        """Return the command that runs its script."""
        if self.is_node:
            return ["node", str(HERE / "node" / self.script), url, model]
        python = ENVIRONMENTS / self.environment / "bin" / "python"
        return [str(python), str(HERE / "python" / self.script), url, model]

    @property
    def is_installed(self) -> bool:
        """Whether `make test-clients` has installed its environment."""
        return (ENVIRONMENTS / self.environment / ".installed").is_file()


_CHATS = ("chat", "stream", "multi_turn", "structured")

CLIENTS = (
    Client("openai", "openai-3.54", "openai_3.py", tuple(STEPS)),
    Client("openai", "openai-1.40", "openai_1.py", (*_CHATS, "tools", "completions", "tuning", "models")),
    Client(
        "openai",
        "openai-0.28",
        "openai_0.py",
        ("chat", "stream", "multi_turn", "completions", "tuning", "models"),
        "`openai.api_base`",
    ),
    Client(
        "openai", "node", "openai.mjs", (*_CHATS, "tools", "completions", "responses", "tuning", "models")
    ),
    Client(
        "ai",
        "node",
        "ai.mjs",
        (*_CHATS, "tools", "responses"),
        "`@ai-sdk/openai-compatible` with `supportsStructuredOutputs`, or `@ai-sdk/openai`",
    ),
    Client("langchain-openai", "frameworks", "langchain_openai_.py", (*_CHATS, "tools", "completions")),
    Client("litellm", "frameworks", "litellm_.py", (*_CHATS, "tools"), "model `openai/NAME`"),
    Client(
        "llm", "frameworks", "llm_.py", _CHATS, "`extra-openai-models.yaml`, with `supports_schema: true`"
    ),
    Client(
        "instructor",
        "frameworks",
        "instructor_.py",
        ("structured", "tools"),
        "`Mode.JSON_SCHEMA`, or its default",
    ),
    Client(
        "pydantic-ai-slim",
        "frameworks",
        "pydantic_ai_.py",
        (*_CHATS, "tools"),
        "`NativeOutput`, or its default",
    ),
    Client(
        "autogen-ext",
        "frameworks",
        "autogen_.py",
        (*_CHATS, "tools"),
        "`model_info` with `structured_output: True`",
    ),
    Client(
        "dspy",
        "frameworks",
        "dspy_.py",
        ("chat", "multi_turn", "structured"),
        "model `openai/NAME`; for a schema `register_provider` with `response_schema=True`",
    ),
    Client("haystack-ai", "frameworks", "haystack_.py", _CHATS, "`response_format` for a schema"),
    Client(
        "llama-index-llms-openai-like",
        "frameworks",
        "llama_index_.py",
        (*_CHATS, "completions"),
        "`should_use_structured_outputs=True`",
    ),
    Client("aisuite", "frameworks", "aisuite_.py", ("chat", "multi_turn"), "model `openai:NAME`"),
)


def table() -> str:
    """Return the table of all clients, in Markdown."""
    rows = [["client", *STEPS.values(), "set"], ["---"] * (len(STEPS) + 2)]
    rows += [
        [client.name, *("yes" if step in client.steps else "" for step in STEPS), client.how]
        for client in CLIENTS
    ]
    return "".join("|" + "".join(f" {cell} |" if cell else " |" for cell in row) + "\n" for row in rows)


@cache
def _versions(environment: str) -> dict[str, str]:
    if environment == "node":
        package = json.loads((HERE / "node" / "package.json").read_text(encoding="utf-8"))
        return dict(package["dependencies"])
    requirements = (HERE / "requirements" / f"{environment}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", requirements, re.MULTILINE))
