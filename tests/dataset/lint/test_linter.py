"""The linter: each rule at its threshold, the order of rules, and prepared files, which lint cleanly."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dataset.lint.examples import Examples, Heroes, read_examples
from bot.dataset.lint.finding import Finding, Severity
from bot.dataset.lint.linter import LintReport, lint
from bot.dataset.lint.prepared_file import (
    default_output_path,
    legacy_training_seconds,
    usage_reminders,
    write_prepared_file,
)
from bot.dataset.lint.rules import ENDINGS, SEPARATORS
from bot.dataset.reading.source import Format
from bot.errors import UserError
from bot.heroes.config import read_heroes
from bot.settings import ROOT

Pair = tuple[str, str]

CONFIG = read_heroes(ROOT / "data" / "heroes.toml")

# These have findings of severity information only: their number, and what they share.
CLEAN = [("40, woman ->", " Mira heals.\n"), ("50, man ->", " Bo flies.\n"), ("60, girl ->", " Li reads.\n")]


def table(pairs: list[Pair], format_: Format = Format.PAIRS, asked: list[str] | None = None) -> Examples:
    """Return examples; asked: what /hero asks for their heroes, if they have any."""
    frame = pd.DataFrame(pairs, columns=["prompt", "completion"], dtype=str)
    return Examples(frame, format_, Heroes(pd.Series(asked or [""] * len(pairs), dtype=str)))


def read_frame(path: Path) -> pd.DataFrame:
    return read_examples(path, CONFIG).frame


def lint_pairs(pairs: list[Pair], target: Format = Format.PAIRS) -> LintReport:
    return lint(table(pairs, target), target=target)


def optional_fixes(report: LintReport, action: str) -> list[Finding]:
    """Return the findings with an optional fix whose action begins so."""
    optional = report.with_severity(Severity.OPTIONAL)
    return [finding for finding in optional if finding.action.startswith(action)]


def is_proposed(pairs: list[Pair], action: str) -> bool:
    return bool(optional_fixes(lint_pairs(pairs), action))


def fix_pairs(pairs: list[Pair], action: str) -> list[Pair]:
    """Return the pairs after this one fix."""
    report = lint_pairs(pairs)
    (finding,) = optional_fixes(report, action)
    return pairs_of(report.apply_fixes([finding]))


def fix_all(report: LintReport) -> list[Pair]:
    return pairs_of(report.apply_fixes(report.with_severity(Severity.OPTIONAL)))


def pairs_of(frame: pd.DataFrame) -> list[Pair]:
    return list(zip(frame["prompt"], frame["completion"], strict=True))


def messages(report: LintReport) -> str:
    return "\n".join(finding.message for finding in report.findings)


def numbered(count: int, prompt: str = "{} ->", completion: str = " {}.\n") -> list[Pair]:
    """Return so many distinct pairs without a common prefix or suffix beyond the templates'."""
    marks = [f"{chr(97 + n % 26)}{n}{chr(97 + n % 25)}" for n in range(count)]
    return [(prompt.format(mark), completion.format(mark)) for mark in marks]


def test_clean_pairs_need_no_fix() -> None:
    report = lint_pairs(CLEAN)
    assert {finding.severity for finding in report.findings} == {Severity.INFORMATION}
    assert fix_all(report) == CLEAN


@pytest.mark.parametrize(("count", "few"), [(99, True), (100, False)])
def test_fewer_than_a_hundred_examples_get_advice(count: int, few: bool) -> None:
    assert ("Fewer than 100" in messages(lint_pairs(numbered(count)))) == few


def test_empty_completions_are_dropped_and_empty_prompts_kept() -> None:
    report = lint_pairs([*CLEAN, ("70 ->", ""), ("", " Flo.\n")])
    assert report.with_severity(Severity.NECESSARY)[0].action == "Drop 1 example without a completion"
    assert len(report.frame) == 4
    assert lint_pairs([("a", ""), ("b", "")]).findings[-1].severity is Severity.ERROR


def test_a_duplicate_repeats_prompt_and_completion() -> None:
    repeated = [*CLEAN, CLEAN[0], (CLEAN[0][0], " Another.\n")]
    assert fix_pairs(repeated, "Drop 1 duplicate") == [*CLEAN, repeated[-1]]


