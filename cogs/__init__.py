"""The bot's features. Each package adds its own cogs and persistent buttons: `async def setup(bot)`."""

EXTENSIONS = (
    "cogs.common",
    "cogs.hero",
    "cogs.heroes",
    "cogs.moderation",
    "cogs.votes",
    "cogs.info",
    "cogs.contests",
    "cogs.admin",
    "cogs.training",
    "cogs.models",
    "cogs.onboarding",
)
