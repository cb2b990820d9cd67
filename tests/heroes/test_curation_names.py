"""Who a text names in its hero's place: a heuristic that is strict in doubt."""

import pytest

from bot.heroes.curation_names import named_people, read_names


@pytest.mark.parametrize(
    "text",
    [
        "Mira mends clocks. She is calm, and Mira smiles.",
        "At 40, Mira mends clocks. When it rains, she sings.",
        "Above a bakery lives Mira, a quiet woman.",
        "Few people know that Mira is kind.",
        "A tall woman named Mira sells tea at the Saturday market in New York.",
        "Mira's hands are calm. On Sundays she rests. Every child knows her.",
        'Mira laughs. "Come in," she says. Afterwards the old women nod.',
        "Smiling, Mira opens the door. Tall and calm, she waits. Six cats wait with her.",
    ],
)
def test_one_person_has_one_name(text: str) -> None:
    assert named_people(text) == [{"Mira"}]


@pytest.mark.parametrize(
    "text",
    [
        "Mira mends clocks. Elena is calm.",
        "Mira mends clocks. Her name is Elena.",
        "Mira mends clocks. Elena's hands are calm.",
        "Mira mends clocks. Elena, as she is called, is calm.",
        "Mira mends clocks for Elena.",
    ],
)
def test_finds_a_second_person(text: str) -> None:
    assert named_people(text) == [{"Mira"}, {"Elena"}]


def test_a_surname_belongs_to_its_person() -> None:
    assert named_people("Mira Okafor mends clocks. Okafor is calm, and Mira smiles.") == [{"Mira", "Okafor"}]


def test_finds_no_names_in_other_texts() -> None:
    assert named_people("A quiet woman mends clocks. She sings. The town sleeps.") == []


@pytest.mark.parametrize(
    "text",
    [
        "In Oslo works Mira, a 40-year-old woman. She knows the ferry to Naxos and the hills of Peru.",
        "In New York works Mira, a 40-year-old woman from Costa Rica. She speaks Portuguese.",
        "The old ferry to Naxos never sinks while Mira is aboard. She is 40 years old.",
        "Oslo is a book to the nose of Mira, a 40-year-old woman who lives in Bergen, Norway.",
        "Window boxes get their water from Mira, who is a 40-year-old woman.",
        "Iron listens to Mira. She is a 40-year-old Norwegian woman on a wide Thai lake.",
        "Mira is a 40-year-old woman. Salt is dry, she says. Left, she thinks. Twelve people nod.",
        "Mira is a 40-year-old woman. Smoke rises. Grandmothers, soldiers and cooks run. White sparks fly.",
        "Mira is a 40-year-old woman in the high Andes. Her brother Tom rows, and Tom sings.",
        "Mira, a 40-year-old woman, asks old Mr Finch. Captain Lind nods. Her wife, Nora, laughs.",
        "Mira is a 40-year-old woman on the ship Aurora. The Aurora sinks. A girl named Elena waves.",
        'Mira is a 40-year-old woman. The sign says "Elena is calm".',
    ],
)
def test_places_words_and_others_are_no_heroes(text: str) -> None:
    assert named_people(text) == [{"Mira"}]


@pytest.mark.parametrize(
    "text",
    [
        "Mira is a 40-year-old woman. When it rains, Elena sings.",
        "Mira is a 40-year-old woman. The people thank Elena for it.",
        "Mira is a 40-year-old woman. The street is proud of the woman named Elena.",
        "Mira is a 40-year-old woman. Her friend Elena comes. Elena heals. Elena hums. Elena goes.",
        "Mira and Elena are 40 years old.",
    ],
)
def test_finds_who_takes_the_place_of_the_hero(text: str) -> None:
    assert named_people(text) == [{"Mira"}, {"Elena"}]


def test_a_known_first_name_is_no_ordinary_word() -> None:
    text = "Iron hums. Mira is a 40-year-old woman."
    assert read_names(text).heroes() == [{"Mira"}]
    assert read_names(text, frozenset({"Iron"})).heroes() == [{"Iron"}, {"Mira"}]


def test_of_a_beginning_only_those_are_told_whom_the_rest_cannot_explain() -> None:
    text = "Mira is a 40-year-old woman. Elena heals."
    assert read_names(text).heroes(is_whole=False) == [{"Mira"}]
    assert read_names(text, frozenset({"Elena"})).heroes(is_whole=False) == [{"Mira"}, {"Elena"}]
