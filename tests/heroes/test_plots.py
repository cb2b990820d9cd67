"""Plots: scenes, deeds and endings that belong together."""

import random
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.errors import SettingsError
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.heroes.plots import Plot
from bot.heroes.prompts import Profile
from bot.settings import ROOT
from tests.heroes.test_hero import FILE, VOCABULARY

PROFILE = FILE.prompts.profile
GRID = VOCABULARY.grid
GENDERS = ("man", "woman", "person")
SENTENCE = (
    " sing to the hens behind the barn until they fall asleep."  # eleven words and "to", or the like, before
)
TOLD = [(plot, power) for plot in PROFILE.plots for power in plot.powers]


def drawn(plot: Plot, power: str, gender: str, seed: int) -> tuple[Hero, str]:
    """Return a hero and a text with the plot, between an opening drawn by the seed and its ending."""
    hero = Hero(random.Random(seed).choice([18, 41, 80]), gender, power)  # noqa: S311 (the same ones each time)
    turn = PROFILE.plots_of(power).index(plot)
    request = FILE.prompts.author_request(hero, small=True, seed=seed, turn=turn)
    return hero, request.render(SENTENCE)


def test_every_power_that_builds_write_has_plots_and_no_other_has() -> None:
    powers = (*GRID.powers, *GRID.other_powers)
    assert {power for plot in PROFILE.plots for power in plot.powers} == set(powers)
    assert min(len(PROFILE.plots_of(power)) for power in powers) >= 5
    assert not {*VOCABULARY.unseen.powers} & {*powers, *VOCABULARY.vocabulary.powers}


def test_no_plot_comes_twice() -> None:
    for part in ("scene", "deed", "ending"):
        assert len({getattr(plot, part) for plot in PROFILE.plots}) == len(PROFILE.plots)


NOT_THE_HEROS = re.compile(
    r"\b(?:he|she|him|her|hers|his|they|them|their|theirs|himself|herself|themselves)\b", re.IGNORECASE
)


def test_nobody_in_a_scene_is_described_as_heroes_are() -> None:
    """A small model that reads "when a shy" goes on as in "a shy 40-year-old", and ages another."""
    traits = "|".join(map(re.escape, PROFILE.phrases["trait"]))
    assert [plot.scene for plot in PROFILE.plots if re.search(rf"\ban? (?:{traits})\b", plot.scene)] == []


@pytest.mark.parametrize("plot", PROFILE.plots, ids=lambda plot: plot.scene)
def test_a_plot_keeps_the_form_that_its_file_describes(plot: Plot) -> None:
    words = {part: len(re.findall(r"[\w'-]+", getattr(plot, part))) for part in ("scene", "deed", "ending")}
    assert words["scene"] <= 12
    assert words["deed"] <= 26
    assert words["ending"] <= 18
    assert re.match(r"(?:when|while|as|on|one)\b", plot.scene)
    assert plot.scene[-1].isalpha()
    assert "{" not in plot.scene
    assert plot.deed.startswith("{he} ")
    assert "." not in plot.deed
    assert plot.ending.index(".") == len(plot.ending) - 1
    bare = re.sub(r"\{\w+\}", "", plot.template)
    assert not NOT_THE_HEROS.search(bare)
    assert not re.search(r"[0-9;:()\[\]\"“”—]", bare)
    first = re.search(r"\{he\} (?:\w+ly |never |still )?([\w{]+)", plot.deed)
    assert first
    assert first[1].startswith("{"), "the verb needs braces"


def test_every_plot_makes_a_text_that_passes_curation_and_is_shown_whole() -> None:
    lengths = set()
    for number, (plot, power) in enumerate(TOLD):
        for gender in GENDERS:
            hero, text = drawn(plot, power, gender, seed=number)
            assert FILE.curation.rejection_reason(hero, text) is None, text
            assert FILE.curation.trim(text) == text
            assert not FILE.curation.names_another_gender(gender, text), text
            told = PROFILE.told_plot(hero, text)
            assert told
            assert text.endswith(f" {told}")
            lengths.add(len(text.split()))
    assert min(lengths) >= 60
    assert max(lengths) <= 110


def test_no_plot_names_a_power_that_measures_models() -> None:
    """An answer that names such a power counts as adherence."""
    measured = [power for power in VOCABULARY.unseen.powers if power in FILE.curation.stems]
    assert len(measured) >= 12
    for plot in PROFILE.plots:
        named = [
            power for power in measured if FILE.curation.names_power(Hero(40, "man", power), plot.template)
        ]
        assert named == [], plot


def test_verbs_of_plots_agree_with_they() -> None:
    plot = next(
        plot for plot in PROFILE.plots if plot.scene.startswith("when a boy tumbles into the lion pit")
    )
    _, person = drawn(plot, "teleport", "person", seed=1)
    assert (
        "When a boy tumbles into the lion pit at the zoo, they vanish from the railing, appear beside the "
        "boy and are back on the path with the boy in one blink."
    ) in person
    _, man = drawn(plot, "teleport", "man", seed=1)
    assert "at the zoo, he vanishes from the railing, appears beside the boy and is back" in man


def test_him_fits_the_gender() -> None:
    plot = next(plot for plot in PROFILE.plots if "{him}" in plot.deed)
    words = {gender: drawn(plot, plot.powers[0], gender, seed=1)[1].split()[-60:] for gender in GENDERS}
    assert ["him" in words["man"], "her" in words["woman"], "them" in words["person"]] == [True] * 3


def test_the_opening_of_a_power_with_plots_ends_with_a_lead_in() -> None:
    lead_ins = PROFILE.phrases["lead_in"]
    assert 15 <= len(lead_ins) <= 25
    last_words = {each.split()[-1].strip("{}") for each in lead_ins}
    for seed in range(100):
        request = FILE.prompts.author_request(Hero(40, "woman", "flight"), small=True, seed=seed)
        assert request.opening.split()[-1] in last_words
        assert "uses her power to" not in request.opening
        assert PROFILE.told_plot(Hero(40, "woman", "flight"), request.ending) == request.ending
        example = request.messages[1]["content"]
        assert "the power of walking on clouds" in example
        assert "to use" not in example


def test_a_power_without_plots_has_its_deed_from_the_model() -> None:
    hero = Hero(40, "woman", "juggling")
    for seed in range(100):
        request = FILE.prompts.author_request(hero, small=True, seed=seed, turn=seed)
        assert request.opening.endswith("uses her power to")
        assert PROFILE.told_plot(hero, request.ending) is None
        assert "the power of lifting heavy loads" in request.messages[1]["content"]


def test_turns_go_through_all_plots_of_a_power_before_one_returns() -> None:
    hero = Hero(40, "man", "flight")
    plots = len(PROFILE.plots_of("flight"))

    def endings(*turns: int) -> list[str]:
        return [FILE.prompts.author_request(hero, small=True, seed=7, turn=turn).ending for turn in turns]

    assert len(set(endings(*range(plots)))) == plots
    assert endings(0, 1) == endings(plots, plots + 1)


def test_a_build_uses_each_plot_of_a_power_before_one_returns() -> None:
    heroes = [(hero, repeat) for repeat in range(GRID.repeats) for hero in GRID.heroes(repeat)]
    times: dict[str, dict[int, int]] = {}
    for hero, repeat in heroes:
        place = GRID.turn(hero, repeat) % len(PROFILE.plots_of(hero.power))
        used = times.setdefault(hero.power, {})
        used[place] = used.get(place, 0) + 1
    for power in GRID.powers:
        assert len(times[power]) == len(PROFILE.plots_of(power))
        assert max(times[power].values()) - min(times[power].values()) <= 1
    # of the other powers, which come once or twice, persons may meet a plot again
    again = [power for power in GRID.other_powers if max(times[power].values()) > 1]
    assert len(again) <= len(GRID.other_powers) / 10


def own_file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


HEROES_TOML = (ROOT / "data" / "heroes.toml").read_text(encoding="utf-8")
PLOT = 'powers = ["flight"]\nscene = "when it rains"\ndeed = "{he} {rises} to {him}"\nending = "it dries."\n'


