"""/privacy: shown, exported, and deleted for ever."""

import io
import json
from typing import Any

import pytest
import simcord
from sqlalchemy import select

from bot.app import App
from bot.client import HeroBot
from bot.dataset.versions.draft import Draft
from bot.errors import UserError
from bot.i18n.message import LocalizedMessage
from bot.settings import Settings
from bot.store import datasets, descriptions, notifications
from bot.store.job_schema import BuildResult
from bot.store.schema import duel, duel_vote, metadata, report
from tests.conftest import Stage
from tests.support.workflows import build, finetune, spec

POLICY = "https://example.org/privacy"


async def hero(stage: Stage, who: simcord.MemberActor, typed: str = "40 woman healing") -> int:
    """Ask for a hero. Returns the id of its message."""
    await who.slash(stage.channel, "hero", hero=typed)
    return stage.channel.history()[-1].id


async def said(stage: Stage, who: simcord.MemberActor, command: str) -> str:
    result = await who.slash(stage.channel, f"privacy {command}")
    assert result.ephemeral
    assert result.response is not None
    return result.response.content


async def exported(stage: Stage, who: simcord.MemberActor) -> dict[str, Any]:
    result = await who.slash(stage.channel, "privacy export")
    assert result.ephemeral
    assert result.response is not None
    (file,) = result.response.message.attachments
    whole: dict[str, Any] = json.load(io.BytesIO(await file.read()))
    return whole


async def delete(stage: Stage, who: simcord.MemberActor, label: str = "Delete everything") -> str:
    asked = await who.slash(stage.channel, "privacy delete")
    assert asked.response is not None
    answer = await who.click(asked.response.message, label=label)
    return str(asked.response.message.content if answer.response is None else answer.response.content)


async def everything(app: App) -> str:
    """All that the database holds, as one text to search."""
    rows: list[str] = []
    async with app.db.read() as tx:
        for table in metadata.tables.values():
            rows += map(str, await tx.execute(select(table)))
    return "\n".join(rows)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"privacy_url": POLICY})


async def test_a_stranger_is_told_that_nothing_is_held(stage: Stage) -> None:
    text = await said(stage, stage.ana, "show")

    assert "Nothing is held about you." in text
    assert f"<{POLICY}>" in text
    assert await said(stage, stage.ana, "delete") == "Nothing is held about you."


async def test_what_is_held_is_counted_and_exported_whole(stage: Stage, app: App) -> None:
    message = await hero(stage, stage.ana)
    await stage.ben.react(stage.channel.history()[-1], "👍")

    assert "- 1 description that you asked for" in await said(stage, stage.ana, "show")
    assert "- 1 thumb that you left" in await said(stage, stage.ben, "show")
    mine = await exported(stage, stage.ana)
    (description,) = mine["description"]
    assert (description["message_id"], description["power"]) == (message, "healing")
    assert description["requester"] == app.privacy._voters.of(stage.ana.id)
    assert mine["reaction"] == []
    (reaction,) = (await exported(stage, stage.ben))["reaction"]
    assert reaction["emoji"] == "👍"


async def test_keeping_it_deletes_nothing(stage: Stage, app: App) -> None:
    await hero(stage, stage.ana)
    await delete(stage, stage.ana, "Keep it")
    assert (await app.privacy.counts(stage.ana.id))["description"] == 1


async def test_after_a_deletion_nothing_leads_to_the_person(stage: Stage, app: App) -> None:
    message = await hero(stage, stage.ana, "40 woman yodelling backwards")
    await stage.ben.react(stage.channel.history()[-1], "👍")
    await hero(stage, stage.ben)
    await stage.ana.react(stage.channel.history()[-1], "👎")
    async with app.db.read() as tx:
        asked = await descriptions.get_by_message(tx, message)
    assert asked is not None
    await app.content_reports.report(asked.id, stage.ben.id)  # the operators' notice quotes it

    await delete(stage, stage.ana)

    assert set((await app.privacy.counts(stage.ana.id)).values()) == {0}
    left = await everything(app)
    for trace in (asked.requester, asked.text, "yodelling", str(message), str(stage.ana.id)):
        assert trace not in left
    assert (await app.privacy.counts(stage.ben.id))["reaction"] == 1  # others' own stay
    assert (await exported(stage, stage.ben))["description"][0]["power"] == "healing"


async def test_the_buttons_outlive_a_restart_and_are_about_whoever_clicks(stage: Stage, app: App) -> None:
    await hero(stage, stage.ana)
    await hero(stage, stage.ben)
    asked = await stage.ana.slash(stage.channel, "privacy delete")
    assert asked.response is not None
    await stage.env.restart_bot(HeroBot(app))

    await stage.ana.click(asked.response.message, label="Delete everything")

    assert (await app.privacy.counts(stage.ana.id))["description"] == 0
    assert (await app.privacy.counts(stage.ben.id))["description"] == 1


