"""All errors of the product, in one tree.

    HerosmithError
    ├── UserError           its message is for the person who asked; it may be shown in Discord
    │   ├── NotUnderstood   what was typed is not a hero
    │   ├── NotAllowed      the person may not do this
    │   ├── Busy            something of the kind runs already
    │   │   └── JobActive       a job does, or is paused; the error knows where the job is shown
    │   ├── TooMany         a rate limit is reached
    │   ├── Stopped         it was stopped before there was anything to show
    │   ├── Refused         the playground's Discord would not let the person do this
    │   ├── OverBudget      a paid call could exceed the budget
    │   └── Unavailable     a service that is needed does not answer now
    │       ├── DatabaseBusy    another program holds the database, its disk is full, or its server is away
    │       ├── EngineDiskFull  the embedded engine has no space for what it was sent
    │       ├── OutOfReach      the model server is down, busy or too slow
    │       ├── Forbidden       the model server refuses this installation the call
    │       ├── UnknownModel    the model server does not know the model, file or job
    │       ├── CheckBrokenOff  a new model could not be read to the end
    │       └── Undeliverable   Discord takes the answer in no place where its reader would see it
    └── OperatorError       its message is for the terminal and the log, never for Discord
        ├── SettingsError   the environment or .env is wrong
        ├── StoreError      the database cannot be opened
        ├── BackupError     a backup cannot be made, or is none that can be restored
        │   └── BackupRunning   another one is being made
        ├── ServerError     the model server refused or failed
        └── LoginRefused    Discord does not let the bot in, or cannot be reached

Any other exception is a defect: it is logged with a reference, and the person is told only that reference.
"""

from bot.i18n.message import LocalizedMessage


class HerosmithError(Exception):
    """The base class of all errors that the product raises on purpose."""


class UserError(HerosmithError):
    """Tells the person who asked what is wrong and what to do next, in one sentence.

    A Translator translates the message; str() is English, for the log.
    """

    def __init__(self, message: str | LocalizedMessage, /, **fields: object) -> None:
        self.message = LocalizedMessage(message, **fields) if isinstance(message, str) else message
        super().__init__(str(self.message))


class NotUnderstood(UserError):
    """What was typed is not a hero."""


class NotAllowed(UserError):
    """The person may not do this."""


class Busy(UserError):
    """Something of the kind is running already."""


class JobActive(Busy):
    """A job stands in the way.

    place: the ids of the channel and of the message that show the job, as far as it has them.
    """

    def __init__(
        self, message: str | LocalizedMessage, /, *, place: tuple[int | None, int | None], **fields: object
    ) -> None:
        super().__init__(message, **fields)
        self.place = place


class TooMany(UserError):
    """The person has reached a rate limit."""


class Stopped(UserError):
    """It was stopped before there was anything to show."""


class Refused(UserError):
    """The simulated Discord of the playground would not let the person do this."""


class OverBudget(UserError):
    """A paid call was not made: it could have exceeded the budget of the day or of its job."""


class Unavailable(UserError):
    """A service that is needed does not answer now; trying again later may help."""


class DatabaseBusy(Unavailable):
    """Nothing can be read from the database or written to it now.

    It is locked, its disk is full, or its server is away. str() adds the reason, for the log.
    """

    @property
    def reason(self) -> str:
        """The database's own words on one line; empty if it had none."""
        words = getattr(self.__cause__, "orig", None) or self.__cause__
        return " ".join(str(words or "").split())

    def __str__(self) -> str:
        return f"{super().__str__()} ({self.reason})" if self.reason else super().__str__()


class EngineDiskFull(Unavailable):
    """The embedded engine's disk has no space for what it was sent: the same call succeeds once it has."""


class OutOfReach(Unavailable):
    """The model server is down, busy or too slow: the same call may succeed later."""


class Forbidden(Unavailable):
    """The model server knows this installation, and refuses it the call."""


class UnknownModel(Unavailable):
    """The model server does not know the model, file or job that was asked for."""


class CheckBrokenOff(Unavailable):
    """A new model could not be read to the end. What was read is kept."""


class Undeliverable(Unavailable):
    """Discord takes the answer in no place where its reader would see it."""


def message_errors(of: type[UserError] = UserError) -> set[str]:
    """Return the names of the error classes whose first argument is a message to people."""
    return {of.__name__}.union(*(message_errors(subclass) for subclass in of.__subclasses__()))


class OperatorError(HerosmithError):
    """The message is for the terminal and the log."""


class SettingsError(OperatorError):
    """The environment or .env is wrong; the message lists every mistake."""


class StoreError(OperatorError):
    """The database cannot be opened."""


class BackupError(OperatorError):
    """A backup cannot be made, read or restored; the message says what to do."""


class BackupRunning(BackupError):
    """Another backup of the same data is being made."""


class ServerError(OperatorError):
    """The model server refused or failed; the message quotes its reason."""


class LoginRefused(OperatorError):
    """Discord does not let the bot in, or cannot be reached.

    lasting: only the owner can mend it, so trying again soon is of no use.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting
