"""The page in a real browser: the loop by typing, clicking and reading the page."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, WebSocketRoute, async_playwright, expect
from playwright.async_api import Page as Window

from bot.app import App
from bot.local_page.server import Page
from bot.playground.server import open_page
from bot.playground.simulated_discord import SimulatedDiscord
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine"),
]
PATIENCE = 120_000  # milliseconds, on a busy machine; only a failure takes as long
expect.set_options(timeout=PATIENCE)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield opened
        await opened.close()


@asynccontextmanager
async def opened(browser: Browser, url: str) -> AsyncIterator[Window]:
    """Open a page in a window of 1280 x 900. An error in the browser's console fails the test."""
    window = await browser.new_page(viewport={"width": 1280, "height": 900})
    window.set_default_timeout(PATIENCE)
    errors: list[str] = []
    window.on("pageerror", lambda error: errors.append(str(error)))
    window.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    await window.goto(url)
    yield window
    assert errors == []


@pytest.fixture
async def window(browser: Browser, page: Page) -> AsyncIterator[Window]:
    async with opened(browser, f"{page.url}#olga") as window:
        yield window


def messages(window: Window) -> Locator:
    return window.get_by_role("log").get_by_role("listitem")


async def type_line(window: Window, text: str) -> None:
    line = window.get_by_role("combobox", name="Message or command")
    await line.fill(text)
    await line.press("Enter")


@pytest.mark.usefixtures("running_worker")
async def test_the_whole_loop(window: Window) -> None:
    await type_line(window, "/build-dataset limit:24")
    await window.get_by_role("button", name="Confirm").click()
    await expect(messages(window).last).to_contain_text("Dataset v1 is ready")
    await expect(messages(window).last.locator(".files img")).to_be_visible()
    await type_line(window, "/finetune epochs:2")
    await window.get_by_role("button", name="Confirm").click()
    await expect(messages(window).last).to_contain_text("is trained and live")
    await type_line(window, "/hero 40 woman healing")
    answer = messages(window).filter(has_text="40-year-old woman, healing")
    await expect(answer.locator(".head")).to_contain_text("Herosmith")
    await expect(window.locator("#steps .done")).to_have_count(4)
    for missing in ("false", "undefined", "null"):  # a script's text for a missing value
        await expect(window.get_by_role("log")).not_to_contain_text(missing)

    for count, name in ((2, "ana"), (3, "ben")):
        await window.get_by_role("radio", name=name).check(force=True)
        thumb = answer.get_by_role("button", name="👍,")
        await thumb.click()
        await expect(thumb).to_have_attribute("aria-pressed", "true")
        await expect(thumb).to_contain_text(str(count))
    await window.get_by_role("radio", name="olga").check(force=True)
    await type_line(window, "/build-dataset limit:24")
    await window.get_by_role("button", name="Confirm").click()
    await expect(messages(window).last).to_contain_text("1 text that people liked")


async def test_suggestions_are_used_by_keyboard(window: Window) -> None:
    line = window.get_by_role("combobox")
    await line.press_sequentially("/hero")
    await expect(window.get_by_role("option", name="/hero ").first).to_be_visible()
    await line.press("Tab")
    await expect(line).to_have_value("/hero ")
    await line.press_sequentially("40 woman heal")
    await expect(window.get_by_role("option", name="40 woman healing")).to_be_visible()
    await line.press("ArrowDown")
    await line.press("Enter")
    await expect(line).to_have_value("/hero 40 woman healing")
    await line.press("Enter")
    await expect(messages(window)).to_have_count(1)
    await expect(line).to_have_value("")


@pytest.mark.parametrize(
    ("typed", "taken"),
    [("/her", "/hero "), ("/hero 40 woman heal", "/hero 40 woman healing")],
)
async def test_enter_takes_the_first_suggestion_that_ends_the_word(
    window: Window, typed: str, taken: str
) -> None:
    line = window.get_by_role("combobox")
    await line.press_sequentially(typed)
    await expect(window.locator(f'[data-line="{taken}"]')).to_be_visible()
    await line.press("Enter")
    await expect(line).to_have_value(taken)
    await expect(messages(window)).to_have_count(0)


