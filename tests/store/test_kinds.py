"""Teams and scenes train nothing, and only teams are in /top: other queries take what tells of one hero."""

from bot.app import App
from bot.dataset.versions.admission import OF_SCENE, OF_TEAM
from bot.llm.stream import Stream
from bot.store import descriptions, milestones, powers
from bot.store.descriptions import Description
from tests.cogs.info.test_leaderboard import top
from tests.conftest import HOME, Stage


async def liked(app: App, stored: Description) -> int:
    """Have three people like a text, and return its id."""
    for number in range(3):
        await app.votes.simulate(stored.id, f"voter {number}", "👍")
    return stored.id


async def test_only_heroes_and_takes_are_taken(stage: Stage, app: App) -> None:
    hero = await app.describer.describe(app.hero_parser.parse("40 woman healing"), requester=1, guild_id=HOME)
    written = await app.describer.generate(app.hero_parser.parse("40 woman healing"), Stream())
    async with app.db.write() as tx:
        take = await app.describer.keep(
            tx, hero.hero, written, requester=1, guild_id=HOME, kind="take", parent_id=hero.id
        )
    known = await app.teams.describe(
        app.teams.heroes_for("40 woman healing, ice"), requester=1, guild_id=HOME
    )
    other = await app.teams.describe(app.teams.heroes_for("ice, juggling"), requester=1, guild_id=HOME)
    async with app.stories.going_on(hero.id) as told:
        scene = await app.stories.tell(told, requester=1, guild_id=HOME)
    all_ids = [await liked(app, each) for each in (hero, take, known, other, scene)]
    one_hero = all_ids[:2]

    snapshot = await app.scores.snapshot()  # of which ranker, statuses and browsing make theirs
    assert [tally.description_id for tally in snapshot.descriptions] == one_hero
    admitted = await app.admission.admit()  # of which datasets, pairs and judged texts are made
    found = {judged.description.id for each in admitted.liked.values() for judged in each}
    assert found == set(one_hero)
    assert {each.description.id for each in await app.admission.best(9)} == set(one_hero)
    judged = await app.admission.judge(all_ids)
    assert [bool(each.rejection_reason) for each in judged] == [False, False, True, True, True]
    effects = [await app.admission.effect(each.id, 5) for each in (known, scene)]
    assert [effect and effect.rejection_reason for effect in effects] == [OF_TEAM, OF_SCENE]
    async with app.db.write() as tx:
        await tx.exec_driver_sql("UPDATE description SET tuned = TRUE, message_id = id")
    async with app.db.read() as tx:
        assert {each.id for each in await milestones.list_shown(tx)} == set(one_hero)
        assert await descriptions.count_by_power(tx) == {"healing": 2}
        (requested,) = await powers.list_requested(tx)
        assert (requested.power, requested.descriptions) == ("healing", 2)
        counted = await descriptions.count_since(tx, 0.0)
        assert counted[HOME] == 2 + 2 * 3 + 1
    assert (await app.votes.by_model())[hero.model].ups == 3 * len(one_hero)

    _, here = await top(stage)
    titles = {line.split(". ")[1].split("**")[0] for line in here.split("\n") if line.startswith("**")}
    assert titles == {
        "40-year-old woman, healing",
        app.heroes.vocabulary.team_title(await app.teams.heroes_of(known)),
        app.heroes.vocabulary.team_title(await app.teams.heroes_of(other)),
    }
    _, everywhere = await top(stage, everywhere=True)
    assert "juggling" in here
    assert "Team: healing, ice" in everywhere
    assert "juggling" not in everywhere
