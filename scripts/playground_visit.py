"""A visit to the playground in headless Chromium: type, press buttons, and take pictures."""

import asyncio
import io
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Locator, Page, expect

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
WIDE, NARROW = (1280, 860), (390, 844)
LONGEST = 300_000  # milliseconds for one answer of the model, on a busy machine
LOADED = "[...document.images].every((each) => each.complete)"

_COLOURS = 256
_MOST_BYTES = 150_000
_FRAME, _NARROW_FRAME = 190, 165  # pixels of a page around its messages, wide and as on a phone
_SHORTEST, _TALLEST = 420, 1450
_HIDE_BEFORE = """each => {
  while ((each = each.previousElementSibling)) each.style.display = "none";
}"""
_SHOW_ALL = 'document.querySelectorAll("#messages > li").forEach((each) => { each.style.display = ""; })'


@dataclass
class Visit:
    """A page of the playground as one of its people, and the pictures of it.

    folder: where they go; wanted: the names of those that are taken, None takes all.
    """

    page: Page
    folder: Path
    wanted: Collection[str] | None

    @property
    def messages(self) -> Locator:
        return self.page.get_by_role("log").get_by_role("listitem")

    def with_text(self, text: str) -> Locator:
        """Return the newest message with a text."""
        return self.messages.filter(has_text=text).last

    async def become(self, name: str) -> None:
        await self.page.get_by_role("radio", name=name).check(force=True)
        await expect(self.page.locator("#messages[inert]")).to_have_count(0)

    async def type_line(self, line: str, until: str) -> Locator:
        """Type a line, and return the message that answers, in which a text appears."""
        before = await self.messages.count()
        box = self.page.locator("#line")
        await box.fill(line)
        await box.press("Escape")  # no suggestion is taken
        await box.press("Enter")
        return await self._answer(before, until)

    async def press(self, message: Locator, name: str, until: str) -> Locator:
        """Press a button, and return the message that answers, in which a text appears."""
        await expect(message).to_be_visible()
        before = await self.messages.count()
        await message.get_by_role("button", name=name, exact=True).click()
        return await self._answer(before, until)

    async def _answer(self, before: int, until: str) -> Locator:
        answer = self.messages.nth(before)
        await expect(answer).to_contain_text(until, timeout=LONGEST)
        return await self.pinned(answer)

    async def pinned(self, message: Locator) -> Locator:
        """Return this very message, whichever ones follow it."""
        return self.page.locator(f'[data-id="{await message.get_attribute("data-id")}"]')

    async def show(self, first: Locator, *, narrow: bool, dark: bool) -> None:
        """Lay the page out, wide or as on a phone, from a message on, as tall as what is to be seen.

        Messages before it are hidden until show_all(): half of one would stand at the upper edge.
        """
        width, height = NARROW if narrow else WIDE
        await self.page.emulate_media(color_scheme="dark" if dark else "light")
        await self.page.set_viewport_size({"width": width, "height": height})
        await first.evaluate(_HIDE_BEFORE)
        await self.page.wait_for_function(LOADED)
        await asyncio.sleep(0.5)  # pictures are laid out
        until = "document.querySelector('#messages').getBoundingClientRect().bottom"
        seen = await first.evaluate(f"each => {until} - each.getBoundingClientRect().top")
        tallest, frame = (height, _NARROW_FRAME) if narrow else (_TALLEST, _FRAME)
        height = round(min(tallest, max(_SHORTEST, seen + frame)))
        await self.page.set_viewport_size({"width": width, "height": height})
        await asyncio.sleep(0.3)
        await first.evaluate("each => each.scrollIntoView({block: 'start'})")
        await self.page.mouse.move(1, 1)
        await asyncio.sleep(0.3)  # what fades in or out

    async def show_all(self) -> None:
        """Show the messages again that show() has hidden."""
        await self.page.evaluate(_SHOW_ALL)
        await self.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})

    async def picture(self, name: str, first: Locator) -> None:
        """Take pictures of a message and those after it, on a wide dark page and on a phone's light one."""
        for suffix, narrow in (("", False), ("-phone", True)):
            await self.show(first, narrow=narrow, dark=not narrow)
            await self.save(f"{name}{suffix}")
        await self.show_all()

    async def save(self, name: str, *, most: int = _MOST_BYTES) -> None:
        """Save a picture of the page as it is, if it is wanted. most: how many bytes it may have."""
        if self.wanted is not None and name not in self.wanted:
            return
        shot = Image.open(io.BytesIO(await self.page.screenshot())).convert("RGB")
        path = self.folder / f"heroes-{name}.png"
        shot.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        size = path.stat().st_size
        print(f"{path.name}: {size / 1000:.0f} kB", flush=True)
        if size > most:
            raise SystemExit(f"{path.name} is larger than {most / 1000:.0f} kB")