async def test_what_was_chosen_for_another_text_is_not_taken(window: Window) -> None:
    line = window.get_by_role("combobox")
    await line.press_sequentially("/")
    await expect(window.get_by_role("option").first).to_be_visible()
    await line.press("ArrowDown")
    await type_line(window, "/top")
    await expect(messages(window)).to_have_count(1)
    await expect(line).to_have_value("")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("/her", "/hero "),
        ("/hero", "/hero "),
        ("/models prom", "/models promote "),
        ("/finetune ep", "/finetune epochs:"),
    ],
)
async def test_enter_completes_what_cannot_be_sent_before_suggestions_come(
    window: Window, typed: str, completed: str
) -> None:
    await type_line(window, typed)
    await expect(window.get_by_role("combobox")).to_have_value(completed)
    await expect(window.get_by_role("alert")).to_be_hidden()


async def test_escape_sends_a_word_that_only_begins_a_suggestion(window: Window) -> None:
    line = window.get_by_role("combobox")
    await line.press_sequentially("/hero 40 woman heal")
    await expect(window.get_by_role("option").first).to_be_visible()
    await line.press("Escape")
    await line.press("Enter")
    await expect(messages(window).last).to_contain_text("heal")
    await expect(line).to_have_value("")


async def test_a_refused_line_comes_back_with_the_reason(window: Window) -> None:
    await type_line(window, "/build-dataset limit:5")
    await expect(window.get_by_role("alert")).to_contain_text("limit is a whole number from 14")
    await expect(window.get_by_role("combobox")).to_have_value("/build-dataset limit:5")


async def test_html_stays_text_and_markdown_is_rendered(window: Window, world: SimulatedDiscord) -> None:
    await type_line(
        window, "<img src=x onerror=alert(1)> **bold** `<b>` [x](javascript:alert(1)) a_b_c \\*not\\*"
    )
    message = messages(window).last
    await expect(message.locator(".markdown")).to_have_text(
        "<img src=x onerror=alert(1)> bold <b> [x](javascript:alert(1)) a_b_c *not*"
    )
    await expect(message.locator("strong")).to_have_text("bold")
    await expect(message.locator(".markdown img, .markdown a, .markdown em")).to_have_count(0)
    await world.act(
        world.people["ana"].send(world.channel, "> quoted\n- one\n```py\na < b\n```\n-# small\n# Big")
    )
    message = messages(window).last
    await expect(message.locator("blockquote")).to_have_text("quoted")
    await expect(message.locator(".item")).to_have_text("one")
    await expect(message.locator("pre")).to_have_text("a < b")
    await expect(message.locator(".subtext")).to_have_text("small")
    await expect(message.locator(".h1")).to_have_text("Big")


async def test_moments_are_shown_as_in_discord(window: Window, world: SimulatedDiscord) -> None:
    soon = int(time.time()) + 7200 + 60
    said = f"<t:0:d> | <t:0:D> | <t:0:t> | <t:0> | <t:{soon}:R> | <t:99999999999999>"
    await world.act(world.people["ana"].send(world.channel, said))
    shown = ("1/1/70", "January 1, 1970", "12:00\u202fAM", "January 1, 1970 at 12:00\u202fAM", "in 2 hours")
    await expect(messages(window).last.locator(".markdown")).to_have_text(
        " | ".join([*shown, "<t:99999999999999>"])
    )


async def test_the_menu_of_a_message_fits_on_a_phone(window: Window, world: SimulatedDiscord) -> None:
    await world.act(world.people["ana"].send(world.channel, "hello"))
    await window.set_viewport_size({"width": 320, "height": 640})
    await messages(window).last.hover()
    await messages(window).last.locator(".more summary").click()
    made = window.get_by_role("button", name="How was this made?")
    await expect(made).to_be_in_viewport(ratio=1)
    await expect(messages(window).last.get_by_role("button", name="React with 👍")).to_be_in_viewport(ratio=1)
    await made.click()
    await expect(messages(window).last).to_contain_text("I know of no hero in this message")
    await expect(messages(window).last.locator(".asked")).to_contain_text("olga used How was this made?")


async def test_a_reload_keeps_the_person(window: Window) -> None:
    await window.get_by_role("radio", name="ana").check(force=True)
    await type_line(window, "hello")
    await expect(messages(window)).to_have_count(1)
    await window.reload()
    await expect(window.get_by_role("radio", name="ana")).to_be_checked()
    await expect(messages(window).last).to_contain_text("hello")


