"""The name by which people know a model: its number. The server's own name for it is for `/models show`."""

from bot.i18n.message import LocalizedMessage


def model_name(model_id: int) -> LocalizedMessage:
    """Return a model's name for people, such as "Model 1"."""
    return LocalizedMessage("Model {number}", number=model_id)
