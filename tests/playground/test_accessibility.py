"""What axe-core finds on each screen of the page, in both themes, and what a screen reader is told."""

import pytest
from playwright.async_api import Page as Window
from playwright.async_api import expect

from bot.playground.simulated_discord import SimulatedDiscord
from tests.playground.test_browser import browser, messages, pytestmark, type_line, window

__all__ = ["browser", "pytestmark", "window"]

axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe-core is not installed")


async def violations(window: Window) -> dict[str, str]:
    """Return what axe-core finds in either theme."""
    found = {}
    for theme in ("light", "dark"):
        await window.emulate_media(color_scheme=theme, reduced_motion="reduce")
        results = await axe.Axe().run(window)
        if results.violations_count:
            found[theme] = results.generate_report()
    return found


async def test_the_question_who_one_is(window: Window) -> None:
    await window.goto(window.url.partition("#")[0])
    await window.reload()
    await expect(window.get_by_role("button", name="olga, operator")).to_be_visible()
    assert await violations(window) == {}


async def test_the_first_screen_and_suggestions(window: Window) -> None:
    await expect(window.locator("#step")).to_contain_text("1. Ask for a hero")
    assert await violations(window) == {}
    await window.get_by_role("combobox").press_sequentially("/")
    await expect(window.get_by_role("option").first).to_be_visible()
    await window.keyboard.press("ArrowDown")
    assert await violations(window) == {}


@pytest.mark.usefixtures("running_worker")
async def test_jobs_and_their_pictures(window: Window) -> None:
    await type_line(window, "/build-dataset limit:24")
    await expect(window.get_by_role("button", name="Confirm")).to_be_visible()
    assert await violations(window) == {}
    await window.get_by_role("button", name="Confirm").click()
    await expect(messages(window).last).to_contain_text("Dataset v1 is ready")
    await expect(window.get_by_role("img", name="Chart: how long the texts are")).to_be_visible()
    await type_line(window, "/finetune epochs:2")
    await window.get_by_role("button", name="Confirm").click()
    await expect(messages(window).last).to_contain_text("is trained and live")
    await expect(window.get_by_role("img", name="Chart: the loss of the training")).to_be_visible()
    bar = window.get_by_role("progressbar", name="Progress").first
    await expect(bar).to_have_attribute("aria-valuenow", "100")
    assert await violations(window) == {}


async def test_answers_errors_forms_and_the_closed_guide(window: Window, world: SimulatedDiscord) -> None:
    await type_line(window, "/hero 40 woman healing")
    await expect(messages(window).last.get_by_role("heading")).to_be_visible()
    for count, line in enumerate(("/hero dragon", "/help", "/top", "/settings channels"), 2):
        await type_line(window, line)
        await expect(messages(window)).to_have_count(count)
    await type_line(window, "/finetune method:magic")
    await expect(window.get_by_role("alert")).to_be_visible()
    await world.act(
        world.people["ana"].send(
            world.channel, "> quoted `code`\n```py\nx\n```\n||spoiler|| <@1> https://example.org\n-# small"
        )
    )
    await expect(messages(window).last).to_contain_text("quoted")
    await window.get_by_role("button", name="Close the guide").click()
    assert await violations(window) == {}


async def test_progress_is_read_as_one_bar(window: Window, world: SimulatedDiscord) -> None:
    await world.act(world.people["ana"].send(world.channel, "▰▰▰▰▰▱▱▱▱▱▱▱▱▱▱▱▱▱▱▱ 25 % · 6 of 24"))
    bar = window.get_by_role("progressbar", name="Progress")
    await expect(bar).to_have_attribute("aria-valuenow", "25")
    await expect(messages(window).last.locator(".markdown")).to_have_text("25 % · 6 of 24")
