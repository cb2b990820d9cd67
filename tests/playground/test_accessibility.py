"""What axe-core finds on each screen, in both themes, wide and narrow, and what a screen reader is told."""

import pytest
from playwright.async_api import Page as Window
from playwright.async_api import expect

from bot.app import App
from bot.playground.simulated_discord import SimulatedDiscord
from tests.playground.test_browser import browser, messages, pytestmark, type_line, window

__all__ = ["browser", "pytestmark", "window"]

axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe-core is not installed")

# only colours differ between the themes, so all rules are run once in each theme and width
_ALL = {"resultTypes": ["violations"]}
_COLOURS = {**_ALL, "runOnly": {"type": "rule", "values": ["color-contrast"]}}
_SCREENS = ((1280, "light", _ALL), (1280, "dark", _COLOURS), (390, "dark", _ALL), (390, "light", _COLOURS))


async def violations(window: Window) -> dict[str, str]:
    """Return what axe-core finds on the screen that is shown."""
    found = {}
    for width, theme, options in _SCREENS:
        await window.set_viewport_size({"width": width, "height": 900})
        await window.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        results = await axe.Axe().run(window, options=options)
        if results.violations_count:
            found[f"{width} {theme}"] = results.generate_report()
    await window.set_viewport_size({"width": 1280, "height": 900})
    return found


async def tune(window: Window, end: str) -> None:
    await type_line(window, "/finetune epochs:2")
    await window.get_by_role("button", name="Confirm").click()
    await expect(messages(window).last).to_contain_text(end)


@pytest.mark.timeout(900)  # many actions, each of which may take long on a busy machine
@pytest.mark.usefixtures("running_worker")
async def test_every_screen_of_a_visit(window: Window, world: SimulatedDiscord, app: App) -> None:
    """One visit from the first screen to a report: opening a browser and tuning take longer than axe-core."""
    await window.goto(window.url.partition("#")[0])
    await window.reload()
    await expect(window.get_by_role("button", name="olga, operator")).to_be_visible()
    found = {"who one is": await violations(window)}

    await window.get_by_role("button", name="olga, operator").click()
    await expect(window.locator("#step")).to_contain_text("1. Ask for a hero")
    await window.get_by_role("combobox").press_sequentially("/")
    await expect(window.get_by_role("option").first).to_be_visible()
    await window.keyboard.press("ArrowDown")
    found["suggestions"] = await violations(window)

    await type_line(window, "/build-dataset limit:24")
    await expect(window.get_by_role("button", name="Confirm")).to_be_visible()
    found["a plan"] = await violations(window)
    await window.get_by_role("button", name="Confirm").click()
    await expect(messages(window).last).to_contain_text("Dataset v1 is ready")
    await expect(window.get_by_role("img", name="Chart: how long the texts are")).to_be_visible()
    await tune(window, "is trained and live")
    await tune(window, "is trained, and a candidate")
    await expect(
        window.get_by_role("img", name="Chart: the loss at each step of the training").last
    ).to_be_visible()
    bar = window.get_by_role("progressbar", name="Progress").first
    await expect(bar).to_have_attribute("aria-valuenow", "100")
    found["jobs and their pictures"] = await violations(window)

    await type_line(window, "/hero 40 woman healing")
    hero = messages(window).filter(has=window.get_by_role("button", name="👍,"))
    await expect(hero.get_by_role("button", name="👍, 1")).to_be_visible()
    for voter in ("one", "two"):
        await app.votes.simulate(1, voter, "👍")
    await type_line(window, "/top")
    await expect(messages(window).last).to_contain_text("1. 40-year-old woman, healing")
    await type_line(window, "/duel 40 woman healing")
    await expect(messages(window).last.get_by_role("button", name="Tie")).to_be_visible()
    found["a hero, the best, a duel"] = await violations(window)

    await messages(window).last.get_by_role("button", name="A", exact=True).click()
    await expect(messages(window).last).to_contain_text("You chose A")
    for line in ("/help", "/models list", "/about", "/hero dragon", "/settings channels"):
        before = await messages(window).count()
        await type_line(window, line)
        await expect(messages(window)).to_have_count(before + 1)
    await type_line(window, "/finetune method:magic")
    await expect(window.get_by_role("alert")).to_be_visible()
    found["help, models, about, errors"] = await violations(window)

    await hero.get_by_role("button", name="Report").click()
    await expect(window.get_by_role("dialog")).to_be_visible()
    found["a report"] = await violations(window)
    await window.keyboard.press("Escape")

    written = "> quoted `code`\n```py\nx\n```\n||spoiler|| <@1> https://example.org\n-# small"
    await world.act(world.people["ana"].send(world.channel, written))
    await expect(messages(window).last).to_contain_text("quoted")
    await window.get_by_role("button", name="Close the guide").click()
    found["the guide closed"] = await violations(window)
    assert {screen: each for screen, each in found.items() if each} == {}


async def test_progress_is_read_as_one_bar(window: Window, world: SimulatedDiscord) -> None:
    await world.act(world.people["ana"].send(world.channel, "▰▰▰▰▰▱▱▱▱▱▱▱▱▱▱▱▱▱▱▱ 25% · 6 of 24"))
    bar = window.get_by_role("progressbar", name="Progress")
    await expect(bar).to_have_attribute("aria-valuenow", "25")
    await expect(bar).to_have_attribute("title", "25%")  # as the language writes it
    await expect(messages(window).last.locator(".markdown")).to_have_text("25% · 6 of 24")
