"""/privacy: show, export and delete personal data."""

import io
import json
from typing import Any

import pytest
import simcord
from sqlalchemy import select

from bot.app import App
from bot.client import HeroBot
from bot.community.accounts import Pseudonyms, load_pseudonyms
from bot.dataset.versions.draft import Draft
from bot.errors import UserError
from bot.i18n.message import ENGLISH, LocalizedMessage
from bot.settings import Settings
from bot.store import datasets, descriptions, notifications, personal_data
from bot.store.job_schema import BuildResult
from bot.store.personal_data import IDS, PSEUDONYMS
from bot.store.schema import duel, duel_vote, metadata, model_event, report
from cogs.info.privacy import counts_text
from tests.conftest import Stage
from tests.support.workflows import build, build_spec, finetune

POLICY = "https://example.org/privacy"


async def hero(stage: Stage, who: simcord.MemberActor, typed: str = "40 woman healing") -> int:
    """Ask for a hero and return the id of its message."""
    await who.slash(stage.channel, "hero", hero=typed)
    return stage.channel.history()[-1].id


async def answer(stage: Stage, who: simcord.MemberActor, command: str) -> str:
    result = await who.slash(stage.channel, f"privacy {command}")
    assert result.ephemeral
    assert result.response is not None
    return result.response.content


async def export(stage: Stage, who: simcord.MemberActor) -> dict[str, Any]:
    result = await who.slash(stage.channel, "privacy export")
    assert result.ephemeral
    assert result.response is not None
    (file,) = result.response.message.attachments
    data: dict[str, Any] = json.load(io.BytesIO(await file.read()))
    return data


def pseudonyms(settings: Settings) -> Pseudonyms:
    return load_pseudonyms(settings.data_dir / "voters.key")


async def delete(stage: Stage, who: simcord.MemberActor, label: str = "Delete everything") -> str:
    question = await who.slash(stage.channel, "privacy delete")
    assert question.response is not None
    click = await who.click(question.response.message, label=label)
    return str(question.response.message.content if click.response is None else click.response.content)


async def database_text(app: App) -> str:
    """Return all rows of the database as one text to search."""
    rows: list[str] = []
    async with app.db.read() as tx:
        for table in metadata.tables.values():
            rows += map(str, await tx.execute(select(table)))
    return "\n".join(rows)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"privacy_url": POLICY})


async def test_nothing_is_stored_about_a_stranger(stage: Stage) -> None:
    text = await answer(stage, stage.ana, "show")

    assert "Nothing is stored about you." in text
    assert f"<{POLICY}>" in text
    assert await answer(stage, stage.ana, "delete") == "Nothing is stored about you."


async def test_stored_data_is_counted_and_exported(stage: Stage, settings: Settings) -> None:
    message = await hero(stage, stage.ana)
    await stage.ben.react(stage.channel.history()[-1], "👍")

    assert "- 1 description that you asked for" in await answer(stage, stage.ana, "show")
    assert "- 1 thumb that you left" in await answer(stage, stage.ben, "show")
    mine = await export(stage, stage.ana)
    (description,) = mine["description"]
    assert (description["message_id"], description["power"]) == (message, "healing")
    assert description["requester"] == pseudonyms(settings).of(stage.ana.id)
    assert mine["reaction"] == []
    (reaction,) = (await export(stage, stage.ben))["reaction"]
    assert reaction["emoji"] == "👍"


async def test_keep_deletes_nothing(stage: Stage, app: App) -> None:
    await hero(stage, stage.ana)
    await delete(stage, stage.ana, "Keep it")
    assert (await app.privacy.counts(stage.ana.id))["description"] == 1


