"""One error tree, drawn whole.

    HerosmithError
    ├── UserError           its text is a sentence for the person who asked; it may reach Discord
    │   ├── NotUnderstood   what was typed is not a hero
    │   ├── NotAllowed      the person may not do this
    │   ├── Busy            something of the kind runs already
    │   ├── TooMany         they have had all that the limits allow for now
    │   ├── Stopped         the person stopped it before there was anything to show
    │   ├── OverBudget      a paid call could exceed the budget
    │   └── Unavailable     a part that is needed cannot answer now
    │       ├── OutOfReach      the model server is down, busy or too slow
    │       ├── Forbidden       the model server does not let this installation do it
    │       └── UnknownModel    the model server does not know the model, file or job
    └── OperatorError       its text is for the terminal and the log, never for Discord
        ├── SettingsError   the environment or .env is wrong
        ├── StoreError      the database cannot be opened
        └── ServerError     the model server refused or failed

Anything outside the tree is a defect: it is logged with a reference, and the person is told only that.
"""

from bot.i18n.message import LocalizedMessage


class HerosmithError(Exception):
    """The root: every error that this product raises on purpose."""


class UserError(HerosmithError):
    """Says in one sentence, to the person who asked, what is wrong and what to do next.

    A Language says the sentence. str() is English, for the log.
    """

    def __init__(self, sentence: str | LocalizedMessage, /, **fields: object) -> None:
        self.sentence = LocalizedMessage(sentence, **fields) if isinstance(sentence, str) else sentence
        super().__init__(str(self.sentence))


class NotUnderstood(UserError):
    """What was typed is not a hero."""


class NotAllowed(UserError):
    """The person may not do this."""


class Busy(UserError):
    """One of the kind runs already."""


class TooMany(UserError):
    """They have had all that the limits allow for now."""


class Stopped(UserError):
    """It was stopped before there was anything to show."""


class OverBudget(UserError):
    """A paid call was not made: it could have exceeded the day's budget, or its job's."""


class Unavailable(UserError):
    """A part that is needed cannot answer now; trying again later may help."""


class OutOfReach(Unavailable):
    """The model server is down, busy or too slow: the same call may succeed later."""


class Forbidden(Unavailable):
    """The model server knows this installation, and does not let it do what was asked for."""


class UnknownModel(Unavailable):
    """The model server does not know the model, file or job that was asked for."""


class OperatorError(HerosmithError):
    """For the terminal and the log."""


class SettingsError(OperatorError):
    """The environment or .env is wrong; the text lists every mistake."""


class StoreError(OperatorError):
    """The database cannot be opened."""


class ServerError(OperatorError):
    """The model server refused or failed; the text quotes its reason."""
