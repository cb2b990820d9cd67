"""Checks of what an owner has written: settings, the files that they name, prices, links."""

import os
from collections.abc import Sequence

from bot.connection.account import Account
from bot.doctor.finding import Finding
from bot.doctor.installation import Installation
from bot.errors import SettingsError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import read_heroes
from bot.heroes.vocabulary import quoted
from bot.i18n.message import LocalizedMessage
from bot.llm.prices import Price, read_prices
from bot.settings import Settings

_OLD_PRICE = 180  # days
_ENGINE_PLACES = 16  # OPENVINO_SLOTS of engine/limits.py, which is no import of the bot's


def check_settings(installation: Installation) -> list[Finding]:
    """Return each mistake in the words of the settings, and each misspelt name."""
    path = installation.env_file
    file = str(path) if path and path.exists() else None
    mistakes = [
        Finding(
            "settings",
            "failed",
            LocalizedMessage(line),
            LocalizedMessage(
                "Correct it in `.env` or in the environment. Below, what is wrong counts as left out."
            ),
            file,
        )
        for line in installation.mistakes
    ]
    misspelt = [
        Finding("settings", "warning", LocalizedMessage(line), LocalizedMessage("Correct the name."), file)
        for line in installation.misspelt
    ]
    crowded = [_crowd_finding(installation.settings)] if _is_crowded(installation.settings) else []
    sound = Finding("settings", "ok", LocalizedMessage("All settings are valid."), file=file)
    return [*mistakes, *misspelt, *crowded] or [sound]


def _is_crowded(settings: Settings) -> bool:
    """Whether the bot asks the engine for more texts at once than it writes."""
    return not settings.hosted and not settings.serving_url and settings.heroes_at_once > _ENGINE_PLACES


def _crowd_finding(settings: Settings) -> Finding:
    cause = LocalizedMessage(
        "HEROES_AT_ONCE is {number}, and the engine writes {places} at once with OpenVINO, or half of that.",
        number=settings.heroes_at_once,
        places=_ENGINE_PLACES,
    )
    cure = LocalizedMessage("Lower it: more wait at the engine, and what comes beyond its queue is refused.")
    return Finding("settings", "warning", cause, cure)


def check_files(installation: Installation) -> list[Finding]:
    """Read the files that the settings name, as a start does."""
    settings = installation.settings
    try:
        heroes = read_heroes(settings.heroes_file)
    except SettingsError as error:
        return [_file_fault(error, str(settings.heroes_file))]
    try:
        Blocklist(settings.blocklist, heroes.vocabulary.powers)
    except SettingsError as error:
        return [_file_fault(error, str(settings.blocklist))]
    if not os.path.isfile(settings.first_dataset):  # noqa: PTH113 (it is False where nobody may look)
        return [
            Finding(
                "files",
                "warning",
                LocalizedMessage("The file of the texts that come with the bot is not there."),
                LocalizedMessage("Correct FIRST_DATASET, or build datasets from other sources."),
                str(settings.first_dataset),
            )
        ]
    if unknown := heroes.unknown_plot_powers:
        return [_untold_plots(unknown, str(settings.heroes_file))]
    return [
        Finding(
            "files",
            "ok",
            LocalizedMessage(
                "Prompts and vocabulary can be read ({powers} powers), and so can the blocklist.",
                powers=len(heroes.vocabulary.powers),
            ),
            file=str(settings.heroes_file),
        )
    ]


def _untold_plots(powers: Sequence[str], file: str) -> Finding:
    """Return a warning: these powers may be misspelt, or somebody may have added them in Discord."""
    cause = LocalizedMessage(
        "There are plots for powers that no list of this file has, so no build tells them: {powers}.",
        powers=[quoted(power) for power in powers],
    )
    cure = LocalizedMessage("Correct these powers in the plots, or add them to a list of this file.")
    return Finding("files", "warning", cause, cure, file)


def _file_fault(error: SettingsError, file: str) -> Finding:
    cure = LocalizedMessage("Correct this file, or name another one in the settings.")
    return Finding("files", "failed", LocalizedMessage(str(error)), cure, file)


def check_prices(installation: Installation) -> list[Finding]:
    """Say what the configured models cost, and how old these figures are."""
    settings = installation.settings
    file = str(settings.prices_file)
    try:
        prices = read_prices(settings.prices_file, free=False)
    except SettingsError as error:
        cure = LocalizedMessage("Correct this file, or name another one in the settings.")
        return [Finding("prices", "failed", LocalizedMessage(str(error)), cure, file)]
    if not settings.hosted:
        cause = LocalizedMessage("Models of the engine cost nothing.")
        return [Finding("prices", "ok", cause, file=file)]
    names = dict.fromkeys((settings.author_model, settings.base_model))
    return [_price_finding(installation, name, prices.of(name), file) for name in names]


def _price_finding(installation: Installation, model: str, price: Price | None, file: str) -> Finding:
    if price is None:
        limited = installation.settings.daily_budget is not None
        cause = LocalizedMessage("The price of `{model}` is not known.", model=model)
        if limited:
            cause = LocalizedMessage(
                "The price of `{model}` is not known, so with DAILY_BUDGET it is not asked.", model=model
            )
        cure = LocalizedMessage("Add its price to this file, with the day on which you read it.")
        return Finding("prices", "failed" if limited else "warning", cause, cure, file)
    cause = LocalizedMessage(
        "`{model}` costs ${input:g} for a million tokens that it reads and ${output:g} for those that it "
        "writes{citation}.",
        model=model,
        input=price.input,
        output=price.output,
        citation=price.citation,
    )
    if price.read_on is not None and (installation.today - price.read_on).days <= _OLD_PRICE:
        return Finding("prices", "ok", cause, file=file)
    cure = LocalizedMessage("Look the price up again, and correct it with today's date.")
    return Finding("prices", "warning", cause, cure, file)


def check_policies(installation: Installation, account: Account | None) -> list[Finding]:
    """Look for the links that Discord asks of a bot: a privacy policy, and terms of service."""
    settings = installation.settings
    if settings.discord_token is None and account is None:
        cause = LocalizedMessage("The playground needs neither a privacy policy nor terms.")
        return [Finding("policies", "skipped", cause)]
    return [_privacy_finding(settings), *_profile_findings(account)]


def _privacy_finding(settings: Settings) -> Finding:
    if settings.privacy_url is None:
        return Finding(
            "policies",
            "warning",
            LocalizedMessage("PRIVACY_URL is empty, so people find no privacy policy."),
            LocalizedMessage("Fill in PRIVACY.md, publish it, and put its address into PRIVACY_URL."),
        )
    return Finding("policies", "ok", LocalizedMessage("`/about` and `/privacy` link to the privacy policy."))


def _profile_findings(account: Account | None) -> list[Finding]:
    if account is None:
        cause = LocalizedMessage("Discord was not asked whether the bot's profile links its terms.")
        return [Finding("policies", "skipped", cause)]
    faults = (
        (account.terms_url, LocalizedMessage("The bot's profile in Discord links no terms of service.")),
        (account.privacy_url, LocalizedMessage("The bot's profile in Discord links no privacy policy.")),
    )
    cure = LocalizedMessage(
        "Enter the address in the developer portal, under General Information (docs/communities.md)."
    )
    return [Finding("policies", "warning", cause, cure) for url, cause in faults if not url]
