"""The registry: one live model, and a history."""

import pytest

from bot.app import App
from bot.errors import UserError
from bot.store.models import Model
from tests.loops import build, finetune


async def states(app: App) -> dict[str, str]:
    return {model.name: model.state for model in await app.registry.every()}


async def two_models(app: App) -> list[Model]:
    await build(app)
    await finetune(app)
    await finetune(app)
    return await app.registry.every()


async def test_the_first_model_goes_live_and_the_next_is_a_candidate(app: App) -> None:
    await two_models(app)
    assert await states(app) == {"ft:tiny:1": "live", "ft:tiny:2": "candidate"}


async def test_promotion_retires_the_live_one(app: App) -> None:
    _, second = await two_models(app)

    await app.registry.promote(second.id)
    assert await states(app) == {"ft:tiny:1": "retired", "ft:tiny:2": "live"}

    await app.registry.promote(second.id)
    assert await states(app) == {"ft:tiny:1": "retired", "ft:tiny:2": "live"}


async def test_promoting_what_does_not_exist_changes_nothing(app: App) -> None:
    await two_models(app)
    with pytest.raises(UserError, match="no model 9"):
        await app.registry.promote(9)
    assert await states(app) == {"ft:tiny:1": "live", "ft:tiny:2": "candidate"}


async def test_a_model_entered_again_stays_as_it_is(app: App) -> None:
    first, second = await two_models(app)
    await app.registry.promote(second.id)
    again = await app.registry.register(
        name=first.name,
        base=first.base,
        dataset_id=1,
        job_id=first.job_id,
        metrics={},
        served_as=first.name,
    )
    assert again.state == "retired"
    assert again.metrics == {"loss_before": 2.5, "loss_after": 1.25}
