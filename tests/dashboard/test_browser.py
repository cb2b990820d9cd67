"""The dashboard in a real browser: sections, confirmed actions, narrow screens, and what axe-core finds."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect
from playwright.async_api import Page as Window

from bot.app import App
from bot.local_page.server import Page
from tests.dashboard.conftest import fill
from tests.playground.test_accessibility import violations
from tests.playground.test_browser import browser, opened, pytestmark
from tests.support.workflows import build, build_spec

__all__ = ["browser", "pytestmark"]

SECTIONS = ("jobs", "datasets", "models", "people", "spending", "health")
WIDTHS = (320, 390, 768, 1280)


@pytest.fixture
async def window(browser: Browser, page: Page) -> AsyncIterator[Window]:
    async with opened(browser, page.url) as window:
        yield window


async def open_section(window: Window, name: str) -> None:
    await window.locator(f'#sections a[href="#{name}"]').click()
    await expect(window.locator("#content .soft").get_by_text("loading …")).to_have_count(0)
    if name == "datasets":
        await expect(window.get_by_role("form", name="Filter").locator("select")).to_have_count(4)


@pytest.mark.timeout(600)  # axe-core takes seconds for each screen on a busy machine
@pytest.mark.usefixtures("two_models")
async def test_every_section_is_accessible_and_fits_every_screen(window: Window, app: App) -> None:
    await fill(app)
    await build(app)
    await app.builds.submit(build_spec(app, limit=60))
    found = {}
    wider = []
    for name in SECTIONS:
        await open_section(window, name)
        if faults := await violations(window):
            found[name] = faults
        for width in WIDTHS:
            await window.set_viewport_size({"width": width, "height": 900})
            needed = await window.evaluate("document.documentElement.scrollWidth")
            if needed > width:
                wider.append(f"{name} needs {needed} of {width}")
        await window.set_viewport_size({"width": 1280, "height": 900})
        for missing in ("undefined", "NaN", "[object"):  # a script's text for a missing value
            await expect(window.locator("main")).not_to_contain_text(missing)
    assert found == {}
    assert wider == []


async def test_a_job_is_paused_after_a_confirmation(window: Window, app: App) -> None:
    await expect(window.locator("#content")).to_contain_text("There is no job yet")
    job, _ = await app.builds.submit(build_spec(app))
    pause = window.get_by_role("button", name=f"Pause ({job.id})")
    await pause.click()
    await expect(window.get_by_role("dialog")).to_contain_text("Pause job 1?")
    await window.get_by_role("button", name="No, leave it").click()
    assert (await app.jobs.get(job.id)).state == "queued"
    await pause.click()
    await window.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    await expect(window.get_by_role("button", name=f"Resume ({job.id})")).to_be_visible()
    assert (await app.jobs.get(job.id)).state == "paused"


async def test_what_another_has_done_meanwhile_is_refused(window: Window, app: App) -> None:
    job, _ = await app.builds.submit(build_spec(app))
    await window.get_by_role("button", name=f"Pause ({job.id})").click()
    await app.jobs.cancel(job.id)
    await window.get_by_role("dialog").get_by_role("button", name="Pause", exact=True).click()
    await expect(window.get_by_role("alert")).to_contain_text("Job 1 is cancelled")


async def test_a_text_is_found_by_its_reason_and_kept(window: Window, app: App) -> None:
    await build(app)
    await open_section(window, "datasets")
    texts = window.locator("#content ol > li")
    await window.get_by_label("Source").select_option(label="written here by a model (16)")
    await texts.first.get_by_role("button", name="Reject").click()
    await expect(texts.first).to_contain_text("review: rejected")
    await texts.first.get_by_role("button", name="Keep").click()
    await expect(texts.first).to_contain_text("review: kept")
    await expect(texts.first.get_by_role("button", name="Keep")).to_have_attribute("aria-pressed", "true")


async def test_the_address_no_longer_shows_the_token(window: Window, page: Page) -> None:
    assert page.token not in window.url
    await window.reload()
    await expect(window.locator("#title")).to_have_text("Jobs")


async def test_health_is_examined_when_somebody_asks_for_it(window: Window) -> None:
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    await window.clock.install()
    await window.reload()
    for name in ("people", "health"):
        await open_section(window, name)
        await expect(window.locator("#content").get_by_role("figure")).to_have_count(3 * (name == "people"))
        before = asked.count(name)
        await window.clock.run_for(65_000)
        # the script's timers have run: what they ask for is asked by now
        assert asked.count(name) - before == (2 if name == "people" else 0)
    look = window.get_by_role("button", name="Look again")
    await look.focus()
    await look.press("Enter")
    await expect(look).to_be_enabled()
    await expect(look).to_be_focused()
    assert asked.count("health") == 2
    await expect(window.get_by_role("table", name="Findings")).to_be_visible()


@pytest.mark.usefixtures("two_models")
async def test_an_axis_of_percentages_ends_at_100(window: Window, app: App) -> None:
    await fill(app)
    await open_section(window, "models")
    figure = window.get_by_role("figure").filter(has_text="Checks of new models")
    await expect(figure.locator("text.tick[text-anchor=end]")).to_have_text(["0", "50", "100"])


@pytest.mark.usefixtures("two_models")
async def test_charts_are_told_in_words_and_numbers(window: Window, app: App) -> None:
    await fill(app)
    await open_section(window, "models")
    picture = window.get_by_role("img", name="Evidence of trial 1 over time")
    await expect(picture).to_have_attribute(
        "aria-label", "Evidence of trial 1 over time. evidence 0.98 after 4 votes; 20 decide the trial"
    )
    await expect(picture.locator("circle")).to_have_count(4)
    figure = window.get_by_role("figure").filter(has_text="Evidence of trial 1")
    await figure.get_by_text("The numbers").click()
    await expect(figure.get_by_role("cell")).to_have_text(["1", "0.887", "0.887", "0.977"])
