"""The documentation beside the code, as pages: Markdown as HTML, and the files that it links to."""

import html
import re
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

from bot.i18n.message import Translator
from bot.local_page.localization import render_template
from bot.shipped_files import shipped

# What pages link to. Nothing else of the folder is served: .env and data/var hold secrets.
FILE_PATTERN = (
    r"[A-Z_]+\.md|LICENSE|\.env\.example|data/first_dataset\.md"
    r"|(?:docs|bench|examples)/(?:\w+/)*(?:[\w.-]+\.(?:md|png|gif|csv|json|jsonl|toml))?"
)
_TEMPLATE = Path(__file__).parent / "page" / "document.html"
_NO_ANCHOR = re.compile(r"[^\w\- ]")
_ALIGNMENT = "style"  # of a table's cells; the page's security policy forbids it


def find_file(path: str) -> Path | None:
    """Return the file that a path names, for a folder its README; None if there is none to be served."""
    if not re.fullmatch(FILE_PATTERN, path):
        return None
    file = shipped(path)
    if path.endswith("/"):
        file /= "README.md"
    return file if file.is_file() else None


def render_document(file: Path, t: Translator) -> str:
    """Return a Markdown file as an HTML page. Its links stay relative: files keep their paths."""
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(file.read_text(encoding="utf-8"))
    for token, inline in pairwise(tokens):
        token.attrs.pop(_ALIGNMENT, None)
        if token.type == "heading_open":
            token.attrSet("id", _anchor(inline.content))
    title = next((token.content for token in tokens if token.type == "inline"), file.name)
    body = markdown.renderer.render(tokens, markdown.options, {})
    return render_template(_TEMPLATE, t, title=html.escape(title), body=body)


def _anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub names it."""
    return _NO_ANCHOR.sub("", heading.lower()).strip().replace(" ", "-")
