"""English grammar: articles, verbs in the plural, capitals."""

import pytest

from bot.heroes.grammar import in_sentences, is_third_person, plural_verb, with_articles


@pytest.mark.parametrize(
    ("verb", "plural"),
    [
        ("is", "are"),
        ("has", "have"),
        ("does", "do"),
        ("goes", "go"),
        ("wears", "wear"),
        ("carries", "carry"),
        ("flies", "fly"),
        ("ties", "tie"),
        ("passes", "pass"),
        ("catches", "catch"),
        ("finishes", "finish"),
        ("fixes", "fix"),
        ("buzzes", "buzz"),
        ("raises", "raise"),
        ("loses", "lose"),
        ("nurses", "nurse"),
        ("gazes", "gaze"),
        ("changes", "change"),
        ("plays", "play"),
        ("aches", "ache"),
    ],
)
def test_the_plural_of_a_verb(verb: str, plural: str) -> None:
    assert is_third_person(verb)
    assert plural_verb(verb) == plural


@pytest.mark.parametrize("word", ["wear", "miss", "nmae", "", "s", "Wears", "his hat"])
def test_words_that_are_no_verbs_of_the_third_person(word: str) -> None:
    assert not is_third_person(word)


@pytest.mark.parametrize("age", range(1, 121))
def test_the_article_before_an_age(age: int) -> None:
    article = "an" if age in (8, 11, 18, *range(80, 90)) else "a"
    assert with_articles(f"imagine a {age}-year-old") == f"imagine {article} {age}-year-old"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("a owl. a hawk", "an owl. a hawk"),
        ("A 8-year-old, a 80-year-old", "An 8-year-old, an 80-year-old"),
        ("a 118 m tower, a 111 m tower", "a 118 m tower, a 111 m tower"),
        ("pizza oven", "pizza oven"),
    ],
)
def test_articles(text: str, right: str) -> None:
    assert with_articles(text) == right


def test_sentences_begin_with_capitals() -> None:
    assert (
        in_sentences("a 18-year-old waits. she hums! no? yes.") == "An 18-year-old waits. She hums! No? Yes."
    )
