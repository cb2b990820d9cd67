"""Specs and results of jobs: rows that version 0.1 wrote parse, and their texts are the same."""

from typing import Any

import pytest
from sqlalchemy import select

from bot.app import App
from bot.i18n.message import ENGLISH, LocalizedMessage
from bot.presentation.jobs import progress_text, result_text
from bot.store import jobs, notifications
from bot.store.job_schema import BuildResult, BuildSpec, FinetuneResult, FinetuneSpec, Kind
from bot.store.jobs import Job
from bot.store.notifications import NotificationAction
from bot.store.schema import job, notice

BUILD_SPEC = {"repeats": 2, "limit": None, "model": "tiny", "small": True, "budget": None, "batch": False}
FINETUNE_SPEC = {"dataset": 2, "base": "tiny", "epochs": None, "method": "dpo", "tokens": 9000}
BUILD = {
    "dataset": 2,
    "new": True,
    "counts": {"train": 14, "valid": 2, "example": 15, "description": 1},
    "asked": 18,
    "calls": 19,
    "cached": 4,
    "lost": 1,
    "given_up": 1,
    "rejected": {"too short": 2},
    "dropped": {"much like another": 1},
    "changes": {"since": 1, "added": {"description": 1}, "gone": {"example": 2}},
    "votes": {
        "liked": 1,
        "voted_down": 2,
        "unfit": {"too short": 1},
        "not_counted": [
            {
                "say": "{number} vote of a young account",
                "many": "{number} votes of young accounts",
                "fields": {"number": 3},
            }
        ],
    },
    "cost": 0.25,
    "files": ["reports/3/examples.md"],
}
BARE = {
    **BUILD,
    "new": False,
    "changes": None,
    "lost": 0,
    "votes": {"liked": 0, "voted_down": 0, "unfit": {}, "not_counted": ["2 votes of bots"]},
}
LIVE = {
    "model": 1,
    "name": "ft:tiny:1",
    "state": "live",
    "dataset": 2,
    "trained_tokens": 10000,
    "seconds": 61.5,
    "deploy": None,
    "loss_before": 2.5,
    "loss_after": 1.75,
    "heroes": [
        {
            "hero": "a 40 year old woman",
            "sides": [
                {"by": {"say": "base"}, "text": "She heals."},
                {
                    "by": {"say": "new and live: model {number}", "fields": {"number": 1}},
                    "text": {
                        "say": "(no text: {why})",
                        "fields": {"why": {"say": "the model server refused"}},
                    },
                },
            ],
        }
    ],
    "files": ["reports/4/loss.png", "reports/4/heroes.md"],
}
TO_DEPLOY = {
    **{key: value for key, value in LIVE.items() if key != "loss_before"},
    "state": "candidate",
    "deploy": "Deploy it by hand",
    "heroes": [{"hero": "a hero", "sides": [{"by": "base", "text": "It flies."}]}],
}
UNSHOWN = {
    "model": 2,
    "name": "ft:tiny:2",
    "state": "candidate",
    "dataset": 2,
    "trained_tokens": 10000,
    "seconds": 61.5,
    "deploy": None,
}

BUILD_TEXT = """\
Dataset v2 is ready: 14 texts to learn from, 2 kept aside to test the model.
15 texts written here by the model, 1 text that people liked.
18 answers written, 4 taken over from earlier builds, $0.2500 paid.
It took 19 calls to the model, because some failed at first.
Written again because they did not fit their hero: 2 too short.
1 example is missing: no answer for it was good enough.
Left out of the dataset: 1 much like another.
Descriptions with votes: 1 liked well enough to be taken in, 2 voted down; \
liked, but not fit to learn from: 1 too short.
Votes not counted: 3 votes of young accounts.
Added since v1: 1 text that people liked. Gone: 2 texts written here by the model.
1 call was still open when the build was interrupted. It was made again, and may have been paid for twice.
These are few: a model learns little from fewer than a few hundred texts.
Next, for operators: `/finetune` trains a model on it. To read the texts first: `/dataset review`."""
BARE_TEXT = """\
Nothing new, so dataset v2 stays as it was: \
14 texts to learn from, 2 kept aside to test the model.
15 texts written here by the model, 1 text that people liked.
18 answers written, 4 taken over from earlier builds, $0.2500 paid.
It took 19 calls to the model, because some failed at first.
Written again because they did not fit their hero: 2 too short.
1 example is missing: no answer for it was good enough.
Left out of the dataset: 1 much like another.
Votes not counted: 2 votes of bots.
These are few: a model learns little from fewer than a few hundred texts."""
LIVE_TEXT = """\
Model 1 is trained and live: it answers `/hero` from now on. \
Loss on the texts kept aside (how badly it guesses them; less is better): 2.500 → 1.750.
Try it: `/hero 40 woman healing`."""
TO_DEPLOY_TEXT = """\
Model 1 is trained. Loss on the texts kept aside (how badly it guesses them; less is better): 1.750.
Next: Deploy it by hand."""
UNSHOWN_TEXT = """\
Model 2 is trained, and a candidate: it takes over if votes prove it better.
Next, people decide: `/duel`, and now and then `/hero`, show one text by each of the two models, \
and people say which is better.
To make it live now: `/models promote model:2`. To read texts of both: `/models compare a:2`."""


async def stored(app: App, kind: Kind, spec: Any, result: Any, **columns: Any) -> Job:
    """Write a row's JSON as it is, and read the job."""
    values = {
        "kind": kind,
        "spec": spec,
        "result": result,
        "state": "succeeded",
        "created_at": 1.0,
        **columns,
    }
    async with app.db.write() as tx:
        added = (await tx.execute(job.insert().values(values).returning(job.c.id))).scalar_one()
    return await app.jobs.get(added)