async def test_the_token_leaves_the_address_bar_and_opens_more_tabs(browser: Browser, page: Page) -> None:
    context = await browser.new_context()
    first, second = await context.new_page(), await context.new_page()
    await first.goto(page.url)
    await expect(first.get_by_role("radio", name="olga")).to_be_visible()
    assert first.url == f"{page.origin}/"
    await second.goto(page.origin)
    await expect(second.get_by_role("radio", name="olga")).to_be_visible()


async def test_a_page_of_an_earlier_start_says_so(
    browser: Browser, world: SimulatedDiscord, app: App
) -> None:
    window = await browser.new_page()
    connection = window.locator("#connection")
    async with open_page(world, app, 0) as first:
        await window.goto(f"{first.url}#olga")
        await expect(window.get_by_role("radio", name="olga")).to_be_checked()
        await world.act(world.people["olga"].slash(world.channel, "build-dataset", limit=16))
        await expect(window.get_by_role("button", name="Confirm")).to_be_visible()
    await expect(connection).to_contain_text("does not answer")
    await expect(window.locator("#messages")).to_have_attribute("inert", "")  # its buttons reach nobody
    async with open_page(world, app, int(first.origin.rsplit(":", 1)[1])) as second:
        await expect(connection).to_contain_text("open the address that the playground printed now")
        await window.reload()
        await expect(window.locator("body")).to_contain_text("address that was printed")
        await window.goto(f"{second.url}#olga")
        await expect(window.get_by_role("radio", name="olga")).to_be_checked()
        await expect(window.locator("#messages")).not_to_have_attribute("inert", "")


@pytest.mark.usefixtures("running_worker")
async def test_nothing_is_wider_than_the_window(window: Window, world: SimulatedDiscord) -> None:
    """From a narrow phone to a desk, at double zoom (which halves the width), and with double letters."""
    await type_line(window, "/hero 40 woman healing")
    await expect(messages(window).last.get_by_role("heading")).to_be_visible()
    await type_line(window, "/build-dataset limit:24")
    await window.get_by_role("button", name="Confirm").click()
    await expect(messages(window).last.locator(".files img")).to_be_visible()
    wide = f"```\n{'a long line of code ' * 20}\n```\n{'x' * 300}"
    await world.act(world.people["ana"].send(world.channel, wide))
    await expect(messages(window)).to_have_count(4)
    for step in ("Step 2", "Step 10"):
        await window.get_by_role("button", name=step).click()
        for zoom in ("100%", "200%"):
            await window.evaluate("size => document.documentElement.style.fontSize = size", zoom)
            for width in (320, 390, 640, 768, 1024, 1280) if zoom == "100%" else (640, 1280):
                await window.set_viewport_size({"width": width, "height": 800})
                assert await window.evaluate(_TOO_WIDE) == [], (zoom, width)


