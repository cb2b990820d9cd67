"""What the message of a description shows, and what it is called, whatever its kind."""

from bot.app import App
from bot.i18n.message import Translator
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.hero.embeds import hero_content
from cogs.hero.scene_embeds import scene_content, team_content
from cogs.hero.take_embeds import take_content


async def shown_content(app: App, description: Description, t: Translator) -> MessageContent:
    """Return a description with its buttons, or a notice without buttons if it is hidden."""
    if description.removed_at is None and description.kind == "team":
        return team_content(description, await app.teams.heroes_of(description), app.heroes.vocabulary, t)
    if description.removed_at is None and description.kind == "scene":
        number, trains = await app.stories.number(description), app.trainable_scenes.enabled
        return scene_content(description, number, app.heroes.vocabulary, t, trains=trains)
    vocabulary = await app.powers.vocabulary_of(description.hero)
    needed = app.admission.thresholds.fewest_ups
    content = hero_content(description, vocabulary, app.heroes.curation, t, needed=needed)
    shown = await app.takes.shown(description)
    return take_content(content, shown, t) if shown and content.embeds else content


async def shown_title(app: App, description: Description, t: Translator) -> str:
    """Return what a description is called: its hero, or the powers of its team."""
    vocabulary = await app.powers.vocabulary()
    if description.kind == "team":
        return vocabulary.team_title(await app.teams.heroes_of(description), t)
    return vocabulary.title(description.hero, t).capitalize()