@pytest.mark.parametrize(
    ("kind", "result", "text"),
    [
        ("build", BUILD, BUILD_TEXT),
        ("build", BARE, BARE_TEXT),
        ("finetune", LIVE, LIVE_TEXT),
        ("finetune", TO_DEPLOY, TO_DEPLOY_TEXT),
        ("finetune", UNSHOWN, UNSHOWN_TEXT),
    ],
)
async def test_results_of_version_0_1_are_told(
    app: App, kind: Kind, result: dict[str, Any], text: str
) -> None:
    done = await stored(app, kind, BUILD_SPEC if kind == "build" else FINETUNE_SPEC, result)
    assert result_text(ENGLISH, done) == text
    assert progress_text(ENGLISH, done).endswith("Done.")


@pytest.mark.parametrize("result", [BUILD, LIVE, UNSHOWN])
async def test_a_result_is_written_as_it_was_read(app: App, result: dict[str, Any]) -> None:
    done = await stored(app, "build" if result is BUILD else "finetune", {}, result)
    assert done.result is not None
    assert done.result.to_json() == result


async def test_specs_of_version_0_1_parse(app: App) -> None:
    build = await stored(app, "build", BUILD_SPEC, None)
    assert build.spec == BuildSpec(repeats=2, model="tiny", small=True)
    assert build.spec.to_json() == BUILD_SPEC
    finetune = await stored(app, "finetune", FINETUNE_SPEC, None)
    assert finetune.spec == FinetuneSpec(dataset=2, base="tiny", method="dpo", tokens=9000)
    assert finetune.spec.to_json() == FINETUNE_SPEC


async def test_unknown_keys_are_ignored_and_missing_ones_have_defaults(app: App) -> None:
    old = await stored(
        app, "finetune", {"dataset": 2, "base": "tiny", "epochs": 1, "colour": "red"}, {"size": 3}
    )
    assert old.spec == FinetuneSpec(dataset=2, base="tiny", epochs=1)
    assert old.result == FinetuneResult()
    assert (await stored(app, "build", {}, {})).result_as(BuildResult).files == []


async def test_heroes_keep_texts_and_messages_apart(app: App) -> None:
    (comparison,) = (await stored(app, "finetune", {}, LIVE)).result_as(FinetuneResult).heroes
    assert [str(side.by) for side in comparison.sides] == ["base", "new and live: model 1"]
    assert comparison.sides[0].text == "She heals."
    assert str(comparison.sides[1].text) == "(no text: the model server refused)"
    (old,) = (await stored(app, "finetune", {}, TO_DEPLOY)).result_as(FinetuneResult).heroes
    assert old.sides[0].by == LocalizedMessage("base")


async def test_a_job_of_another_kind_or_without_a_result_is_refused(app: App) -> None:
    failed = await stored(app, "build", {}, None, state="failed", error=LocalizedMessage("no credit"))
    with pytest.raises(TypeError, match="job 1 is a build"):
        failed.spec_as(FinetuneSpec)
    with pytest.raises(TypeError, match="failed: no credit"):
        failed.result_as(BuildResult)


async def test_a_job_is_stored_under_the_keys_of_version_0_1(app: App) -> None:
    planned = await app.jobs.plan(app.planner.spec(repeats=2))
    async with app.db.read() as tx:
        row = (await tx.execute(select(job).where(job.c.id == planned.id))).one()
        assert await jobs.get(tx, planned.id) == planned
    assert row.kind == "build"
    assert row.spec == {**BUILD_SPEC, "model": app.settings.author_model, "server": "engine"}


@pytest.mark.parametrize(
    ("text", "action"),
    [("promote:3", NotificationAction("promote", 3)), ("removal:7", NotificationAction("removal", 7))],
)
async def test_actions_of_notifications_are_stored_as_before(
    app: App, text: str, action: NotificationAction
) -> None:
    async with app.db.write() as tx:
        await notifications.add(tx, "key", LocalizedMessage("Decide."), at=1.0, action=action)
        assert (await tx.execute(select(notice.c.action))).scalar_one() == text
        assert [each.action for each in await notifications.list_pending(tx)] == [action]


async def test_a_row_that_does_not_fit_takes_defaults_and_breaks_no_list(app: App) -> None:
    """Some development versions stored trained_tokens as null; a damaged row must not stop the others."""
    whole = await stored(app, "finetune", {"dataset": 1}, {"model": 2, "trained_tokens": 5})
    null = await stored(app, "finetune", {"dataset": None}, {"model": 3, "trained_tokens": None})
    odd = await stored(app, "build", ["no", "object"], {"dataset": "seven", "files": ["a.png"]})
    assert [each.id for each in await app.jobs.recent()] == [odd.id, null.id, whole.id]
    assert null.spec_as(FinetuneSpec).dataset == 0
    assert (null.result_as(FinetuneResult).model, null.result_as(FinetuneResult).trained_tokens) == (3, 0)
    assert (odd.spec_as(BuildSpec), odd.result_as(BuildResult).files) == (BuildSpec(), ["a.png"])


async def test_a_job_that_does_not_fit_fails_alone(app: App) -> None:
    """The worker goes on: the next job is claimed."""
    odd = await stored(app, "finetune", {"dataset": "seven"}, None, state="queued")
    while await app.worker.run_next():
        pass
    ended = await app.jobs.get(odd.id)
    assert ended.state == "failed"
    assert str(ended.error).startswith("There is no dataset v0")


def test_an_unknown_action_of_a_notification_means_no_button() -> None:
    assert NotificationAction.parse("promote:3") == NotificationAction("promote", 3)
    assert [NotificationAction.parse(text) for text in ("", "promote", "promote:x", "later:3")] == [None] * 4