async def test_picks_and_reports_go_and_a_running_trials_counts_go_down(stage: Stage, app: App) -> None:
    await build(app)
    await finetune(app)
    await finetune(app)
    await stage.ben.slash(stage.channel, "duel", hero="40 woman healing")
    shown = stage.channel.history()[-1]
    for who in (stage.ana, stage.olga):
        await who.click(shown, label="A")
    await app.content_reports.report(1, stage.ana.id)
    assert "- 1 pick of yours in a duel" in await said(stage, stage.ana, "show")
    assert "- 1 report of a description" in await said(stage, stage.ana, "show")

    await app.privacy.delete(stage.ana.id)
    async with app.db.read() as tx:
        left = [row.voter for row in await tx.execute(select(duel_vote))]
        assert left == [app.privacy._voters.of(stage.olga.id)]
        assert (await tx.execute(select(report))).all() == []
        assert (await tx.execute(select(duel.c.message_id))).scalar_one() == shown.id

    await app.privacy.delete(stage.ben.id)  # who had asked: the duel can be voted on no more
    async with app.db.read() as tx:
        assert (await tx.execute(select(duel.c.message_id))).scalar_one() is None
    await stage.olga.click(shown, label="B")
    async with app.db.read() as tx:
        assert [row.voter for row in await tx.execute(select(duel_vote))] == left


async def test_operators_ids_go_and_what_they_did_stays(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    await stage.olga.slash(stage.channel, "privacy show")
    assert (await app.privacy.counts(stage.olga.id))["job"] == 1
    async with app.db.write() as tx:
        await notifications.add(
            tx, "k", LocalizedMessage("A model is gone."), at=1.0, mention_id=stage.olga.id
        )

    await delete(stage, stage.olga)

    assert str(stage.olga.id) not in await everything(app)
    assert (await app.jobs.recent())[0].kind == "build"


async def liked(stage: Stage, app: App) -> None:
    """A description of ana's that two others like, in a dataset of its own."""
    await hero(stage, stage.ana)
    for who in (stage.ben, stage.olga):
        await who.react(stage.channel.history()[-1], "👍")
    await build(app)


async def test_a_text_in_a_dataset_leaves_a_tombstone_and_nothing_is_trained_on_it(
    stage: Stage, app: App
) -> None:
    await liked(stage, app)
    async with app.db.read() as tx:
        before = await datasets.get(tx, 1)
        texts = await datasets.list_items(tx, 1)
    assert before is not None
    assert [item.source for item in texts].count("description") == 1

    told = await delete(stage, stage.ana)

    async with app.db.read() as tx:
        after = await datasets.get(tx, 1)
        left = await datasets.list_items(tx, 1)
    assert after is not None
    assert after.rebuild
    assert len(left) == len(texts) - 1
    assert after.counts["description"] == 0
    assert after.recipe["frozen_as"] == before.content_hash != after.content_hash
    assert "v1" in told
    with pytest.raises(UserError, match="A text of dataset v1 was deleted"):
        await app.finetunes.plan(dataset=1)


async def test_a_rebuilt_dataset_is_a_new_one_and_trains(stage: Stage, app: App) -> None:
    await liked(stage, app)
    await app.privacy.delete(stage.ana.id)

    job = await build(app)

    assert isinstance(job.result, BuildResult)
    assert (job.result.dataset, job.result.new) == (2, True)
    assert (await finetune(app)).state == "succeeded"
    assert (await app.registry.record(1)).model.dataset_id == 2


async def test_a_trained_models_record_keeps_the_hash_it_learnt_from(stage: Stage, app: App) -> None:
    await liked(stage, app)
    await finetune(app)
    before = (await app.registry.record(1)).dataset_hash

    await app.privacy.delete(stage.ana.id)

    assert (await app.registry.record(1)).dataset_hash == before


async def test_a_training_that_waited_is_not_begun_after_a_deletion(stage: Stage, app: App) -> None:
    await liked(stage, app)
    job, _ = await app.finetunes.submit(epochs=1)
    await app.privacy.delete(stage.ana.id)

    await app.worker.run_next()

    ended = await app.jobs.get(job.id)
    assert ended.state == "failed"
    assert "was deleted" in str(ended.error)


async def test_votes_of_others_still_count_for_the_model(stage: Stage, app: App) -> None:
    await liked(stage, app)
    await app.privacy.delete(stage.ana.id)
    assert sum(tally.ups for tally in (await app.votes.by_model()).values()) == 2


@pytest.mark.parametrize("how", ["deleted", "removed"])
async def test_what_goes_while_a_draft_is_written_is_not_frozen(stage: Stage, app: App, how: str) -> None:
    await liked(stage, app)
    wanted = spec(app, limit=14)
    with Draft() as draft:
        admitted = await app.dataset_statuses.admission.admit()
        await app.builds.freezer.fill(draft, app.selector.examples_by_hero(wanted), admitted)
        if how == "deleted":
            await app.privacy.delete(stage.ana.id)
        else:
            await app.content_reports.remove(1)
        frozen = await app.builds.freezer.freeze(draft, {})
    async with app.db.read() as tx:
        found = await datasets.get(tx, frozen.dataset.id)
        sources = {item.source for item in await datasets.list_items(tx, frozen.dataset.id)}
    assert found is not None
    assert found.rebuild
    assert sources == {"example"}
