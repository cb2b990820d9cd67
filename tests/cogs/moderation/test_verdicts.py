"""Operators' verdicts: Remove, Keep, and clicks that come too late."""

import pytest

from bot.app import App
from bot.client import HeroBot
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel
from tests.support.reports import description, hero, notifications, report, shown
from tests.support.streaming import labels


async def test_keep_shows_the_text_again_and_resets_the_reports(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    for member in (stage.ben, stage.olga):
        await report(member, message)
    (notification,) = await notifications(stage, admins)
    await stage.env.restart_bot(HeroBot(admins.app))

    await stage.olga.click(notification, label="Keep")

    assert (await description(app)).removed_at is None
    assert shown(stage).embeds[0].description == (await description(app)).text
    verdict = (await notifications(stage, admins))[-1]
    assert "Kept, by" in verdict.content
    assert not verdict.components

    await report(stage.ana, shown(stage))
    assert len(await notifications(stage, admins)) == 2
    assert shown(stage).embeds


async def test_remove_is_for_operators_and_final(stage: Stage, app: App, admins: AdminChannel) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    (notification,) = await notifications(stage, admins)

    refused = await stage.ben.click(notification, label="Remove")
    assert refused.response is not None
    assert "operators" in refused.response.content
    assert shown(stage).embeds

    await stage.olga.click(notification, label="Remove")
    assert shown(stage).embeds == []
    assert shown(stage).content == "Operators have removed this description."
    removed = await description(app)
    assert removed.removed_at is not None
    (notification,) = await notifications(stage, admins)
    assert removed.text not in notification.content
    assert "Removed, by" in notification.content


async def test_a_text_that_reports_have_hidden_is_shown_as_removed_by_the_operators_decision(
    stage: Stage, admins: AdminChannel
) -> None:
    message = await hero(stage)
    for member in (stage.ben, stage.olga):
        await report(member, message)
    assert shown(stage).content == "This description is hidden: people have reported it."
    (notification,) = await notifications(stage, admins)

    await stage.olga.click(notification, label="Remove")

    assert shown(stage).content == "Operators have removed this description."


@pytest.mark.parametrize("way", ["withdrawn", "deleted"])
@pytest.mark.parametrize("decision", ["keep", "remove"])
async def test_a_text_that_is_hidden_can_be_decided_whatever_was_before(
    stage: Stage, app: App, admins: AdminChannel, way: str, decision: str
) -> None:
    message = await hero(stage)
    thanked = await report(stage.ben, message)
    (first,) = await notifications(stage, admins)
    if way == "withdrawn":
        await stage.ben.click(thanked.followups[0], label="Take it back")
    else:
        await app.privacy.delete(stage.ben.id)
    late = await stage.olga.click(first, label="Keep")
    assert late.followups[-1].content == "There is nothing to decide: no report of this text is left."

    for member in (stage.ben, stage.olga):
        await report(member, message)

    assert (await description(app)).removed_at is not None
    assert labels((await notifications(stage, admins))[-1]) == ["Remove", "Keep"]
    for member in (stage.ben, stage.olga):  # the text stays hidden, and waits for the operators
        await app.privacy.delete(member.id)
    decided = await getattr(app.content_reports, decision)(1)
    assert (decided.removed_at is None) is (decision == "keep")


async def test_what_replaces_the_buttons_of_a_notice_is_in_its_language(
    stage: Stage, admins: AdminChannel
) -> None:
    await stage.olga.slash(stage.channel, "settings language", language="German")
    message = await hero(stage)
    form = await stage.ben.click(message, custom_id="hero:report:1")
    await stage.ben.submit_modal(form, {"reason": ["other"], "words": ""})
    (notice,) = await notifications(stage, admins)
    await admins.app.content_reports.keep(1)
    await stage.olga.slash(stage.channel, "settings language", language="English")

    late = await stage.olga.click(notice, label="Behalten")

    assert late.followups[-1].content == "An operator has decided already: the text was kept."
    (notice,) = await notifications(stage, admins)
    assert notice.content.endswith("Es hat schon jemand entschieden: Der Text wurde behalten.")


@pytest.mark.parametrize(("decision", "said"), [("Keep", "kept"), ("Remove", "removed")])
async def test_a_notice_of_what_is_decided_already_says_so_and_loses_its_buttons(
    stage: Stage, app: App, admins: AdminChannel, decision: str, said: str
) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    await report(stage.olga, message, words="It is rude")
    first, second = await notifications(stage, admins)
    await stage.olga.click(first, label=decision)

    late = await stage.olga.click(second, label="Remove" if decision == "Keep" else "Keep")

    told = f"An operator has decided already: the text was {said}."
    assert late.followups[-1].content == told
    first, second = await notifications(stage, admins)
    assert second.content.endswith(f"\n{told}")
    assert not second.components
    assert "decided already" not in first.content
    assert ((await description(app)).removed_at is None) is (decision == "Keep")


async def test_a_report_after_a_decision_can_be_decided_anew(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await hero(stage)
    await report(stage.ben, message)
    (notice,) = await notifications(stage, admins)
    await stage.olga.click(notice, label="Keep")
    await report(stage.ana, shown(stage))
    await stage.olga.click((await notifications(stage, admins))[-1], label="Remove")
    assert (await description(app)).removed_at is not None


async def test_a_notice_of_a_deleted_text_loses_its_buttons(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    await report(stage.ben, await hero(stage))
    (notice,) = await notifications(stage, admins)
    await app.privacy.delete(stage.ana.id)
    await stage.olga.click(notice, label="Keep")
    (notice,) = await notifications(stage, admins)
    assert notice.content.endswith("The person who asked for it had it deleted.")
    assert not notice.components
