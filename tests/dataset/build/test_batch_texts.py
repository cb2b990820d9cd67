"""The texts that a batch's answers make: a small model's answers continue an opening."""

from dataclasses import replace

import pytest

from bot.app import App
from bot.dataset.build.batch_texts import BatchTexts
from bot.store import examples
from bot.store.examples import Request
from bot.store.job_schema import BuildSpec


@pytest.fixture
def spec(app: App) -> BuildSpec:
    return app.planner.spec(repeats=2, limit=20, batch=True)


def questions(app: App, spec: BuildSpec) -> list[tuple[Request, str, str]]:
    """Return requests with the opening and the ending of each."""
    asked = [app.planner.question(spec, slot, attempt=1) for slot in app.planner.slots(spec)]
    return [(request, chat.opening, chat.ending) for request, chat in asked]


async def render(app: App, spec: BuildSpec, noted: list[Request], answers: dict[str, str]) -> dict[str, str]:
    async with app.db.write() as tx:
        await examples.add_requests(tx, noted)
        return await BatchTexts(app.planner).render(tx, spec, answers)


async def test_an_empty_answer_makes_no_text(app: App, spec: BuildSpec) -> None:
    asked = [request for request, _, _ in questions(app, spec)]
    texts = await render(app, spec, asked, {each.key: "" for each in asked})
    assert texts == {request.key: "" for request in asked}


@pytest.mark.parametrize(
    ("answer", "rest", "ended"),
    [
        (" lift a tram.", " lift a tram.", True),
        (" lift a tram. Then he", " lift a tram.", True),
        (" lift a tram! And more. And", " lift a tram!", True),
        (" lift a 3.5 ton tram. And", " lift a 3.5 ton tram.", True),
        (" lift a tr", " lift a tr", False),
    ],
)
async def test_an_opening_stands_before_the_answer(
    app: App, spec: BuildSpec, answer: str, rest: str, ended: bool
) -> None:
    asked = questions(app, spec)
    texts = await render(app, spec, [each[0] for each in asked], {each[0].key: answer for each in asked})
    assert texts == {
        request.key: f"{opening}{rest} {ending}" if ended else opening + rest
        for request, opening, ending in asked
    }


async def test_an_answer_to_another_prompt_is_kept_only_if_it_is_whole(app: App, spec: BuildSpec) -> None:
    """Since the batch was sent, heroes.toml was changed: the opening cannot be drawn again."""
    old = replace(questions(app, spec)[0][0], template_version=99)
    for small, expected in ((True, {}), (False, {old.key: "He lifts a tram."})):
        changed = spec.model_copy(update={"small": small})
        assert await render(app, changed, [old], {old.key: " He lifts a tram. "}) == expected


async def test_an_answer_to_no_request_is_left_out(app: App, spec: BuildSpec) -> None:
    assert await render(app, spec, [], {"nobody": " lift a tram."}) == {}