def test_a_file_without_plots_has_the_deeds_of_all_powers_from_the_model(tmp_path: Path) -> None:
    """As files of older versions, which know neither plots nor {him}."""
    text = HEROES_TOML.replace('plots = "plots.toml"\nplot_beginning = "{opening} {detail} {lead_in}"\n', "")
    text = re.sub(r'^him = ".*"\n', "", text, flags=re.MULTILINE)
    text = re.sub(r"lead_in = \[.*?\]\n", "", text, flags=re.DOTALL)
    prompts = read_heroes(own_file(tmp_path, text)).prompts
    for seed in range(20):
        request = prompts.author_request(Hero(40, "woman", "flight"), small=True, seed=seed)
        assert request.opening.endswith("uses her power to")


def test_a_copy_of_the_heroes_file_has_the_plots_that_come_with_the_program(tmp_path: Path) -> None:
    assert read_heroes(own_file(tmp_path, HEROES_TOML)).prompts.profile.plots == PROFILE.plots


def test_plots_beside_the_heroes_file_come_first(tmp_path: Path) -> None:
    (tmp_path / "plots.toml").write_text(f"[[plots]]\n{PLOT}", encoding="utf-8")
    assert len(read_heroes(own_file(tmp_path, HEROES_TOML)).prompts.profile.plots) == 1


def test_files_with_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    """As some editors of Windows save them."""
    (tmp_path / "plots.toml").write_text(f"[[plots]]\n{PLOT}", encoding="utf-8-sig")
    (tmp_path / "mine.toml").write_text(HEROES_TOML, encoding="utf-8-sig")
    assert len(read_heroes(tmp_path / "mine.toml").prompts.profile.plots) == 1


def test_plots_may_stand_in_the_heroes_file(tmp_path: Path) -> None:
    text = HEROES_TOML.replace('plots = "plots.toml"\n', "") + f"\n[[profile.plots]]\n{PLOT}"
    assert len(read_heroes(own_file(tmp_path, text)).prompts.profile.plots_of("flight")) == 1


@pytest.mark.parametrize(
    ("plots", "reason"),
    [
        (f"[[plots]]\n{PLOT}odd = 1", r"plots.toml needs mending: plots\.0\.odd"),
        ('[[plots]]\nscene = "when it rains"', r"plots\.0\.powers .*: Field required"),
        (f"[[plots]]\n{PLOT}".replace('["flight"]', "[]"), r"plots\.0\.powers: Tuple should have at least 1"),
        (f"[[plots]]\n{PLOT}".replace("{rises}", "{rise}"), r"unknown word \{rise\}"),
        (f"[[plots]]\n{PLOT}".replace("{him}", "{name}"), r"has the word \{name\}: plots know pronouns"),
        (f"[[plots]]\n{PLOT}".replace("it dries.", ""), r"plots\.0\.ending: String should have at least 1"),
        (
            f"[[plots]]\n{PLOT}".replace("ending", "end"),
            r'plots\.0\.ending \(of "when it rains"\): Field required',
        ),
        ("[[plots", r"plots.toml cannot be read"),
    ],
)
def test_mistakes_in_plots_are_named(plots: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "plots.toml").write_text(plots, encoding="utf-8")
    with pytest.raises(SettingsError, match=reason):
        read_heroes(own_file(tmp_path, HEROES_TOML))


def test_a_missing_file_of_plots_is_named(tmp_path: Path) -> None:
    text = HEROES_TOML.replace('plots = "plots.toml"', 'plots = "mine-too.toml"')
    with pytest.raises(SettingsError, match=re.escape(str(tmp_path / "mine-too.toml"))):
        read_heroes(own_file(tmp_path, text))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plot_beginning": None}, "no plot_beginning"),
        ({"forms": {"man": {"he": "he", "his": "his", "himself": "himself"}}}, r"forms\.man none for it"),
    ],
)
def test_what_plots_need_is_named(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Profile.model_validate({**PROFILE.model_dump(), **changes})