@pytest.mark.parametrize(("length", "long"), [(10_000, False), (10_001, True)])
def test_long_examples_are_dropped(length: int, long: bool) -> None:
    prompt = "70, man ->"
    pairs = [*CLEAN, (prompt, " " + "b" * (length - len(prompt) - 2) + "\n")]
    assert is_proposed(pairs, "Drop 1 example of more than 10,000") == long
    if long:
        assert fix_pairs(pairs, "Drop 1 example of") == CLEAN
        assert not is_proposed([("", text) for _, text in pairs], "Drop 1 example of")


@pytest.mark.parametrize(("text", "shouted"), [("ABcde", True), ("ABcdef", False)])
def test_more_than_a_third_of_capitals_are_written_in_lower_case(text: str, shouted: bool) -> None:
    pairs = [(text, " x.\n"), (text[::-1], " y.\n")]
    assert is_proposed(pairs, "Write all prompts in lower case") == shouted
    if shouted:
        assert fix_pairs(pairs, "Write all prompts") == [("abcde", " x.\n"), ("edcba", " y.\n")]


def test_identical_prompts_or_completions_are_errors() -> None:
    assert "All prompts are identical: 'a'" in lint_pairs([("a", "x"), ("a", "y")]).findings[-1].message
    assert "All completions are identical" in lint_pairs([("a", "x"), ("b", "x")]).findings[-1].message
    assert lint_pairs([("a", "x"), ("b", "x")], Format.CHAT).findings[-1].severity is Severity.ERROR


@pytest.mark.parametrize("used", range(len(SEPARATORS)))
def test_the_separator_is_the_first_that_occurs_in_no_prompt(used: int) -> None:
    first = f"a{''.join(SEPARATORS[:used])}b"
    pairs = fix_pairs([(first, " x.\n"), ("c", " y.\n")], "End all prompts")
    assert [prompt for prompt, _ in pairs] == [first + SEPARATORS[used], "c" + SEPARATORS[used]]


def test_the_arrow_is_not_proposed_for_multiline_prompts() -> None:
    assert fix_pairs([("a\nb", " x.\n"), ("c", " y.\n")], "End all prompts")[1][0] == "c\n\n###\n\n"


@pytest.mark.parametrize("used", range(len(ENDINGS)))
def test_the_ending_is_the_first_that_occurs_in_no_completion(used: int) -> None:
    first = f" a{''.join(ENDINGS[:used])}b"
    pairs = fix_pairs([("a ->", first), ("b ->", " c")], "End all completions")
    assert [completion for _, completion in pairs] == [first + ENDINGS[used], " c" + ENDINGS[used]]


def test_warnings_about_long_and_repeated_suffixes() -> None:
    text = messages(lint_pairs(numbered(3, prompt="{} and so on ->", completion=" .\n{}.\n")))
    assert "All prompts end with ' and so on ->'. That is very long" in text
    assert "All completions end with '.\\n'. Warning: some completions have it in their midst" in text
    assert "very long" not in messages(lint_pairs(numbered(3, prompt="{}" + "-" * 10)))


def test_a_long_prompt_prefix_is_removed() -> None:
    short, long = (numbered(3, prompt=start + " {} ->") for start in ("x" * 11, "x" * 12))
    assert not is_proposed(short, "Take that beginning from all prompts")
    assert f"All prompts begin with '{'x' * 11} '." in messages(lint_pairs(short))
    assert fix_pairs(long, "Take that beginning from all prompts") == numbered(3)


def test_a_completion_prefix_is_removed_except_its_space() -> None:
    beginning = "Take that beginning from all completions"
    assert not is_proposed(numbered(3, completion="Tal {}\n"), beginning)
    assert fix_pairs(numbered(3, completion="Tale:{}\n"), beginning) == numbered(3, completion="{}\n")
    assert fix_pairs(numbered(3, completion=" Tale {}\n"), beginning) == numbered(3, completion=" {}\n")


def test_completions_begin_with_a_space() -> None:
    mixed = [("a ->", "Bo\n"), ("b ->", " Li\n")]
    assert fix_pairs(mixed, "Begin all completions") == [("a ->", " Bo\n"), ("b ->", " Li\n")]


