"""A local page in a language: its HTML, and the messages of its scripts."""

import html
import json
import re
from functools import cache
from pathlib import Path

from bot.i18n.extraction import messages_of_page
from bot.i18n.message import Translator

SHARED_FOLDER = Path(__file__).parent / "page"
"""What every local page loads: colours, style, and how it builds elements and translates."""

_ENGLISH_HEAD = '<html lang="en" data-locale="en">'
_NO_TEXTS = '<script id="texts" type="application/json">{}</script>'
_MESSAGE = re.compile(r"\{\{(.+?)\}\}(?!\})")


def accepted_languages(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, in the browser's order."""
    return [part.partition(";")[0].strip() for part in header.split(",")]


def render_page(folder: Path, t: Translator, locale: str) -> str:
    """Return a folder's index.html in a language, with the messages of its scripts and the shared ones.

    locale: the language of the browser, which holds again once the server has no own language.
    """
    page = _translated(folder / "index.html", t)
    texts = json.dumps({text: t(text) for text in _script_messages(folder)}).replace("<", "\\u003c")
    head = f'<html lang="{html.escape(t.code)}" data-locale="{html.escape(locale)}">'
    return page.replace(_ENGLISH_HEAD, head, 1).replace(_NO_TEXTS, _NO_TEXTS.replace("{}", texts), 1)


def render_template(file: Path, t: Translator, **fields: str) -> str:
    """Return an HTML file in a language, which its {language} names; its other {fields} are HTML."""
    page = _translated(file, t)
    filled = {**fields, "language": html.escape(t.code)}
    return re.sub(r"\{(\w+)\}", lambda match: filled[match[1]], page)


def _translated(template: Path, t: Translator) -> str:
    return _MESSAGE.sub(lambda match: html.escape(t(match[1])), template.read_text(encoding="utf-8"))


@cache
def _script_messages(folder: Path) -> list[str]:
    files = (file for each in (SHARED_FOLDER, folder) for file in sorted(each.glob("*.js")))
    return [text for file in files for _, text in messages_of_page(file)]
