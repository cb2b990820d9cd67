"""Checks of the bot at Discord: token, intents, permissions, home servers and the admin channel."""

from collections.abc import Sequence

from bot.connection.account import Account, Missing, ask_account
from bot.connection.login import check_token
from bot.doctor.finding import Finding
from bot.doctor.installation import Installation, Rows
from bot.errors import LoginRefused
from bot.i18n.message import LocalizedMessage

_FEW_STARTS = 50  # of the 1,000 that Discord allows a day


async def check_token_and_login(
    installation: Installation, rows: Rows | None
) -> tuple[list[Finding], Account | None]:
    """Look at the token's form, and, if that may be, let Discord say whose it is."""
    secret = installation.settings.discord_token
    if secret is None:
        cause = LocalizedMessage("DISCORD_TOKEN is empty: the bot runs in the playground.")
        return [Finding("token", "skipped", cause)], None
    token = secret.get_secret_value()
    try:
        check_token(token)
    except LoginRefused as error:
        cure = LocalizedMessage("Copy the token anew into DISCORD_TOKEN.")
        return [Finding("token", "failed", LocalizedMessage(str(error)), cure)], None
    form = Finding("token", "ok", LocalizedMessage("DISCORD_TOKEN has the form of a token."))
    if not installation.online:
        return [form, _not_asked("login")], None
    guilds, channels = asked_places(installation, rows)
    try:
        account = await ask_account(token, guilds, channels)
    except LoginRefused as refusal:
        cure = LocalizedMessage("Do as the sentence says, and look again.")
        return [form, Finding("login", "failed", LocalizedMessage(str(refusal)), cure)], None
    return [form, *check_login(account)], account


def asked_places(installation: Installation, rows: Rows | None) -> tuple[list[int], list[int]]:
    """Return the ids of the servers and channels whose permissions matter."""
    places = rows.places if rows else ()
    settings = installation.settings
    guilds = dict.fromkeys([*settings.home_guilds, *(guild for guild, _ in places)])
    others = (settings.admin_channel, rows.job_channel if rows else None)
    channels = dict.fromkeys([*(each for each in others if each), *(channel for _, channel in places)])
    return list(guilds), list(channels)


def check_login(account: Account) -> list[Finding]:
    """Return who the bot is at Discord, and how often it may still start today."""
    found = [Finding("login", "ok", LocalizedMessage("Discord knows the bot as {name}.", name=account.name))]
    if account.starts_left is not None and account.starts_left < _FEW_STARTS:
        cause = LocalizedMessage("The bot may start only {number} times today.", number=account.starts_left)
        cure = LocalizedMessage("Something restarts it over and over; the log says what.")
        found.append(Finding("login", "warning", cause, cure))
    return found


def check_intents(account: Account | None) -> list[Finding]:
    """Say whether Discord sends the bot what it asks for."""
    if account is None:
        return [_not_asked("intents")]
    if not account.missing_intents:
        cause = LocalizedMessage("The bot gets every intent that it asks for.")
        return [Finding("intents", "ok", cause)]
    cause = LocalizedMessage(
        "The bot does not get these intents: {names}.", names=list(account.missing_intents)
    )
    cure = LocalizedMessage("Switch them on in the developer portal, under Bot, Privileged Gateway Intents.")
    return [Finding("intents", "failed", cause, cure)]


def check_permissions(account: Account | None, rows: Rows | None) -> list[Finding]:
    """Say what the bot may not do in the servers and channels in which it has posted."""
    if account is None:
        return [_not_asked("permissions")]
    if not rows or not rows.places:
        cause = LocalizedMessage("The bot has posted in no server yet.")
        return [Finding("permissions", "skipped", cause)]
    guilds = dict.fromkeys(guild for guild, _ in rows.places)
    lacking = [(each, account.guilds.get(each)) for each in guilds]
    lacking += [(channel, account.channels.get(channel)) for _, channel in rows.places]
    found = [_missing_permissions(account, place, missing) for place, missing in lacking if missing]
    cause = LocalizedMessage(
        "The bot has its permissions in all {number} channels in which it has posted and which are left.",
        number=sum(account.channels.get(channel) is not None for _, channel in rows.places),
    )
    return found or [Finding("permissions", "ok", cause)]


def _missing_permissions(account: Account, place: int, missing: Missing) -> Finding:
    cause = LocalizedMessage(
        "In “{place}” ({id}) the bot lacks {permissions}.",
        place=account.names.get(place, "?"),
        id=str(place),
        permissions=list(missing),
    )
    cure = LocalizedMessage(
        "Grant them there to the bot's role, or invite it again by the link of `herosmith invite`."
    )
    return Finding("permissions", "warning", cause, cure)


def check_home_guilds(installation: Installation, account: Account | None) -> list[Finding]:
    """Say whether the bot is in the servers whose managers are operators."""
    wanted = installation.settings.home_guilds
    if not wanted:
        cause = LocalizedMessage("HOME_GUILDS is empty: the application's owner alone is an operator.")
        return [Finding("home_servers", "ok", cause)]
    if account is None:
        return [_not_asked("home_servers")]
    strange = sorted(each for each in wanted if account.guilds.get(each) is None)
    if not strange:
        cause = LocalizedMessage("The bot is in every server of HOME_GUILDS.")
        return [Finding("home_servers", "ok", cause)]
    cure = LocalizedMessage("Correct HOME_GUILDS, or add the bot there by the link of `herosmith invite`.")
    cause = LocalizedMessage("The bot is not in these servers of HOME_GUILDS: {ids}.", ids=_id_texts(strange))
    return [Finding("home_servers", "failed", cause, cure)]


def check_admin_channel(installation: Installation, account: Account | None) -> list[Finding]:
    """Say whether notices reach the operators' channel."""
    channel = installation.settings.admin_channel
    if channel is None:
        cause = LocalizedMessage(
            "ADMIN_CHANNEL is empty: notices go to the channel of the newest job, or to the owner."
        )
        return [Finding("admin_channel", "ok", cause)]
    if account is None:
        return [_not_asked("admin_channel")]
    cure = LocalizedMessage("Correct ADMIN_CHANNEL, or let the bot write there.")
    if channel not in account.channels or account.channels[channel] is None:
        cause = LocalizedMessage("There is no channel {id} that the bot sees.", id=str(channel))
        return [Finding("admin_channel", "failed", cause, cure)]
    missing = account.channels[channel]
    if missing:
        cause = LocalizedMessage("In ADMIN_CHANNEL the bot lacks {permissions}.", permissions=list(missing))
        return [Finding("admin_channel", "failed", cause, cure)]
    cause = LocalizedMessage("The bot may write in ADMIN_CHANNEL.")
    return [Finding("admin_channel", "ok", cause)]


def _id_texts(ids: Sequence[int]) -> list[str]:
    return [str(each) for each in ids]  # a number would get separators


def _not_asked(check: str) -> Finding:
    cause = LocalizedMessage("Discord was not asked.")
    return Finding(check, "skipped", cause, LocalizedMessage("`--online` asks it."))
