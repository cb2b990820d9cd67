"""No secret is in what an examination tells."""

import pytest

from bot.doctor.finding import Finding, exit_code, worst
from bot.doctor.masking import Mask, secrets_of
from bot.i18n.message import LocalizedMessage
from bot.settings import Settings

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123"  # noqa: S105


def test_secrets_of_all_settings_are_known() -> None:
    settings = Settings(
        discord_token=TOKEN,
        engine_api_key="engine-key",
        serving_api_key="serving-key",
        database_url="postgresql+asyncpg://hero:p%40ssword@db/hero",
        engine_url="http://127.0.0.1:1/v1?key=in-a-query",
        serving_url="http://gpu1/v1, http://gpu2/v1?key=in-the-second",
        tuning_extra={"account": "of-the-provider"},
    )
    mask = Mask(secrets_of(settings))
    for secret in (TOKEN, "engine-key", "serving-key", "p%40ssword", "p@ssword", "of-the-provider"):
        assert mask.text(f"It says {secret}.") == "It says ***."
    assert "in-the-second" not in mask.text("http://gpu2/v1?key=in-the-second")
    assert "in-a-query" not in mask.text("http://127.0.0.1:1/v1?key=in-a-query")


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        "sk-proj-abcdefghijklmnop",
        "hf_abcdefghijklmnopqrst",
        "https://olga:hunter22@example.org/v1",
        "https://example.org/v1?api_key=hunter22",
        "Bearer hunter22hunter22",
    ],
)
def test_what_looks_like_a_secret_is_one(text: str) -> None:
    masked = Mask([]).text(f"{text} was sent")
    assert "***" in masked
    assert masked.endswith(" was sent")
    assert "hunter22" not in masked
    assert "abcdefghij" not in masked


def test_a_masked_message_can_still_be_translated() -> None:
    inner = LocalizedMessage("The key {key} is wrong", key="very-secret")
    message = LocalizedMessage("No. {reason} {more}", reason=inner, more=["very-secret", 3])
    masked = Mask(["very-secret"]).message(message)
    assert masked.template == message.template
    assert str(masked) == "No. The key *** is wrong ***, 3"


def test_plain_words_stay() -> None:
    text = "SQLite says “row 3 missing from index duel_vote_one_of_voter” in /home/olga/herosmith/data/var"
    assert Mask(["abc"]).text(text) == text


def test_the_worst_finding_decides() -> None:
    def findings(*states: str) -> list[Finding]:
        return [Finding("disk", state, LocalizedMessage("x")) for state in states]  # type: ignore[arg-type]

    assert (exit_code(findings("ok", "skipped")), worst(findings("ok", "skipped"))) == (0, "ok")
    assert (exit_code(findings("ok", "warning")), worst(findings("warning"))) == (1, "warning")
    assert (exit_code(findings("warning", "failed")), worst(findings("warning", "failed"))) == (2, "failed")
