"""The result of a span of time in a server: its best-rated texts, and who voted on them."""

from dataclasses import dataclass

from bot.rating.scores import PAGE, Scored, Scores
from bot.store.ranking import Span

_MOST_NAMED = 3  # voters


@dataclass(frozen=True, slots=True)
class NamedVoter:
    """Somebody who agreed to be named, with their counted votes."""

    user_id: int
    votes: int


@dataclass(frozen=True, slots=True)
class Turnout:
    """How many people voted how often, and those who voted most among those who agreed to be named."""

    people: int = 0
    votes: int = 0
    named: tuple[NamedVoter, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The best-rated texts of a span, the best first, and who voted. Empty if nobody liked any.

    has_more_winners: texts beyond these have the votes of the first, too.
    """

    best: tuple[Scored, ...]
    turnout: Turnout
    has_more_winners: bool = False

    def __bool__(self) -> bool:
        return bool(self.best)

    @property
    def winners(self) -> tuple[Scored, ...]:
        """The texts that share the first place, because as many people voted for and against each."""
        return tuple(each for each in self.best if _votes(each) == _votes(self.best[0]))

    @property
    def runners_up(self) -> tuple[Scored, ...]:
        """The texts that share the next place."""
        others = self.best[len(self.winners) :]
        return tuple(each for each in others if _votes(each) == _votes(others[0]))

    @property
    def ids(self) -> list[int]:
        """The ids of the descriptions."""
        return [each.description.id for each in self.best]

    def places(self) -> list[int]:
        """Return each text's place, from 1: those with the same votes share one."""
        found: list[int] = []
        for index, each in enumerate(self.best):
            shared = index > 0 and _votes(self.best[index - 1]) == _votes(each)
            found.append(found[-1] if shared else index + 1)
        return found


async def result_of(scores: Scores, guild_id: int, span: Span) -> Result:
    """Return the result of a server's span as the votes are now: at most five texts."""
    best = await scores.best(guild_id=guild_id, span=span)
    if not best:
        return Result((), Turnout())
    voters = await scores.voters(guild_id, span)
    named = [NamedVoter(each.user_id, each.votes) for each in voters if each.user_id is not None]
    turnout = Turnout(len(voters), sum(each.votes for each in voters), tuple(named[:_MOST_NAMED]))
    has_more_winners = len(best) > PAGE and _votes(best[PAGE]) == _votes(best[0])
    return Result(tuple(best[:PAGE]), turnout, has_more_winners)


def _votes(scored: Scored) -> tuple[int, int]:
    return scored.ups, scored.downs
