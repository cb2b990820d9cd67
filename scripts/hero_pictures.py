"""Take the pictures of what people do with heroes: `python -m scripts.hero_pictures`.

The playground is visited in headless Chromium as its three people, on the real engine. Without `--data` the
base model writes; with the data folder of an installation, such as `data/var/playground` after a training,
its live model does, on a copy. Votes beyond those of the three are simulated. It writes docs/heroes-*.png,
the gallery of these heroes among them.
"""

import argparse
import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.gallery.pictures import draw_pictures
from bot.gallery.site import begin_site, write_site
from bot.i18n.message import ENGLISH
from bot.playground.run import open_channel
from bot.playground.server import open_page
from bot.playground.simulated_discord import HOME, SimulatedDiscord
from bot.processes import run_engine
from bot.rating.votes import DOWN, UP
from bot.settings import ROOT, Settings
from bot.shards import ALL
from bot.store import descriptions
from cogs.contests.weekly import WeeklyCog
from scripts.playground_visit import BROWSER, FLAGS, LOADED, LONGEST, NARROW, WIDE, Visit

expect.set_options(timeout=LONGEST)
# what the documentation shows; --all takes each picture both wide and as on a phone
_SHOWN = (
    *("greeting", "take", "card", "kept-phone", "list-phone", "top", "quota-phone"),
    *("team", "story-phone", "menu-phone", "made", "week", "french", "gallery"),
)
_WITH_SUGGESTIONS = 580  # pixels of height: an answer, and what completes a line below it
_DAY = 86_400.0  # seconds
_MOST_GALLERY_BYTES = 250_000  # it shows several cards
# who asks for which heroes, and the votes for and against each
_ASKED = (
    ("ana", "40 woman healing", "64 man mind reading"),
    ("ben", "19 person ice", "31 man flight"),
)
_VOTES = ((6, 1), (4, 0), (3, 1), (2, 0))
_HERO = "40-year-old woman, healing"  # the first, whose message most pictures show


@dataclass
class Clock:
    """The time, as far ahead of the real one as it is set."""

    ahead: float = 0.0  # seconds

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class HeroVisit(Visit):
    """A visit with the bot behind the page, whose clock can be set. asked_by: the ids of those in _ASKED."""

    bot: HeroBot
    clock: Clock
    asked_by: list[int]

    @property
    def app(self) -> App:
        return self.bot.app


async def take_all(visit: HeroVisit) -> None:
    """Take every picture, in the order in which people meet what they show."""
    await _greeting(visit)
    await _heroes(visit)
    await _take(visit)
    await _card(visit)
    await _kept(visit)
    await _list(visit)
    await _together(visit)
    await _provenance(visit)
    await _week(visit)


async def _greeting(visit: HeroVisit) -> None:
    greeting = visit.with_text("Hello! I describe superheroes")
    await visit.press(greeting, "🔧 Check permissions", "Nothing is missing here")
    await visit.picture("greeting", greeting)


async def _heroes(visit: HeroVisit) -> None:
    """Have heroes described, with votes on each; who votes most may be named."""
    for person, *asked in _ASKED:
        await visit.become(person)
        for hero in asked:
            await visit.type_line(f"/hero {hero}", "Another take")
    async with visit.app.db.read() as tx:
        shown = await descriptions.list_posted_since(tx, 0.0, len(_VOTES), ALL)
    for posted, (ups, downs) in zip(reversed(shown), _VOTES, strict=True):
        for number in range(ups + downs):
            thumb = UP if number < ups else DOWN
            await visit.app.votes.simulate(posted.description_id, f"voter {number}", thumb)
    await visit.become("ana")
    settings = await visit.type_line("/heroes settings", "What others may see of you")
    await settings.get_by_role("button", name="Name me", exact=True).click()
    await expect(settings).to_contain_text("Do not name me")
    button = visit.with_text("31-year-old man").get_by_role("button", name=f"{UP},")
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")


async def _take(visit: HeroVisit) -> None:
    await visit.become("ana")
    hero = visit.with_text(_HERO)
    manners = await visit.press(hero, "Another take", "The same hero, written anew")
    take = await visit.press(manners, "Funny", "Next scene")
    await visit.press(take, "I like this take better", "Noted")
    await visit.picture("take", take)


async def _card(visit: HeroVisit) -> None:
    await visit.become("ben")
    await visit.messages.filter(has_text=_HERO).first.get_by_role("button", name="🖼️").click()
    card = visit.messages.filter(has=visit.page.get_by_role("img", name=re.compile("^Hero card"))).last
    await expect(card).to_be_visible(timeout=LONGEST)
    card = await visit.pinned(card)
    dark = await visit.type_line("/card dark:true", "")
    await expect(dark.get_by_role("img", name=re.compile("^Hero card"))).to_be_visible(timeout=LONGEST)
    await visit.picture("card", card)


async def _kept(visit: HeroVisit) -> None:
    hero = visit.messages.filter(has_text=_HERO).first
    kept = await visit.press(hero, "🔖", "Kept")
    await visit.type_line("/heroes favourites", "Heroes that you keep")
    await visit.picture("kept", kept)


async def _list(visit: HeroVisit) -> None:
    await visit.become("ana")
    await visit.picture("list", await visit.type_line("/heroes mine", "Heroes that you asked for"))
    await visit.picture("top", await visit.type_line("/top", "Hall of fame"))
    await visit.picture("quota", await visit.type_line("/quota", "Your heroes today"))


