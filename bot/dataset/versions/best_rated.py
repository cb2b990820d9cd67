"""The best-rated descriptions by which the gate compares a new model with the live one."""

from bot.dataset.versions.admission import Admission
from bot.store import learnt_texts
from bot.store.database import Database
from bot.store.models import Model
from bot.tuning.best_texts import MOST_TEXTS, RatedText


class BestRated:
    """Finds descriptions of all generations whose votes are the most certain ones in favour."""

    def __init__(self, db: Database, admission: Admission) -> None:
        self._db = db
        self._admission = admission

    async def comparable(self, new: Model, live: Model) -> list[RatedText]:
        """Return the best-rated texts that both models have learnt, or neither has, the best first.

        A text that one of them alone has learnt tells nothing: that one finds it far likelier, whatever else
        it has forgotten. A model has learnt what it, and the tuned models that it comes from, trained on.
        Texts that are hidden or deleted by now are left out.
        """
        async with self._db.read() as tx:
            learnt = [await learnt_texts.learnt_by(tx, each) for each in (new, live)]
        by_one_alone = learnt[0] ^ learnt[1]
        found = await self._admission.best(MOST_TEXTS, without=by_one_alone)
        return [RatedText(each.description.id, each.prompt, each.text) for each in found]
