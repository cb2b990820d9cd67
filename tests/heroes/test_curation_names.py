"""The people that a text names: a heuristic that is strict in doubt."""

import pytest

from bot.heroes.curation_names import named_people


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
        "Mira mends clocks with her friend Elena.",
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
