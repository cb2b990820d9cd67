"""llm, with the model in its extra-openai-models.yaml as its documentation says."""

import json
import os
import tempfile
from pathlib import Path

from harness import FOLLOW_UP, KEY, MODEL, QUESTION, SCHEMA, TOKENS, URL, check_person, check_text, run

folder = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(folder)
(folder / "extra-openai-models.yaml").write_text(
    json.dumps([{"model_id": "engine", "model_name": MODEL, "api_base": URL, "supports_schema": True}]),
    encoding="utf-8",
)

import llm  # noqa: E402  reads the folder's name when it is imported

model = llm.get_model("engine")
model.key = KEY


def chat() -> None:
    check_text(model.prompt(QUESTION, stream=False, max_tokens=TOKENS).text())


def stream() -> None:
    check_text("".join(model.prompt(QUESTION, system="Be brief.", max_tokens=TOKENS)))


def multi_turn() -> None:
    conversation = model.conversation()
    check_text(conversation.prompt(QUESTION, max_tokens=TOKENS).text())
    check_text(conversation.prompt(FOLLOW_UP, max_tokens=TOKENS).text())


def structured() -> None:
    check_person(**json.loads(model.prompt("Who are you?", schema=SCHEMA).text()))


run(chat, stream, multi_turn, structured)