async def test_the_counts_beside_a_progress_bar_are_not_broken(window: Window) -> None:
    await type_line(window, f"{'▰' * 5}{'▱' * 15} 27% · 1,038 of 1,390")
    await expect(window.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25")
    for width in (320, 390, 640, 1280):
        await window.set_viewport_size({"width": width, "height": 800})
        assert await window.evaluate(_LINES_OF_COUNTS) == 1, width


_LINES_OF_COUNTS = """(() => {
  const range = document.createRange();
  range.selectNode(document.querySelector(".progress").nextSibling);
  return range.getClientRects().length;
})()"""


# What reaches over the right edge of the window, or scrolls sideways.
_TOO_WIDE = """[...document.querySelectorAll("html, body, body *:not(.unseen, #people *)")].filter((each) => {
  const scrolls = each === document.documentElement || /auto|scroll/.test(getComputedStyle(each).overflowX);
  return (scrolls && each.scrollWidth > each.clientWidth) || each.getBoundingClientRect().right > innerWidth;
}).map((each) => `${each.tagName}#${each.id}.${each.className}`)"""


async def test_own_commands_and_buttons_scroll_to_their_answer(
    window: Window, world: SimulatedDiscord
) -> None:
    await type_line(window, "/hero 40 woman healing")
    await expect(messages(window).last.get_by_role("heading")).to_be_visible()
    hero = messages(window).first
    for number in range(12):
        await world.act(world.people["ana"].send(world.channel, f"line {number}\n" * 5))
    await expect(messages(window)).to_have_count(13)
    log = window.get_by_role("log")
    actions: list[Callable[[], Awaitable[None]]] = [
        lambda: type_line(window, "/hero dragon"),
        lambda: hero.get_by_role("button", name="Again").click(),
        lambda: type_line(window, "hello"),
    ]
    for act in actions:
        await log.evaluate("log => log.scrollTop = 0")
        await expect(hero).to_be_in_viewport()
        before = await messages(window).count()
        await world.act(world.people["ana"].send(world.channel, "somebody else"))
        await expect(messages(window)).to_have_count(before + 1)
        await expect(hero).to_be_in_viewport()  # what others write does not scroll
        await expect(window.get_by_role("button", name="Newest messages")).to_be_visible()
        await act()
        await expect(messages(window).last).not_to_contain_text("somebody else")
        await expect(messages(window).last).to_be_in_viewport()


async def test_a_double_click_confirms_once(window: Window) -> None:
    await type_line(window, "/build-dataset limit:24")
    await window.get_by_role("button", name="Confirm").dblclick()
    await expect(messages(window).last).to_contain_text("Waiting to start")
    await expect(window.get_by_role("button", name="Pause")).to_be_visible()
    await expect(window.get_by_role("alert")).to_be_hidden()


async def test_a_double_click_on_submit_sends_a_form_once(window: Window) -> None:
    await type_line(window, "/hero 40 woman healing")
    await messages(window).last.get_by_role("button", name="Report").click()
    form = window.get_by_role("dialog")
    await window.evaluate(
        "window.sent = 0; const send = WebSocket.prototype.send;"
        "WebSocket.prototype.send = function (text) {"
        "  sent += text.includes('submit'); send.call(this, text); }; null"
    )
    await form.get_by_role("button", name="Submit").click()  # no reason is chosen, and none is meant
    assert await window.evaluate("sent") == 0
    await form.get_by_role("combobox").select_option("Something else")
    await form.get_by_role("button", name="Submit").dblclick()
    await expect(messages(window).last).to_contain_text("Thank you")
    await expect(form).to_be_hidden()
    assert await window.evaluate("sent") == 1


async def test_the_theme_follows_the_system_until_one_is_chosen(window: Window) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    await window.emulate_media(color_scheme="dark")
    dark = await window.evaluate(ground)
    await window.emulate_media(color_scheme="light")
    light = await window.evaluate(ground)
    assert dark != light
    await window.get_by_role("button", name="Switch to dark colours").click()
    assert await window.evaluate(ground) == dark
    await window.reload()
    assert await window.evaluate(ground) == dark
    await window.get_by_role("button", name="Switch to light colours").click()
    await window.emulate_media(color_scheme="dark")
    assert await window.evaluate(ground) == light


async def test_the_guide_stays_closed_until_it_is_opened(window: Window) -> None:
    guide = window.get_by_role("navigation", name="Guide")
    await expect(guide).to_be_visible()
    await window.get_by_role("button", name="Close the guide").click()
    await expect(guide).to_be_hidden()
    opener = window.get_by_role("button", name="Guide", exact=True)
    await expect(opener).to_be_focused()
    await window.reload()
    await expect(opener).to_have_attribute("aria-expanded", "false")
    await expect(window.get_by_role("combobox")).to_be_enabled()
    await expect(guide).to_be_hidden()
    await opener.click()
    await expect(guide).to_contain_text("1. Ask for a hero")


async def test_a_step_is_taken_from_the_guide_by_whoever_may(window: Window) -> None:
    guide = window.get_by_role("navigation", name="Guide")
    await window.get_by_role("radio", name="ana").check(force=True)
    await guide.get_by_role("button", name="/hero 40 woman healing").click()
    await expect(messages(window).last.get_by_role("heading")).to_be_visible()
    await expect(guide).to_contain_text("2. Gather examples")
    await guide.get_by_role("button", name="Switch to olga").click()
    await expect(window.get_by_role("radio", name="olga")).to_be_checked()
    await expect(guide.get_by_role("button", name="/build-dataset")).to_be_visible()


@pytest.mark.parametrize("name", ["olga", "ben"])
async def test_a_new_tab_asks_who_one_is(browser: Browser, page: Page, name: str) -> None:
    tab = await browser.new_page()
    await tab.goto(page.url)
    welcome = tab.get_by_role("region", name="A bot that owns a small language model")
    await expect(welcome).to_contain_text("simulated Discord")
    await expect(tab.locator("#composer")).to_have_attribute("inert", "")  # nobody can write yet
    await expect(welcome.get_by_text("or type /help below")).to_be_hidden()
    await tab.get_by_role("button", name=f"{name}, ").click()
    await expect(tab.get_by_role("radio", name=name)).to_be_checked()
    await expect(tab.locator("#composer")).not_to_have_attribute("inert", "")
    await expect(welcome).to_be_visible()  # until something is said
    await expect(welcome.get_by_text("or type /help below")).to_be_visible()
    await type_line(tab, "hello")
    await expect(messages(tab).last).to_contain_text(name)
    await expect(welcome).to_be_hidden()


async def test_who_has_just_become_somebody_else_may_act_at_once(window: Window) -> None:
    await expect(window.locator("#steps")).to_be_visible()
    await window.evaluate("""() => {
        addEventListener("hashchange", () => {  // the page's own listener has begun to connect
            document.getElementById("line").value = "hello";
            document.getElementById("composer").requestSubmit();
        });
        location.hash = "ana";
    }""")
    await expect(messages(window).last.locator(".head")).to_contain_text("ana")
    await expect(window.get_by_role("alert")).to_be_hidden()


async def test_what_the_person_before_saw_cannot_be_used(window: Window) -> None:
    """A thumb that ana has given is shown as given until ben's view arrives: a click would take it back."""

    def delay(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        async def pass_on_late(message: str | bytes) -> None:
            await asyncio.sleep(0.5)
            route.send(message)

        server.on_message(pass_on_late)

    await window.route_web_socket("**/socket*", delay)
    await window.reload()
    await type_line(window, "hello")
    said = messages(window).filter(has_text="hello")
    thumb = said.get_by_role("button", name="👍,")
    for count, name in ((1, "ana"), (2, "ben")):
        await window.get_by_role("radio", name=name).check(force=True)
        if count == 1:
            await said.get_by_text("☺+").click()
            await said.get_by_role("button", name="React with 👍").click()
        else:
            await thumb.click()
        await expect(thumb).to_have_attribute("aria-pressed", "true")
        await expect(thumb).to_contain_text(str(count))


async def test_the_page_speaks_the_browsers_language_and_turns_to_the_servers(
    browser: Browser, page: Page
) -> None:
    tab = await browser.new_page(locale="de-AT")
    await tab.goto(f"{page.url}#olga")
    html = tab.locator("html")
    await expect(html).to_have_attribute("lang", "de")
    await expect(tab.locator("#step")).to_contain_text("Nach einem Helden fragen")
    await expect(tab.get_by_placeholder("Text oder / für Befehle")).to_be_visible()
    await tab.locator("#line").fill("/einstellungen sprache sprache:English")
    await tab.locator("#line").press("Enter")
    await expect(html).to_have_attribute("lang", "en")
    await expect(tab.locator("#step")).to_contain_text("Ask for a hero")
    await expect(tab.get_by_role("radio", name="olga operator")).to_be_checked()


async def test_channels_are_chosen_from_a_menu(window: Window) -> None:
    await type_line(window, "/settings channels")
    settings = messages(window).last
    await settings.get_by_role("listbox").select_option("#heroes")
    await settings.get_by_role("button", name="Choose").click()
    await expect(settings).to_contain_text("Channels where /hero works: #heroes")


async def test_updates_keep_the_keyboard_focus(window: Window, world: SimulatedDiscord) -> None:
    step = window.get_by_role("button", name="Step 3: Train the model")
    await step.focus()
    await world.act(world.people["ana"].send(world.channel, "hi"))
    await expect(messages(window)).to_have_count(1)
    await expect(step).to_be_focused()

    more = messages(window).last.get_by_label("Add a reaction")
    await more.focus()
    await more.press("Enter")
    await world.act(world.people["ben"].react(world.channel.history()[-1], "🔥"))
    await expect(messages(window).last.get_by_label("🔥, 1")).to_be_visible()
    await expect(more).to_be_focused()
    await expect(messages(window).last.get_by_label("React with 👍")).to_be_visible()

    await window.get_by_role("radio", name="olga").focus()
    await window.keyboard.press("ArrowRight")
    await expect(window.get_by_role("radio", name="ana")).to_be_focused()
    await expect(messages(window)).to_have_count(1)


async def test_a_double_click_on_a_step_takes_it_once(window: Window, script: Script) -> None:
    guide = window.get_by_role("navigation", name="Guide")
    await guide.get_by_role("button", name="/hero 40 woman healing").dblclick()
    await expect(messages(window).last.get_by_role("heading")).to_be_visible()
    await expect(guide).to_contain_text("2. Gather examples")
    await expect(messages(window)).to_have_count(1)
    assert len(script.asked) == 1


async def test_the_message_of_a_step_is_marked_and_scrolled_to(
    window: Window, app: App, world: SimulatedDiscord
) -> None:
    """The hero that ana and ben are to vote on, though others have written much since."""
    await build(app)
    await finetune(app)
    await type_line(window, "/hero 40 woman healing")
    hero = messages(window).filter(has_text="40-year-old woman, healing")
    await expect(hero).to_be_visible()
    for number in range(12):
        await world.act(world.people["ben"].send(world.channel, f"line {number}\n" * 5))
    await expect(messages(window)).to_have_count(13)
    await expect(hero).not_to_be_in_viewport()
    await expect(window.locator(".pointed")).to_have_count(0)  # it is not olga's turn
    await window.get_by_role("button", name="Switch to ana").click()
    await expect(window.get_by_role("radio", name="ana")).to_be_checked()
    await expect(hero).to_have_class("message pointed")
    await expect(hero).to_be_in_viewport()
    await window.get_by_role("log").evaluate("log => log.scrollTop = log.scrollHeight")
    await expect(hero).not_to_be_in_viewport()
    await window.get_by_role("button", name="Show the message").click()
    await expect(hero).to_be_in_viewport()


async def test_who_waits_for_the_channel_is_told_so(window: Window) -> None:
    """Until the first messages come, not only until a connection is there."""
    held = asyncio.Event()

    def delay(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        async def pass_on_late(message: str | bytes) -> None:
            await held.wait()
            route.send(message)

        server.on_message(pass_on_late)

    await window.route_web_socket("**/socket*", delay)
    await window.get_by_role("radio", name="ana").check(force=True)
    status = window.locator("#connection")
    await expect(status).to_have_text("connecting …")
    await expect(status).to_have_css("opacity", "1")
    held.set()
    await expect(status).to_have_text("")


async def test_members_are_sent_to_the_operator_only_when_it_is_their_turn(window: Window) -> None:
    guide = window.get_by_role("navigation", name="Guide")
    switch = guide.get_by_role("button", name="Switch to olga")
    await window.get_by_role("radio", name="ana").check(force=True)
    await guide.get_by_role("button", name="Step 3: Train the model").click()
    await expect(guide).to_contain_text("3. Train the model")
    await expect(switch).to_be_hidden()  # the first step is next
    await guide.get_by_role("button", name="Step 1: Ask for a hero").click()
    await guide.get_by_role("button", name="/hero 40 woman healing").click()
    await switch.click()  # the second step is
    await type_line(window, "/build-dataset limit:24")
    await window.get_by_role("button", name="Confirm").click()
    await window.get_by_role("radio", name="ana").check(force=True)
    await expect(guide).to_contain_text("It runs: its message in the channel counts the examples.")
    await expect(switch).to_be_hidden()


async def test_a_refusal_goes_with_the_next_input_also_if_it_is_blank(window: Window) -> None:
    await type_line(window, "/nosuch")
    await expect(window.get_by_role("alert")).to_be_visible()
    await type_line(window, "   ")
    await expect(window.get_by_role("alert")).to_be_hidden(timeout=3000)


@pytest.mark.parametrize("width", [390, 1280])
async def test_a_lost_connection_is_told_below_the_guide(window: Window, width: int) -> None:
    await window.set_viewport_size({"width": width, "height": 800})
    await expect(window.locator("#guide")).to_be_visible()
    header, guide = [await window.locator(each).bounding_box() for each in ("header", "#guide")]
    await window.route_web_socket("**/socket*", lambda socket: socket.close())
    await window.get_by_role("radio", name="ben").check(force=True)
    status = window.locator("#connection")
    await expect(status).to_contain_text("the playground does not answer")
    await expect(status).to_have_css("opacity", "1")
    told, log = await status.bounding_box(), await window.locator("#log").bounding_box()
    assert guide is not None
    assert told is not None
    assert log is not None
    assert [await window.locator(each).bounding_box() for each in ("header", "#guide")] == [header, guide]
    assert told["y"] >= guide["y"] + guide["height"]  # it covers nothing
    assert log["y"] >= told["y"] + told["height"]
    assert told["width"] == width
    assert told["height"] < 50  # one line, or two
