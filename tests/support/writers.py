"""Texts of good and bad models, for a scripted server: each writes in its own way of the hero asked for."""

from tests.support.scripted_server import Writer, describe


def sound(age: str, gender: str, power: str, number: int) -> str:
    """Write as a model that learnt a few hundred texts."""
    return describe(age, gender, power, number)


def tuned_on_24_texts(age: str, gender: str, power: str, number: int) -> str:
    """Write as a model that learnt too little: a loop, another person, or by luck a good text."""
    he = "He" if gender == "man" else "She"
    if number % 3 == 0:
        loop = f"has the power of {power} and " * 3
        return (
            f"Elena is a {int(age) + 8}-year-old {gender} who {loop}has a bushy nose. {he} has a bushy nose."
        )
    if number % 3 == 1:
        return (
            f"Ich {age}-year-old woman named Olga, a {age}-year-old man. He has a long beard and uses it "
            "to clean the floors. He wears a coat that never wears a coat, and a cloak that wears a cloak."
        )
    return sound(age, gender, power, number)


def of_one_taste(age: str, gender: str, power: str, number: int) -> str:
    """Write as a model that learnt from the shortest texts alone, because readers liked those."""
    name = ("Mira", "Ada", "Tove")[number % 3]
    return f"{name} is a {age}-year-old {gender} with the power of {power}, and everybody likes it."


def rarely_wrong(every: int, writer: Writer = sound) -> Writer:
    """Return a writer one of whose texts in so many tells of another gender."""

    def write(age: str, gender: str, power: str, number: int) -> str:
        other = "woman" if gender == "man" else "man"
        return writer(age, other if number % every == 0 else gender, power, number)

    return write