async def test_deletion_leaves_no_trace_of_the_person(stage: Stage, app: App) -> None:
    message = await hero(stage, stage.ana, "40 woman yodelling backwards")
    await stage.ben.react(stage.channel.history()[-1], "👍")
    await hero(stage, stage.ben)
    await stage.ana.react(stage.channel.history()[-1], "👎")
    async with app.db.read() as tx:
        description = await descriptions.get_by_message(tx, message)
    assert description is not None
    await app.content_reports.report(description.id, stage.ben.id)  # the notification to operators quotes it

    await delete(stage, stage.ana)

    assert set((await app.privacy.counts(stage.ana.id)).values()) == {0}
    content = await database_text(app)
    for trace in (description.requester, description.text, "yodelling", str(message), str(stage.ana.id)):
        assert trace not in content
    assert (await app.privacy.counts(stage.ben.id))["reaction"] == 1  # others' own stay
    assert (await export(stage, stage.ben))["description"][0]["power"] == "healing"


async def test_buttons_outlive_a_restart_and_apply_to_the_person_who_clicks(stage: Stage, app: App) -> None:
    await hero(stage, stage.ana)
    await hero(stage, stage.ben)
    question = await stage.ana.slash(stage.channel, "privacy delete")
    assert question.response is not None
    await stage.env.restart_bot(HeroBot(app))

    await stage.ana.click(question.response.message, label="Delete everything")

    assert (await app.privacy.counts(stage.ana.id))["description"] == 0
    assert (await app.privacy.counts(stage.ben.id))["description"] == 1


async def test_duel_votes_and_reports_are_deleted_and_no_longer_count(
    stage: Stage, app: App, settings: Settings
) -> None:
    await build(app)
    await finetune(app)
    await finetune(app)
    await stage.ben.slash(stage.channel, "duel", hero="40 woman healing")
    shown = stage.channel.history()[-1]
    for who in (stage.ana, stage.olga):
        await who.click(shown, label="A")
    await app.content_reports.report(1, stage.ana.id)
    assert "- 1 vote of yours in a duel" in await answer(stage, stage.ana, "show")
    assert "- 1 report of a description" in await answer(stage, stage.ana, "show")

    await app.privacy.delete(stage.ana.id)
    async with app.db.read() as tx:
        voters = [row.voter for row in await tx.execute(select(duel_vote))]
        assert voters == [pseudonyms(settings).of(stage.olga.id)]
        assert (await tx.execute(select(report))).all() == []
        assert (await tx.execute(select(duel.c.message_id))).scalar_one() == shown.id

    await app.privacy.delete(stage.ben.id)  # the requester: nobody can vote on the duel any more
    async with app.db.read() as tx:
        assert (await tx.execute(select(duel.c.message_id))).scalar_one() is None
    await stage.olga.click(shown, label="B")
    async with app.db.read() as tx:
        assert [row.voter for row in await tx.execute(select(duel_vote))] == voters


