"""Separators, leading spaces and endings of older formats come off if every row has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dataset.files.affixes import SharedAffixes, without_separator

NAMES = ("He flies.", "She reads?", "They sing!")


def stripped_texts(texts: list[str]) -> list[str]:
    remove = SharedAffixes.of_texts(texts).remover()
    return [remove(text) for text in texts] if remove else texts


def stripped_prompts(prompts: list[str]) -> list[str]:
    remove = SharedAffixes.of_prompts(prompts).remover()
    return [remove(prompt) for prompt in prompts] if remove else prompts


@pytest.mark.parametrize(
    "form",
    [
        " {}",
        "\n\n{}",
        "{} END",
        " {} END",
        " {}\n",
        " {}###",
        " {}\n###\n",
        "{} [END]",
        " {}***",
        "{}\n\n$$$",
        "{}<|endoftext|>",
        "{}</s>",
        " {} STOP",
        " {} END END",
    ],
)
def test_what_all_texts_share_comes_off(form: str) -> None:
    assert stripped_texts([form.format(name) for name in NAMES]) == list(NAMES)


@pytest.mark.parametrize(
    "texts",
    [
        ["He flies. END", "She reads."],
        [" He flies.", "She reads."],
        ["He flies.", "She reads."],
        ["He is at the end", "She is at the end"],
        ["He plays with the WEEKEND", "She plays with the WEEKEND"],
        ["Is it 2+", "Is it 3+"],
        [" END", "He flies. END"],
        ["###", "He flies. ###"],
        ["He flies...", "She reads..."],
    ],
)
def test_what_only_some_have_or_is_the_texts_own_stays(texts: list[str]) -> None:
    assert stripped_texts(texts) == texts


@pytest.mark.parametrize(
    "separator",
    [
        " ->",
        "\n\n###\n\n",
        " ###",
        "\n\n===\n\n",
        "\n\n--->\n\n",
        "\n\n### =>\n\n",
        "\nAnswer:",
        "\n\nA: ",
        " Answer:",
        "\n### Response:\n",
        " -> ->",
        " |",
        " =>",
        "\n-->",
        "->",
        " →",
        " >>>",
        "<|im_end|>",
        " -> <|im_end|>\n",
    ],
)
def test_separators_come_off_all_prompts(separator: str) -> None:
    prompts = ["What is 2+4?", "Who flies?", "How high?"]
    assert stripped_prompts([prompt + separator for prompt in prompts]) == prompts
    assert without_separator("18, man, ice" + separator) == "18, man, ice"


def test_a_shared_question_mark_or_word_is_no_separator() -> None:
    for prompts in (["What is 2+4?", "Who flies?"], ["Tell of ice", "Sing of ice"], ["->", "a ->"]):
        assert stripped_prompts(prompts) == prompts


@pytest.mark.parametrize(
    "form",
    [
        "<p>{}</p>",
        "{} <end>",
        "{}, and x <b>",
        "{} <br />",
        "Is {} >",
        "{}>",
        "<!-- {} -->",
        "List<List<{}>>",
        "{} <=>",
        "{} <-->",
        "{} ?>",
        "{}++",
        "2+{}=",
    ],
)
def test_what_closes_a_tag_or_compares_is_no_separator(form: str) -> None:
    prompts = [form.format(name) for name in ("a", "b")]
    assert stripped_prompts(prompts) == prompts


def test_an_arrow_after_a_comparison_is_a_separator() -> None:
    assert stripped_prompts(["Is 3 < 5 ->", "Is a <b ->"]) == ["Is 3 < 5", "Is a <b"]


def test_blank_texts_do_not_count() -> None:
    assert stripped_texts([" He flies. END", "", "  "]) == ["He flies.", "", " "]


@given(st.lists(st.text("ab ->#\nEND:", max_size=12), max_size=5))
def test_stripping_twice_changes_nothing_more_and_empties_no_text(texts: list[str]) -> None:
    once = stripped_texts(texts)
    assert stripped_texts(once) == once
    assert [bool(text.strip()) for text in once] == [bool(text.strip()) for text in texts]
    prompts = stripped_prompts(texts)
    assert stripped_prompts(prompts) == prompts
    assert [bool(prompt.strip()) for prompt in prompts] == [bool(text.strip()) for text in texts]


def test_a_long_text_is_looked_at_in_no_time() -> None:
    for text in (" " * 1_000_000 + "b", "-" * 1_000_000, "\n" * 1_000_000 + ":"):
        without_separator(text)
        stripped_texts([text, text])
