"""The name by which people know a model: its number. The server's own name for it is for `/models show`."""

from bot.i18n.message import LocalizedMessage
from bot.store.models import Model


def model_name(model_id: int) -> LocalizedMessage:
    """Return a model's name for people, such as "Model 1"."""
    return LocalizedMessage("Model {number}", number=model_id)


def name_in_sentence(model: Model | str) -> LocalizedMessage | str:
    """Return what a sentence calls a model: "model 1" if it was tuned here, else its server's name for it."""
    return model if isinstance(model, str) else LocalizedMessage("model {number}", number=model.id)
