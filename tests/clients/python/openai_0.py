"""openai 0.28, the last one before clients were objects."""

import openai
from harness import FOLLOW_UP, KEY, MODEL, QUESTION, TOKENS, URL, check, check_text, run, training_file

openai.api_base = URL
openai.api_key = KEY


def chat() -> None:
    answer = openai.ChatCompletion.create(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], max_tokens=TOKENS
    )
    check_text(answer.choices[0].message.content)


def stream() -> None:
    chunks = openai.ChatCompletion.create(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], max_tokens=TOKENS, stream=True
    )
    check_text("".join(chunk.choices[0].delta.get("content") or "" for chunk in chunks))


def multi_turn() -> None:
    messages = [{"role": "user", "content": QUESTION}]
    answer = openai.ChatCompletion.create(model=MODEL, messages=messages, max_tokens=TOKENS)
    messages += [answer.choices[0].message, {"role": "user", "content": FOLLOW_UP}]
    answer = openai.ChatCompletion.create(model=MODEL, messages=messages, max_tokens=TOKENS)
    check_text(answer.choices[0].message.content)


def completions() -> None:
    answer = openai.Completion.create(model=MODEL, prompt="40, woman, flight ->", max_tokens=TOKENS)
    check_text(answer.choices[0].text)


def tuning() -> None:
    with training_file().open("rb") as content:
        file = openai.File.create(file=content, purpose="fine-tune")
    check(holds=file.id in [known.id for known in openai.File.list().data], what=file)
    openai.File.delete(file.id)
    check(holds=openai.FineTuningJob.list(limit=3).object == "list", what="jobs")


def models() -> None:
    check(holds=MODEL in [model.id for model in openai.Model.list().data], what="models")


run(chat, stream, multi_turn, completions, tuning, models)
