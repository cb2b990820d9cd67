"""Record the pictures of the playground for the documentation: `make pictures`.

The guided run is taken as a visitor takes it, on the real engine, in headless Chromium. Waiting is cut from
the moving picture; what each step took is printed. It writes docs/playground.gif and docs/playground.png.
"""

import argparse
import asyncio
import io
import os
import re
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from PIL import Image
from playwright.async_api import Locator, Page, async_playwright, expect

from bot.settings import ROOT

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
_GIF = ROOT / "docs" / "playground.gif"
_SIZE = (880, 620)
_COLOURS = 64
_DUEL = 8  # the step in which a text is chosen
_LONGEST = 1800  # seconds for one step: a training on a busy machine
_STUCK = (
    "writes too badly",
    "No new model is in duels",
    "The last try failed",
)  # where a guided run ends too early
_READ, _GLANCE, _BLINK = 2600, 1200, 350  # milliseconds that a frame stays


class Recording:
    """The page, and the frames so far with the milliseconds that each stays."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._frames: list[tuple[Image.Image, int]] = []

    async def frame(self, milliseconds: int) -> None:
        shot = Image.open(io.BytesIO(await self.page.screenshot())).convert("RGB")
        if not self._frames or self._frames[-1][0] != shot:
            self._frames.append((shot, milliseconds))

    def save(self, path: Path) -> None:
        images = [image.quantize(_COLOURS, dither=Image.Dither.NONE) for image, _ in self._frames]
        durations = [milliseconds for _, milliseconds in self._frames]
        images[0].save(
            path, save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=True
        )

    @property
    def messages(self) -> Locator:
        return self.page.get_by_role("log").get_by_role("listitem")

    async def step(self) -> int:
        """Return the number of the step that the guide shows."""
        label = await self.page.locator("#steps [aria-current]").get_attribute("aria-label")
        found = re.match(r"Step (\d+)", label or "")
        return int(found[1]) if found else 0

    async def take(self, number: int) -> None:
        """Take a step as the guide says, until it shows the next one."""
        began = time.monotonic()
        shown = self.page.locator("#steps [aria-current]")
        await expect(shown).to_have_attribute("aria-label", re.compile(f"Step {number}:"))
        switch = self.page.locator("#step").get_by_role("button", name="Switch to")
        if await switch.count():
            await switch.click()
            await expect(switch).to_have_count(0)
        await self.frame(_READ)
        await self._act()
        while await self.step() == number and not await self._is_over():
            if time.monotonic() - began > _LONGEST:
                raise TimeoutError(f"step {number} did not end")
            await self._continue(number)
        await self._wait_for_quiet()
        await self.frame(_READ)
        print(f"step {number}: {time.monotonic() - began:.0f} s", flush=True)

    async def _wait_for_quiet(self) -> None:
        """Wait until nothing is thought about, written or worked at any more, and its end has arrived."""
        for name in ("Stop", "Pause"):
            button = self.messages.get_by_role("button", name=name, exact=True)
            await expect(button).to_have_count(0, timeout=1000 * _LONGEST)
        await asyncio.sleep(1)
        await expect(self.page.locator(".thinking")).to_have_count(0, timeout=1000 * _LONGEST)

    async def _is_over(self) -> bool:
        return "That was the whole loop" in await self.page.locator("#step").inner_text()

    async def _act(self) -> None:
        """Do what the step asks for: its line, or a thumb under the last hero."""
        line = self.page.locator("#step").get_by_role("button")
        if await line.count():
            await line.click()
        else:
            thumb = self.messages.get_by_role("button", name="👍,").last
            await thumb.click()
            await expect(thumb).to_have_attribute("aria-pressed", "true")
        await self.frame(_BLINK)

    async def _continue(self, number: int) -> None:
        """Press what waits to be pressed, and look on: seldom while a job runs, else often."""
        name = "A" if number == _DUEL else "Confirm"
        button = self.messages.get_by_role("button", name=name, exact=True)
        if await button.count():
            await self.frame(_READ)
            await button.last.click()
            await self._wait_for_change(number, 5)  # a plan goes, and a duel's buttons stay
            await self.frame(_GLANCE)
        switch = self.page.locator("#step").get_by_role("button", name="Switch to")
        if await switch.count():
            await switch.click()
            await expect(switch).to_have_count(0)
            await self.frame(_GLANCE)
            await self._act()
            return
        todo = await self.page.locator("#step .todo").inner_text()
        if await self.step() == number and any(sign in todo for sign in _STUCK):
            raise RuntimeError(f"step {number}: {todo}")
        await self._wait_for_change(number, 45 if "It " in todo else 0.4)
        await self.frame(_BLINK)

    async def _wait_for_change(self, number: int, seconds: float) -> None:
        """Wait until the guide shows another step, but no longer than so many seconds."""
        shown = self.page.locator("#steps [aria-current]")
        with suppress(AssertionError):
            await expect(shown).not_to_have_attribute(
                "aria-label", re.compile(f"Step {number}:"), timeout=1000 * seconds
            )


@asynccontextmanager
async def playground(data_dir: Path) -> AsyncIterator[str]:
    """Start the playground on an empty data folder, and return its address."""
    environment = os.environ | {"DATA_DIR": str(data_dir), "DISCORD_TOKEN": "", "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run", "--no-open"), env=environment, stderr=PIPE, cwd=ROOT
    )
    try:
        while process.stderr and (line := (await process.stderr.readline()).decode()):
            if found := re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line):
                yield found[0]
                break
    finally:
        process.terminate()
        await process.wait()


async def record(folder: Path, *, last: int) -> None:
    """Record the guided run up to a step."""
    async with (
        playground(folder) as address,
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=_BROWSER, args=_FLAGS) as browser,
    ):
        page = await browser.new_page(
            viewport={"width": _SIZE[0], "height": _SIZE[1]}, color_scheme="dark", locale="en"
        )
        recording = Recording(page)
        await page.goto(address)
        await expect(page.get_by_role("button", name="olga, operator")).to_be_visible()
        await recording.frame(_READ)
        await page.get_by_role("button", name="olga, operator").click()
        for number in range(1, last + 1):
            await recording.take(number)
            recording.save(_GIF)  # as far as it came, if the rest fails
            if number <= 5:  # the first model has answered, and has votes
                await page.set_viewport_size({"width": 1280, "height": 900})
                await page.screenshot(path=ROOT / "docs" / "playground.png")
                await page.set_viewport_size({"width": _SIZE[0], "height": _SIZE[1]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--last", type=int, default=10, help="the step after which to stop")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(record(Path(folder), last=arguments.last))
    print(f"{_GIF.name}: {_GIF.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
