"""Pages of a list of heroes, and the buttons to the next ones."""

from typing import Any

import discord

from bot import palette
from bot.client import Interaction
from bot.community.hero_lists import PAGE, ListKind, ListPage, ListRequest
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.store.descriptions import Description
from bot.store.hero_lists import ListedHero
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.markdown import escape_markdown, quote
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer

_MAX_LENGTH = 480  # characters of an escaped text: five of them fit into an embed with their titles
_MAX_TITLE = 150
_MAX_OPTION = 100  # characters in a menu, by Discord's limit
_ANY = "any"
STATE = r"(?P<page>[0-9]{1,6}):(?P<model>any|[0-9]{1,9}):(?P<power>any|p[0-9a-f]{10})"

_KINDS = {
    "take": mark("another take"),
    "scene": mark("a scene that goes on from a hero"),
    "team": mark("a team"),
}
_TITLES: dict[ListKind, str] = {
    "mine": mark("Heroes that you asked for"),
    "of": mark("Heroes that this member asked for here"),
    "kept": mark("Heroes that you keep"),
}
_EMPTY: dict[ListKind, str] = {
    "mine": mark("You have asked for no hero yet. `{/hero hero:{example}}` describes one."),
    "of": mark("This member has asked for no hero in this server yet."),
    "kept": mark("You keep no hero yet. 🔖 under a hero keeps it here."),
}


class HeroListButton(
    PersistentButton,
    template=rf"heroes:(?P<kind>mine|of|kept):(?P<member_id>[0-9]{{1,20}}):{STATE}",
):
    """Shows another page of a list. member_id: whose it is, 0 if it is that of the person who clicks."""

    def __init__(
        self,
        kind: ListKind,
        member_id: int,
        page: int,
        model: int | str,
        power: str,
        label: str = "-",
        *,
        disabled: bool = False,
    ) -> None:
        custom_id = f"heroes:{kind}:{member_id}:{page}:{model}:{power}"
        super().__init__(custom_id, label=label, disabled=disabled)
        self.kind: ListKind = kind
        self.member_id = member_id
        self.page = page
        self.model = model
        self.power = power

    async def handle(self, interaction: Interaction) -> None:
        """Replace the page that is shown, as far as the member still shows it."""
        await interaction.response.defer()
        wanted = list_request(
            interaction, self.kind, self.member_id, read_model(self.model), read_power(self.power)
        )
        await answer(interaction, await list_content(interaction, wanted, self.page))


def list_request(
    interaction: Interaction, kind: ListKind, member_id: int, model: int | None, power_key: str | None
) -> ListRequest:
    """Return the list that somebody asks for. member_id: 0 for their own."""
    reader = interaction.user.id
    return ListRequest(kind, reader, member_id or reader, interaction.guild_id, power_key, model)


def read_model(state: int | str) -> int | None:
    """Return the model in a button's state."""
    return state if isinstance(state, int) else None


def read_power(state: str) -> str | None:
    """Return the key of the power in a button's state."""
    return None if state == _ANY else state


async def list_content(
    interaction: Interaction, wanted: ListRequest, page: int, *, said: str | None = None
) -> MessageContent:
    """Return a page of a list with its buttons. said: what was done before, shown above it."""
    t = await translator_of(interaction)
    app = interaction.client.app
    found = await app.hero_lists.page(wanted, page)
    votes = await app.scores.votes_on_each([each.description.id for each in found.heroes])
    vocabulary = app.heroes.vocabulary
    entries = [
        _entry(found.page * PAGE + rank, each, votes.get(each.description.id, (0, 0)), vocabulary, t)
        for rank, each in enumerate(found.heroes, 1)
    ]
    text = "\n\n".join(entries) or t(_empty_text(wanted, found), example=vocabulary.example)
    if wanted.kind == "of":
        text = f"<@{wanted.member_id}>\n{text}"  # a mention in an embed notifies nobody
    embed = discord.Embed(
        title=t(_TITLES[wanted.kind]), description=text, colour=discord.Colour.from_str(palette.MODEL)
    )
    if footer := _footer(wanted, found, t):
        embed.set_footer(text=footer)
    return MessageContent(embeds=[embed], view=_view(wanted, found, vocabulary, t), content=said)


def _empty_text(wanted: ListRequest, found: ListPage) -> str:
    if wanted.power_key is not None or wanted.model is not None:
        return mark("None of them fits. Leave out `power` or `model` to see more.")
    if found.gone:
        return mark(
            "None of the heroes that you keep can be shown any more. 🔖 under a hero keeps another one."
        )
    return _EMPTY[wanted.kind]


