"""Preparation: each check at its threshold, the order of all, and files that need no second preparation."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dataset.lint.checks import ENDINGS, SEPARATORS
from bot.dataset.lint.finding import Kind
from bot.dataset.lint.prepare import Examination, examine, free_path, legacy_seconds, reminders, write
from bot.dataset.lint.tables import Format, Table, read_table
from bot.errors import UserError

Pair = tuple[str, str]

# Nothing is to be said of these but how many they are, and what they share.
CLEAN = [("40, woman ->", " Mira heals.\n"), ("50, man ->", " Bo flies.\n"), ("60, girl ->", " Li reads.\n")]


def table(pairs: list[Pair], format_: Format = Format.PAIRS) -> Table:
    return Table(pd.DataFrame(pairs, columns=["prompt", "completion"], dtype=str), format_)


def looked(pairs: list[Pair], wanted: Format = Format.PAIRS) -> Examination:
    return examine(table(pairs, wanted), wanted=wanted)


def proposed(pairs: list[Pair], words: str) -> bool:
    """Whether an optional fix is offered whose action begins with these words."""
    return any(each.action.startswith(words) for each in looked(pairs).of_kind(Kind.OPTIONAL))


def fixed(pairs: list[Pair], words: str) -> list[Pair]:
    """The pairs after this one fix."""
    found = looked(pairs)
    chosen = [each for each in found.of_kind(Kind.OPTIONAL) if each.action.startswith(words)]
    assert len(chosen) == 1
    return pairs_of(found.fixed(chosen))


def everything(examination: Examination) -> list[Pair]:
    return pairs_of(examination.fixed(examination.of_kind(Kind.OPTIONAL)))


def pairs_of(frame: pd.DataFrame) -> list[Pair]:
    return list(zip(frame["prompt"], frame["completion"], strict=True))


def texts(examination: Examination) -> str:
    return "\n".join(finding.text for finding in examination.findings)


def numbered(count: int, prompt: str = "{} ->", completion: str = " {}.\n") -> list[Pair]:
    """As many distinct pairs; the numbers begin and end differently."""
    marks = [f"{chr(97 + n % 26)}{n}{chr(97 + n % 25)}" for n in range(count)]
    return [(prompt.format(mark), completion.format(mark)) for mark in marks]


def test_clean_pairs_need_nothing() -> None:
    found = looked(CLEAN)
    assert {finding.kind for finding in found.findings} == {Kind.INFORMATION}
    assert everything(found) == CLEAN


@pytest.mark.parametrize(("count", "few"), [(99, True), (100, False)])
def test_fewer_than_a_hundred_are_few(count: int, few: bool) -> None:
    assert ("Fewer than 100" in texts(looked(numbered(count)))) == few


@pytest.mark.parametrize("column", ["prompt", "completion"])
def test_a_missing_column_ends_the_checks(column: str) -> None:
    frame = table(CLEAN).frame.rename(columns={column: "text"})
    found = examine(Table(frame, Format.CSV), wanted=Format.PAIRS)
    assert found.findings[-1].kind is Kind.ERROR
    with pytest.raises(UserError, match=f"no column '{column}', only .*'text'"):
        found.fixed([])


def test_columns_are_renamed_and_others_dropped() -> None:
    frame = table(CLEAN).frame.rename(columns={"prompt": "Prompt", "completion": "COMPLETION"})
    found = examine(Table(frame.assign(prompt_2="x", n="1"), Format.PAIRS), wanted=Format.PAIRS)
    assert [each.action for each in found.of_kind(Kind.NECESSARY)] == [
        "Rename it to 'prompt'",
        "Rename it to 'completion'",
        "Keep the columns prompt and completion alone",
    ]
    assert "Mind that 'prompt_2' is not what trains" in texts(found)
    assert list(found.frame) == ["prompt", "completion"]
    assert everything(found) == CLEAN


def test_empty_completions_are_dropped_and_empty_prompts_stay() -> None:
    found = looked([*CLEAN, ("70 ->", ""), ("", " Flo.\n")])
    assert found.of_kind(Kind.NECESSARY)[0].action == "Drop 1 example without a completion"
    assert len(found.frame) == 4
    assert looked([("a", ""), ("b", "")]).findings[-1].kind is Kind.ERROR


def test_duplicates_of_both_texts_are_dropped() -> None:
    again = [*CLEAN, CLEAN[0], (CLEAN[0][0], " Another.\n")]
    assert fixed(again, "Drop 1 duplicate") == [*CLEAN, again[-1]]


@pytest.mark.parametrize(("length", "long"), [(10_000, False), (10_001, True)])
def test_long_examples_are_dropped(length: int, long: bool) -> None:
    prompt = "70, man ->"
    pairs = [*CLEAN, (prompt, " " + "b" * (length - len(prompt) - 2) + "\n")]
    assert proposed(pairs, "Drop 1 example of more than 10,000") == long
    if long:
        assert fixed(pairs, "Drop 1 example of") == CLEAN
        assert not proposed([("", text) for _, text in pairs], "Drop 1 example of")


@pytest.mark.parametrize(("text", "shouted"), [("ABcde", True), ("ABcdef", False)])
def test_more_than_a_third_of_capitals_are_lowered(text: str, shouted: bool) -> None:
    pairs = [(text, " x.\n"), (text[::-1], " y.\n")]
    assert proposed(pairs, "Write all prompts in lower case") == shouted
    if shouted:
        assert fixed(pairs, "Write all prompts") == [("abcde", " x.\n"), ("edcba", " y.\n")]


def test_identical_texts_are_errors() -> None:
    assert "All prompts are identical: 'a'" in looked([("a", "x"), ("a", "y")]).findings[-1].text
    assert "All completions are identical" in looked([("a", "x"), ("b", "x")]).findings[-1].text
    assert looked([("a", "x"), ("b", "x")], Format.CHAT).findings[-1].kind is Kind.ERROR


@pytest.mark.parametrize("taken", range(len(SEPARATORS)))
def test_the_separator_is_the_first_that_occurs_in_no_prompt(taken: int) -> None:
    first = f"a{''.join(SEPARATORS[:taken])}b"
    pairs = fixed([(first, " x.\n"), ("c", " y.\n")], "End all prompts")
    assert [prompt for prompt, _ in pairs] == [first + SEPARATORS[taken], "c" + SEPARATORS[taken]]


def test_an_arrow_is_no_separator_among_lines() -> None:
    assert fixed([("a\nb", " x.\n"), ("c", " y.\n")], "End all prompts")[1][0] == "c\n\n###\n\n"


@pytest.mark.parametrize("taken", range(len(ENDINGS)))
def test_the_ending_is_the_first_that_occurs_in_no_completion(taken: int) -> None:
    first = f" a{''.join(ENDINGS[:taken])}b"
    pairs = fixed([("a ->", first), ("b ->", " c")], "End all completions")
    assert [completion for _, completion in pairs] == [first + ENDINGS[taken], " c" + ENDINGS[taken]]


def test_common_ends_are_told_with_their_faults() -> None:
    found = texts(looked(numbered(3, prompt="{} and so on ->", completion=" .\n{}.\n")))
    assert "All prompts end with ' and so on ->'. That is very long" in found
    assert "All completions end with '.\\n'. Warning: some completions have it in their midst" in found
    assert "very long" not in texts(looked(numbered(3, prompt="{}" + "-" * 10)))


def test_a_long_prompt_prefix_is_taken_away() -> None:
    short, long = (numbered(3, prompt=start + "{} ->") for start in ("x" * 12, "x" * 13))
    assert not proposed(short, "Take that beginning from all prompts")
    assert f"All prompts begin with '{'x' * 12}'." in texts(looked(short))
    assert fixed(long, "Take that beginning from all prompts") == numbered(3)


def test_a_completion_prefix_is_taken_away_but_for_its_space() -> None:
    beginning = "Take that beginning from all completions"
    assert not proposed(numbered(3, completion="Tale{}\n"), beginning)
    assert fixed(numbered(3, completion="Tale:{}\n"), beginning) == numbered(3, completion="{}\n")
    assert fixed(numbered(3, completion=" Tale{}\n"), beginning) == numbered(3, completion=" {}\n")


def test_completions_begin_with_a_space() -> None:
    mixed = [("a ->", "Bo\n"), ("b ->", " Li\n")]
    assert fixed(mixed, "Begin all completions") == [("a ->", " Bo\n"), ("b ->", " Li\n")]


def test_open_ended_examples_need_neither_separator_nor_ending() -> None:
    found = looked([("", "Bo flies"), ("", "Li reads")])
    assert "open-ended generation" in texts(found)
    assert [each.action for each in found.of_kind(Kind.OPTIONAL)] == ["Begin all completions with a space"]


@pytest.mark.parametrize(("count", "classes"), [(6, False), (7, True)])
def test_few_completions_are_classes_and_need_no_ending(count: int, classes: bool) -> None:
    """Two completions are fewer than a third of seven examples, not of six."""
    pairs = [(prompt, " yes" if n % 2 else " no") for n, (prompt, _) in enumerate(numbered(count))]
    assert ("teach classification" in texts(looked(pairs))) == classes
    assert proposed(pairs, "End all completions") != classes
    same = [(prompt, " yes") for prompt, _ in numbered(4)]
    assert not looked(same).of_kind(Kind.ERROR)


def test_chats_need_no_marks_between_the_roles() -> None:
    pairs = [("Tell me of hero Bo", "The hero flies"), ("Tell me of hero Li", "The hero reads")]
    assert [each.action for each in looked(pairs, Format.CHAT).of_kind(Kind.OPTIONAL)] == [
        "Take that beginning from all prompts",
        "Take that beginning from all completions",
    ]


def test_the_checks_stand_in_the_order_of_the_retired_tool() -> None:
    shouted = "COMMON INSTRUCTION {}"
    pairs = numbered(3, prompt=shouted, completion="TALE: {}")
    pairs += [pairs[0], ("COMMON INSTRUCTION Z", "TALE: " + "z" * 10_000), ("COMMON INSTRUCTION Y", "")]
    found = examine(table(pairs, Format.CSV), wanted=Format.PAIRS)
    assert [each.action.split()[0:4] for each in found.findings if each.action] == [
        action.split()
        for action in (
            "Convert CSV to prompt-completion",
            "Drop 1 example without",
            "Drop 1 duplicate",
            "Drop 1 example of",
            "Write all prompts in",
            "End all prompts with",
            "Take that beginning from",
            "Take that beginning from",
            "End all completions with",
            "Begin all completions with",
        )
    ]


def test_fixes_follow_the_data_in_which_the_faults_were_found() -> None:
    """The dropped example alone held an arrow, and prefixes are found before letters are lowered."""
    long = ("COMMON INSTRUCTION A ->B", " x" + "z" * 10_000)
    pairs = [*numbered(3, prompt="COMMON INSTRUCTION {}", completion=" X{}"), long, long]
    assert [prompt for prompt, _ in everything(looked(pairs))] == [
        f"{mark.removesuffix(' ->')}\n\n###\n\n" for mark, _ in numbered(3)
    ]


def test_a_declined_fix_is_not_made() -> None:
    found = looked([("a", "x"), ("b", "y")])
    chosen = [each for each in found.of_kind(Kind.OPTIONAL) if "separator" in each.action]
    assert pairs_of(found.fixed(chosen)) == [("a ->", "x"), ("b ->", "y")]


def test_dropping_everything_is_a_sentence() -> None:
    found = looked([("a ->", " " + "x" * 10_000 + "\n"), ("b ->", " " + "y" * 10_000 + "\n")])
    with pytest.raises(UserError, match="No example is left"):
        everything(found)


@st.composite
def plain(draw: st.DrawFn) -> list[Pair]:
    """Distinct small texts, with repeats, and beginnings of which preparation frees them.

    Where the old tool's fixes disturb each other, a second run may find more: capitals come with " END",
    lowered or spaced texts may become equal, and a beginning may be an ending as well. Not so here.
    """
    prompts = st.text("abc ->", min_size=6, max_size=6)
    completions = st.text("abc \n*", min_size=4, max_size=4)
    pairs = draw(
        st.lists(
            st.tuples(prompts, completions),
            min_size=2,
            max_size=9,
            unique_by=(lambda pair: pair[0], lambda pair: pair[1]),
        )
    )
    instruction = draw(st.sampled_from(["", "tell of this hero: "]))
    opening = draw(st.sampled_from(["", "tale: ", " tale: "]))
    pairs += pairs[: draw(st.integers(0, len(pairs)))]
    return [(instruction + prompt, opening + completion) for prompt, completion in pairs]


@settings(deadline=None)  # pandas may be slow to start
@given(plain(), st.sampled_from([Format.PAIRS, Format.CHAT]))
def test_what_is_prepared_needs_no_preparation(pairs: list[Pair], wanted: Format) -> None:
    first = examine(table(pairs, Format.CSV), wanted=wanted)
    frame = first.fixed(first.of_kind(Kind.OPTIONAL))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "prepared.jsonl"
        write(frame, path, wanted=wanted)
        again = examine(read_table(path), wanted=wanted)
    assert pairs_of(again.frame) == pairs_of(frame)
    assert {finding.kind for finding in again.findings} == {Kind.INFORMATION}


def test_words_survive_the_way_from_csv_to_jsonl(tmp_path: Path) -> None:
    hard = [("007", "NA"), ("null", 'She said: "fly,\r\nor\u2028not" 😀'), ("é, \\n", " nan ")]
    table(hard).frame.to_csv(tmp_path / "a.csv", index=False)
    for wanted in (Format.PAIRS, Format.CHAT):
        path = tmp_path / f"{wanted.name}.jsonl"
        write(read_table(tmp_path / "a.csv").frame, path, wanted=wanted)
        assert pairs_of(read_table(path).frame) == hard
    line = json.loads((tmp_path / "CHAT.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert line["messages"] == [{"role": "user", "content": "007"}, {"role": "assistant", "content": "NA"}]


def test_no_file_is_written_over(tmp_path: Path) -> None:
    source = tmp_path / "heroes.csv"
    names = []
    for _ in range(3):
        path = free_path(source)
        write(table(CLEAN).frame, path, wanted=Format.PAIRS)
        names.append(path.name)
    assert names == ["heroes_prepared.jsonl", "heroes_prepared (1).jsonl", "heroes_prepared (2).jsonl"]
    with pytest.raises(UserError, match="exists already"):
        write(table(CLEAN).frame, path, wanted=Format.PAIRS)
    with pytest.raises(UserError, match="cannot be written"):
        write(table(CLEAN).frame, tmp_path / "nowhere" / "a.jsonl", wanted=Format.PAIRS)


def test_the_reminders_name_separator_and_stop() -> None:
    found = reminders(table(CLEAN).frame)
    assert "end with the separator ' ->'" in found[0]
    assert r"stop=['s.\n']" in found[1]
    assert "retired tool" in found[2]


def test_the_time_estimate_is_the_retired_tools() -> None:
    frame = table([(prompt, " yes") for prompt, _ in numbered(10)]).frame
    assert legacy_seconds(frame) == pytest.approx(140 + 14.4)
    pointers = frame.index.memory_usage() + 2 * 8 * 10
    assert legacy_seconds(table(numbered(10)).frame) == pytest.approx(140 + 0.0515 * pointers)
