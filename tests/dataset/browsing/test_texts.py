"""Looking through a dataset's texts: what is remembered of the answers that it left out."""

import gc

from bot.app import App
from bot.dataset.browsing.texts import TextFilter
from bot.store.examples import StoredAnswer, Verdict
from tests.support.workflows import build


def stored_answers() -> list[StoredAnswer]:
    """Return all answers that are in memory."""
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, StoredAnswer)]


async def test_verdicts_that_were_changed_are_forgotten(app: App) -> None:
    earlier = stored_answers()  # of other tests
    await build(app)
    shown = await app.dataset_texts.page(1, TextFilter(source="example"))
    example = shown.texts[0].example_id
    assert example is not None
    await app.reviews.judge(example, "reject")
    await build(app)
    verdicts: tuple[Verdict, ...] = ("keep", "reject", "keep")
    for verdict in verdicts:
        await app.reviews.judge(example, verdict)
        left = await app.dataset_texts.page(2, TextFilter(left_out=True))
        assert [each.verdict for each in left.texts if each.example_id == example] == [verdict]
    known = {id(each) for each in earlier}
    kept = [each for each in stored_answers() if id(each) not in known and each.id == example]
    assert {each.verdict for each in kept} <= {"keep"}