def _footer(wanted: ListRequest, found: ListPage, t: Translator) -> str:
    parts = []
    if found.page or found.has_more:
        parts.append(t("Page {page}.", page=found.page + 1))
    if found.power:
        parts.append(t("Only heroes with this power: {power}.", power=found.power))
    if wanted.model is not None:
        parts.append(
            t("Only by model {number}.", number=wanted.model)
            if wanted.model
            else t("Only by the base model.")
        )
    if found.gone:
        parts.append(
            t.count(
                "{number} hero that you kept is hidden or deleted, so it is not here.",
                "{number} heroes that you kept are hidden or deleted, so they are not here.",
                found.gone,
            )
        )
    return " ".join(parts)


def hero_title(listed: ListedHero, vocabulary: Vocabulary, t: Translator) -> str:
    """Return the title of a hero in plain text, or those of a team's heroes."""
    if listed.team:
        title = vocabulary.team_title(listed.team, t)
    else:
        title = vocabulary.title(listed.description.hero, t).capitalize()
    return title if len(title) <= _MAX_TITLE else f"{title[: _MAX_TITLE - 2]} …"


def _entry(
    rank: int, listed: ListedHero, votes: tuple[int, int], vocabulary: Vocabulary, t: Translator
) -> str:
    """Return a hero with its votes, by which model, when and where, and the escaped text, truncated."""
    description = listed.description
    ups, downs = votes
    facts = [_author_text(listed, t), f"<t:{int(description.created_at)}:d>"]
    if description.kind in _KINDS:
        facts.insert(0, t(_KINDS[description.kind]))
    if link := _link(description):
        facts.append(t("[message]({link})", link=link))
    title = f"**{rank}. {escape_markdown(hero_title(listed, vocabulary, t))}** · 👍 {ups} 👎 {downs}"
    return f"{title}\n-# {' · '.join(facts)}\n> {shown_text(description, t)}"


def shown_text(description: Description, t: Translator) -> str:
    """Return the escaped text, truncated, or in its place why it is hidden."""
    if description.removed_by_operators:
        return t("*Operators have removed this text.*")
    if description.removed_at is not None:
        return t("*This text is hidden: people have reported it.*")
    return quote(description.text, _MAX_LENGTH)


def _author_text(listed: ListedHero, t: Translator) -> str:
    if listed.blind:
        return t(LocalizedMessage("one of two models in a duel"))
    if listed.description.version:
        return t("model {number}", number=listed.description.version)
    return t("base model")


def _link(description: Description) -> str | None:
    """Return the address of the message that shows a text; a duel's texts have no message of their own."""
    if description.message_id is None or description.channel_id is None:
        return None
    place = description.guild_id or "@me"
    return f"https://discord.com/channels/{place}/{description.channel_id}/{description.message_id}"


def _view(
    wanted: ListRequest, found: ListPage, vocabulary: Vocabulary, t: Translator
) -> discord.ui.View | None:
    model: int | str = _ANY if wanted.model is None else wanted.model
    power = wanted.power_key or _ANY
    items: list[discord.ui.Item[Any]] = []
    if found.page or found.has_more:
        member_id = wanted.member_id if wanted.kind == "of" else 0
        targets = (("◀", found.page - 1, found.page > 0), ("▶", found.page + 1, found.has_more))
        items += [
            HeroListButton(wanted.kind, member_id, max(target, 0), model, power, label, disabled=not exists)
            for label, target, exists in targets
        ]
    if wanted.kind == "mine" and found.heroes:
        items.append(_delete_menu(f"{found.page}:{model}:{power}", found.heroes, vocabulary, t))
    return persistent_view(items) if items else None


def _delete_menu(
    state: str, heroes: list[ListedHero], vocabulary: Vocabulary, t: Translator
) -> discord.ui.Select[discord.ui.View]:
    """Return a menu that DeleteMenu in cogs/heroes/deletion.py handles."""
    options = [
        discord.SelectOption(
            label=hero_title(each, vocabulary, t)[:_MAX_OPTION],
            value=str(each.description.id),
            description=_option_text(each.description),
        )
        for each in heroes
    ]
    placeholder = t("Delete one of these heroes")
    return discord.ui.Select(custom_id=f"heroes:pick:{state}", placeholder=placeholder, options=options)


def _option_text(description: Description) -> str | None:
    """Return the beginning of a text that is shown; of a hidden one, nothing is read anywhere."""
    if description.removed_at is not None:
        return None
    return " ".join(description.text.split())[:_MAX_OPTION] or None