def test_open_ended_generation_needs_no_separator_or_ending() -> None:
    report = lint_pairs([("", "Bo flies"), ("", "Li reads")])
    assert "No example has a prompt" in messages(report)
    assert [finding.action for finding in report.with_severity(Severity.OPTIONAL)] == [
        "Begin all completions with a space"
    ]


@pytest.mark.parametrize(("count", "classes"), [(6, False), (7, True)])
def test_classification_needs_no_ending(count: int, classes: bool) -> None:
    """Two distinct completions are fewer than a third of seven examples, but not of six."""
    pairs = [(prompt, " yes" if n % 2 else " no") for n, (prompt, _) in enumerate(numbered(count))]
    assert ("learns to sort prompts" in messages(lint_pairs(pairs))) == classes
    assert "generation" not in messages(lint_pairs(pairs))
    assert is_proposed(pairs, "End all completions") != classes
    same = [(prompt, " yes") for prompt, _ in numbered(4)]
    assert not lint_pairs(same).with_severity(Severity.ERROR)


def test_chats_need_no_separator_ending_or_space() -> None:
    pairs = [("Tell me of hero Bo", "The hero flies"), ("Tell me of hero Li", "The hero reads")]
    assert [
        finding.action for finding in lint_pairs(pairs, Format.CHAT).with_severity(Severity.OPTIONAL)
    ] == [
        "Take that beginning from all prompts",
        "Take that beginning from all completions",
    ]