async def test_operators_ids_are_deleted_and_their_actions_stay(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    await stage.olga.slash(stage.channel, "privacy show")
    assert (await app.privacy.counts(stage.olga.id))["job"] == 1
    async with app.db.write() as tx:
        await notifications.add(
            tx, "k", LocalizedMessage("A model is gone."), at=1.0, mention_id=stage.olga.id
        )

    await delete(stage, stage.olga)

    assert str(stage.olga.id) not in await database_text(app)
    assert (await app.jobs.recent())[0].kind == "build"


async def liked_description(stage: Stage, app: App) -> None:
    """Build a dataset with a description that Ana asked for and two others like."""
    await hero(stage, stage.ana)
    for who in (stage.ben, stage.olga):
        await who.react(stage.channel.history()[-1], "👍")
    await build(app)


async def test_deletion_redacts_datasets_which_no_longer_train(stage: Stage, app: App) -> None:
    await liked_description(stage, app)
    async with app.db.read() as tx:
        before = await datasets.get(tx, 1)
        texts = await datasets.list_items(tx, 1)
    assert before is not None
    assert [item.source for item in texts].count("description") == 1

    answer_text = await delete(stage, stage.ana)

    async with app.db.read() as tx:
        after = await datasets.get(tx, 1)
        remaining = await datasets.list_items(tx, 1)
    assert after is not None
    assert after.rebuild
    assert len(remaining) == len(texts) - 1
    assert after.counts["description"] == 0
    assert after.recipe["frozen_as"] == before.content_hash != after.content_hash
    assert "v1" in answer_text
    with pytest.raises(UserError, match="A text of dataset v1 was deleted"):
        await app.finetunes.plan(dataset=1)


async def test_rebuilt_dataset_is_a_new_version_and_trains(stage: Stage, app: App) -> None:
    await liked_description(stage, app)
    await app.privacy.delete(stage.ana.id)

    job = await build(app)

    assert isinstance(job.result, BuildResult)
    assert (job.result.dataset, job.result.new) == (2, True)
    assert (await finetune(app)).state == "succeeded"
    assert (await app.registry.record(1)).model.dataset_id == 2


async def test_models_record_keeps_the_hash_of_its_dataset(stage: Stage, app: App) -> None:
    await liked_description(stage, app)
    await finetune(app)
    before = (await app.registry.record(1)).dataset_hash

    await app.privacy.delete(stage.ana.id)

    assert (await app.registry.record(1)).dataset_hash == before


async def test_waiting_training_does_not_start_after_a_deletion(stage: Stage, app: App) -> None:
    await liked_description(stage, app)
    job, _ = await app.finetunes.submit(epochs=1)
    await app.privacy.delete(stage.ana.id)

    await app.worker.run_next()

    ended = await app.jobs.get(job.id)
    assert ended.state == "failed"
    assert "was deleted" in str(ended.error)


async def test_votes_of_others_still_count_for_the_model(stage: Stage, app: App) -> None:
    await liked_description(stage, app)
    await app.privacy.delete(stage.ana.id)
    assert sum(tally.ups for tally in (await app.votes.by_model()).values()) == 2


@pytest.mark.parametrize("how", ["deleted", "removed"])
async def test_texts_deleted_during_a_draft_are_not_frozen(stage: Stage, app: App, how: str) -> None:
    await liked_description(stage, app)
    wanted = build_spec(app, limit=14)
    with Draft() as draft:
        admitted = await app.admission.admit()
        await app.builds.freezer.fill(draft, app.selector.examples_by_hero(wanted), admitted)
        if how == "deleted":
            await app.privacy.delete(stage.ana.id)
        else:
            await app.content_reports.report(1, stage.ben.id)
            await app.content_reports.remove(1)
        frozen = await app.builds.freezer.freeze(draft, {})
    async with app.db.read() as tx:
        found = await datasets.get(tx, frozen.dataset.id)
        sources = {item.source for item in await datasets.list_items(tx, frozen.dataset.id)}
    assert found is not None
    assert found.rebuild
    assert sources == {"example"}


def test_every_personal_table_is_shown_and_has_a_sentence_of_its_own() -> None:
    counts = {column.table.name: 2 for column in (*PSEUDONYMS, *IDS)}
    lines = counts_text(ENGLISH, counts).splitlines()[1:]
    assert len(lines) == len(counts)
    assert [line for line in lines if "of the table" in line] == [], "add a sentence to counts_text"
    assert "- 2 rows of the table `new_table`" in counts_text(ENGLISH, counts | {"new_table": 2})


async def test_a_row_that_names_a_person_in_any_of_two_columns_is_theirs(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    await build(app)
    await finetune(app)
    async with app.db.write() as tx:
        await tx.execute(model_event.update().values(actor_id=None))
    assert (await app.privacy.counts(1))["model_event"] == 0
    monkeypatch.setattr(personal_data, "IDS", (model_event.c.model_id, model_event.c.actor_id))
    assert (await app.privacy.counts(1))["model_event"] == len(
        json.loads(await app.privacy.export(1))["model_event"]
    )
    assert (await app.privacy.counts(1))["model_event"] > 0


async def test_an_export_does_not_say_who_blocked_or_was_blocked(stage: Stage, app: App) -> None:
    ben = app.people.of_user(stage.ben.id)
    await app.people.block(ben, actor_id=stage.olga.id)
    await app.people.reset_quota(ben, stage.olga.id)
    of_ben, of_olga = await export(stage, stage.ben), await export(stage, stage.olga)
    for table in ("blocked_person", "quota_reset"):
        assert [set(row) for row in of_ben[table]] == [{"person", "at"}]
        assert [set(row) for row in of_olga[table]] == [{"actor_id", "at"}]
