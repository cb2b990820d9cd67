"""Thinking: what a model thinks aloud is in no text, whole or so far, however the stream is cut."""

import pytest

from bot.llm.thinking import ThinkingFilter

TEXT = "Ada mends clocks. She is 40 < 50 [so they say]."


@pytest.mark.parametrize(
    "answer",
    [
        f"<think>SECRET</think>{TEXT}",
        f"<think>\nSECRET\n\nSECRET</think>\n\n{TEXT}",
        f"<think></think>\n\n{TEXT}",
        f"<think>\n\n</think>{TEXT}",
        f"<think/>{TEXT}",
        f"<THINK>SECRET</Think>{TEXT}",
        f"<thinking>SECRET <b>SECRET</b></thinking> {TEXT}",
        f"<thought>SECRET</thought>\n{TEXT}",
        f"<reasoning>SECRET</reasoning>{TEXT}",
        f"<seed:think>SECRET</seed:think>{TEXT}",
        f"[THINK]SECRET[/THINK]{TEXT}",
        f"◁think▷SECRET◁/think▷{TEXT}",
        f"<|begin_of_thought|>SECRET<|end_of_thought|><|begin_of_solution|>{TEXT}<|end_of_solution|>",
        f"<|START_THINKING|>SECRET<|END_THINKING|><|START_RESPONSE|>{TEXT}<|END_RESPONSE|>",
        f"<|channel|>analysis<|message|>SECRET<|end|><|start|>assistant<|channel|>final<|message|>{TEXT}",
        f"<|channel|>commentary<|message|>SECRET<|end|><|channel|>final<|message|>{TEXT}<|return|>",
        f"<|channel|>final <|constrain|>text<|message|>{TEXT}",
        f"analysisWe need SECRET.assistantfinal{TEXT}",
        f"<think>SECRET <think> SECRET</think>{TEXT}",
        f"<think>SECRET</think>{TEXT}<think>SECRET",
        f"<think>SECRET</think>{TEXT}\n<think>SECRET</think>",
        f"Okay, the user wants SECRET.\n</think>\n\n{TEXT}",
        f"We need SECRET.</think>{TEXT}",
        f"Hmm. SECRET[/THINK]{TEXT}",
    ],
)
def test_thinking_is_in_no_text(answer: str) -> None:
    thinking = ThinkingFilter()
    assert thinking.whole(answer) == (TEXT, True)
    for model in (thinking, ThinkingFilter()):  # one that knows the model's habits, and one that does not
        for end in range(len(answer) + 1):
            so_far = model.so_far(answer[:end])
            assert TEXT.startswith(so_far), (answer[:end], so_far)


@pytest.mark.parametrize(
    "answer",
    [
        "<think>SECRET",
        "<think>SECRET SECRET</thin",
        "<think></think>",
        "[THINK]SECRET[/THINK]\n",
        "<|channel|>analysis<|message|>SECRET<|end|>",
        "<|channel|>anal",
        "analysisWe need SECRET",
        "SECRET</think>",
        "◁think▷SECRET",
    ],
)
@pytest.mark.parametrize("cut_short", [False, True])
def test_thinking_alone_is_an_empty_answer(answer: str, *, cut_short: bool) -> None:
    text, _ = ThinkingFilter().whole(answer, cut_short=cut_short or answer.endswith("anal"))
    assert text == ""


@pytest.mark.parametrize(
    "answer",
    [
        TEXT,
        " bring everyone home",
        "I <3 thinking. [1] <b>bold</b>",
        "Analysis of clocks is her gift. 2 < 3",
        "Okay? She is. The user of magic thinks.",
        "a <",
        "",
    ],
)
def test_other_text_stays_as_it_is(answer: str) -> None:
    assert ThinkingFilter().whole(answer) == (answer, False)


def test_a_model_that_only_closes_its_thinking_is_remembered() -> None:
    """Its thinking may begin with any words: nothing is shown before the mark."""
    thinking = ThinkingFilter()
    thinking.whole(f"SECRET</think>{TEXT}")
    assert thinking.so_far("A woman, 40. SECRET") == ""
    assert thinking.so_far(f"A woman, 40. SECRET</think>{TEXT}") == TEXT
    assert thinking.whole("A woman, 40. SECRET", cut_short=True) == ("", True)
    assert thinking.whole(TEXT) == (TEXT, False)


def test_a_stray_mark_is_forgotten_after_a_whole_answer_without_one() -> None:
    thinking = ThinkingFilter()
    thinking.whole(f"A word</think>{TEXT}")
    thinking.whole(TEXT)
    assert thinking.so_far(TEXT) == TEXT
    assert thinking.whole(TEXT, cut_short=True) == (TEXT, False)


def test_a_text_grows_word_by_word_beside_thinking() -> None:
    thinking = ThinkingFilter()
    shown = [thinking.so_far(TEXT[:end]) for end in range(len(TEXT) + 1)]
    assert len(set(shown)) > len(TEXT) / 2
    assert shown[-1] == TEXT