def test_the_rules_run_in_the_order_of_the_retired_tool() -> None:
    shouted = "COMMON INSTRUCTION {}"
    pairs = numbered(3, prompt=shouted, completion="TALE: {}")
    pairs += [pairs[0], ("COMMON INSTRUCTION Z", "TALE: " + "z" * 10_000), ("COMMON INSTRUCTION Y", "")]
    report = lint(table(pairs, Format.CSV), target=Format.PAIRS)
    assert [finding.action.split()[0:4] for finding in report.findings if finding.action] == [
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


def test_fixes_use_the_data_in_which_the_problems_were_found() -> None:
    """Only the dropped example held an arrow, and prefixes are found before letters are lowered."""
    long = ("COMMON INSTRUCTION A ->B", " x" + "z" * 10_000)
    pairs = [*numbered(3, prompt="COMMON INSTRUCTION {}", completion=" X{}"), long, long]
    assert [prompt for prompt, _ in fix_all(lint_pairs(pairs))] == [
        f"{mark.removesuffix(' ->')}\n\n###\n\n" for mark, _ in numbered(3)
    ]


def test_a_declined_fix_is_not_applied() -> None:
    report = lint_pairs([("a", "x"), ("b", "y")])
    chosen = [finding for finding in report.with_severity(Severity.OPTIONAL) if "separator" in finding.action]
    assert pairs_of(report.apply_fixes(chosen)) == [("a ->", "x"), ("b ->", "y")]


def test_dropping_every_example_is_an_error() -> None:
    report = lint_pairs([("a ->", " " + "x" * 10_000 + "\n"), ("b ->", " " + "y" * 10_000 + "\n")])
    with pytest.raises(UserError, match="No example is left"):
        fix_all(report)


@st.composite
def fixable_pairs(draw: st.DrawFn) -> list[Pair]:
    """Draw small distinct texts, with repeats and with prefixes to remove.

    They avoid the cases in which one fix of the retired tool causes another finding: " END" has capitals,
    lowered or spaced texts may become equal, a prefix may also be a suffix, and what is blank is dropped.
    """
    prompts = st.text("abc ->", min_size=6, max_size=6).filter(str.strip)
    completions = st.text("abc \n*", min_size=4, max_size=4).filter(str.strip)
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
@given(fixable_pairs(), st.sampled_from([Format.PAIRS, Format.CHAT]))
def test_a_prepared_file_needs_no_fix(pairs: list[Pair], target: Format) -> None:
    first = lint(table(pairs, Format.CSV), target=target)
    frame = first.apply_fixes(first.with_severity(Severity.OPTIONAL))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "prepared.jsonl"
        write_prepared_file(frame, path, target=target)
        second = lint(read_examples(path, CONFIG), target=target)
    assert pairs_of(second.frame) == pairs_of(frame)
    assert {finding.severity for finding in second.findings} == {Severity.INFORMATION}


def test_texts_survive_conversion_from_csv_to_jsonl(tmp_path: Path) -> None:
    hard = [("007", "NA"), ("null", 'She said: "fly,\r\nor\u2028not" 😀'), ("é, \\n", " nan ")]
    table(hard).frame.to_csv(tmp_path / "a.csv", index=False)
    for target in (Format.PAIRS, Format.CHAT):
        path = tmp_path / f"{target.name}.jsonl"
        write_prepared_file(read_frame(tmp_path / "a.csv"), path, target=target)
        assert pairs_of(read_frame(path)) == hard
    line = json.loads((tmp_path / "CHAT.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert line["messages"] == [{"role": "user", "content": "007"}, {"role": "assistant", "content": "NA"}]


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "heroes.csv"
    names = []
    for _ in range(3):
        path = default_output_path(source)
        write_prepared_file(table(CLEAN).frame, path, target=Format.PAIRS)
        names.append(path.name)
    assert names == ["heroes_prepared.jsonl", "heroes_prepared (1).jsonl", "heroes_prepared (2).jsonl"]
    with pytest.raises(UserError, match="exists already"):
        write_prepared_file(table(CLEAN).frame, path, target=Format.PAIRS)
    with pytest.raises(UserError, match="cannot be written"):
        write_prepared_file(table(CLEAN).frame, tmp_path / "nowhere" / "a.jsonl", target=Format.PAIRS)


def test_the_reminders_name_separator_and_stop_sequence() -> None:
    reminders = usage_reminders(table(CLEAN).frame)
    assert "end with the separator ' ->'" in reminders[0]
    assert r"stop=['s.\n']" in reminders[1]
    assert "retired tool" in reminders[2]


def test_the_time_estimate_equals_the_retired_tools() -> None:
    frame = table([(prompt, " yes") for prompt, _ in numbered(10)]).frame
    assert legacy_training_seconds(frame) == pytest.approx(140 + 14.4)
    pointers = frame.index.memory_usage() + 2 * 8 * 10
    assert legacy_training_seconds(table(numbered(10)).frame) == pytest.approx(140 + 0.0515 * pointers)


def test_answers_that_stand_for_an_empty_cell_are_counted_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("prompt,completion\na,One.\nb,N/A\nc,Two nan.\nd, nan\ne,#REF!\n")
    said = messages(lint(read_examples(path, CONFIG)))
    named = "row 2 (line 3), row 4 (line 5), row 5 (line 6)"
    assert f"3 completions that may stand for an empty cell ('N/A', 'nan', '#REF!'): {named}." in said


@pytest.mark.parametrize(
    ("header", "note"),
    [
        ("id,question,answer,comment", "The columns id, comment are not read: a model learns from prompt, c"),
        (
            "prompt,completion,question,split",
            "The column question is not read: a model learns from prompt, c",
        ),
        (
            "age,gender,power,description,my note",
            "The column 'my note' is not read: a model learns from age,",
        ),
        ("instruction,input,output", ""),
        ("prompt,completion,source,split", ""),
    ],
)
def test_columns_that_are_not_read_are_named(tmp_path: Path, header: str, note: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n{','.join('a' for _ in header.split(','))}\n")
    said = " ".join(read_examples(path, CONFIG).notes)
    assert (note in said) if note else "not read" not in said


PAIR = '{"prompt": "a", "completion": "b"}'
CHAT = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (
            {"a.jsonl": f"{PAIR}\n{CHAT}\n"},
            "The file is JSONL of chats and of prompt-completion pairs.",
        ),
        ({"data/train.csv": "prompt,completion\na,b\n"}, "This is a folder of data files."),
    ],
)
def test_a_file_is_called_what_it_is(tmp_path: Path, files: dict[str, str], kind: str) -> None:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    source = tmp_path if "data/train.csv" in files else path
    assert kind in messages(lint(read_examples(source, CONFIG)))