async def _together(visit: HeroVisit) -> None:
    """A team, and the next scene of a story."""
    await visit.picture("team", await visit.type_line("/team healing, flight, ice", "Report"))
    hero = visit.messages.filter(has_text=_HERO).first
    await visit.picture("story", await visit.press(hero, "Next scene", "Report"))


async def _provenance(visit: HeroVisit) -> None:
    """The menu of a message, and what it tells."""
    hero = visit.messages.filter(has_text=_HERO).first
    for suffix, narrow in (("-phone", True), ("", False)):
        await visit.show(hero, narrow=narrow, dark=not narrow)
        await hero.hover()
        await hero.locator(".more summary").click()
        await visit.save(f"menu{suffix}")
        await hero.locator(".more summary").click()
    await visit.show_all()
    await hero.hover()
    await hero.locator(".more summary").click()
    made = await visit.press(hero, "How was this made?", "How its words were drawn")
    await visit.picture("made", made)


async def _week(visit: HeroVisit) -> None:
    """The hero of the week, posted tomorrow by the bot's clock, since the week has to be over."""
    await visit.become("olga")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    day = f"{tomorrow:%A}"
    await visit.type_line(f"/settings weekly channel:#heroes day:{day} hour:0", "The hero of the week is set")
    visit.clock.ahead = _DAY
    await visit.bot.cog(WeeklyCog).post_due()
    post = visit.with_text("🏆 Hero of the week")
    await expect(post).to_contain_text("Who voted")
    await visit.picture("week", post)


async def take_french(page: Page, visit: HeroVisit) -> None:
    """Take pictures of the page in French, while a command is typed."""
    french = replace(visit, page=page)
    quota = await french.type_line("/quota", "Tes héros")
    for suffix, narrow in (("", False), ("-phone", True)):
        await french.show(quota, narrow=narrow, dark=not narrow)
        width, _ = NARROW if narrow else WIDE
        await page.set_viewport_size({"width": width, "height": _WITH_SUGGESTIONS})
        await page.locator("#line").fill("/hero 30 homme vo")
        await expect(page.get_by_role("option").first).to_be_visible()
        await french.save(f"french{suffix}")
        await page.locator("#line").fill("")


async def take_gallery(page: Page, visit: HeroVisit) -> None:
    """Take pictures of the gallery of what ana and ben asked for, once they and their server agree."""
    for person in visit.asked_by:
        await visit.app.member_settings.change(person, "gallery", allowed=True)
    await visit.app.guild_settings.change(HOME, in_gallery=True)
    entries = await visit.app.gallery.public(ENGLISH, _unseen)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        begin_site(path, ENGLISH)
        write_site(path, await draw_pictures(path, entries, visit.app.cards, ENGLISH, _unseen), ENGLISH)
        shown = replace(visit, page=page)
        for suffix, (width, height) in (("", WIDE), ("-phone", NARROW)):
            await page.emulate_media(color_scheme="dark" if suffix else "light")
            await page.set_viewport_size({"width": width, "height": height})
            await page.goto((path / "index.html").as_uri())
            await page.wait_for_function(LOADED)
            await shown.save(f"gallery{suffix}", most=_MOST_GALLERY_BYTES)


def _unseen(_done: int, _total: int) -> None:
    """Show no progress."""


@asynccontextmanager
async def playground(
    data: Path | None, folder: Path, clock: Clock
) -> AsyncIterator[tuple[SimulatedDiscord, HeroBot, str]]:
    """Open the page of a bot on a new data folder, or on a copy of an installation's."""
    if data is not None:
        shutil.copytree(data, folder, dirs_exist_ok=True)
    settings = Settings(data_dir=folder, home_guilds=frozenset({HOME}), cooldown=0, duel_share=0)
    async with (
        run_engine(settings) as reachable,
        open_app(reachable, Timing(clock=clock)) as app,
        open_channel(app) as world,
        open_page(world, app, 0) as page,
    ):
        bot = world.env.bot
        if not isinstance(bot, HeroBot):
            raise TypeError(bot)
        following = asyncio.create_task(world.follow_real_time())
        try:
            yield world, bot, page.url
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _open(browser: Browser, url: str, locale: str) -> Page:
    """Open the page without its guide, which has a picture of its own."""
    page = await browser.new_page(
        viewport={"width": WIDE[0], "height": WIDE[1]}, locale=locale, color_scheme="dark"
    )
    await page.add_init_script("localStorage.guide = 'closed'")
    page.set_default_timeout(LONGEST)
    await page.goto(url)
    await expect(page.locator("#messages > li").first).to_be_visible()
    return page


async def run(data: Path | None, pictures: Path, *, all_pictures: bool) -> None:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            playground(data, Path(folder), clock) as (world, bot, url),
            async_playwright() as playwright,
            await playwright.chromium.launch(executable_path=BROWSER, args=FLAGS) as browser,
        ):
            page = await _open(browser, f"{url}#olga", "en")
            asked_by = [world.people[name].id for name, *_ in _ASKED]
            wanted = None if all_pictures else _SHOWN
            visit = HeroVisit(page, pictures, wanted, bot, clock, asked_by)
            await take_all(visit)
            await take_french(await _open(browser, f"{url}#ben", "fr"), visit)
            await take_gallery(await browser.new_page(), visit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the data folder of an installation with a live model")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs", help="where to write the pictures")
    parser.add_argument("--all", action="store_true", help="take each both wide and as on a phone")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.data, arguments.folder, all_pictures=arguments.all))


if __name__ == "__main__":
    main()
