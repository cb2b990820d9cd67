"""escape_markdown: texts of models are shown as they were written."""

import pytest

from cogs.common.markdown import escape_markdown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("She said *no*.", r"She said \*no\*."),
        ("at https://evil.example/a_b", r"at https\://evil.example/a\_b"),
        ("<@1> at <t:0:R>", r"\<@1> at \<t:0:R>"),
        ("[click](http://x)", r"\[click](http\://x)"),
        ("Her motto: never.", "Her motto: never."),
    ],
)
def test_no_markdown_is_rendered(written: str, shown: str) -> None:
    assert escape_markdown(written) == shown
