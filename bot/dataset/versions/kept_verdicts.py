"""Kept verdicts: what curation says of descriptions, computed once for each version of its rules."""

import asyncio
import hashlib
import json
import logging
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from bot.errors import DatabaseBusy
from bot.heroes import curation as curation_rules
from bot.heroes import curation_ages, curation_names, curation_people, curation_pronouns
from bot.heroes.curation import Curation
from bot.store import curation_verdicts, descriptions
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description

log = logging.getLogger(__name__)

RULES: tuple[ModuleType, ...] = (
    curation_rules,
    curation_ages,
    curation_names,
    curation_people,
    curation_pronouns,
)
"""The modules that decide about a text; tests/test_layers.py compares them with what curation imports."""

_BATCH = 500  # texts that are judged and written at once: a third of a second


class KeptVerdicts:
    """Judges the texts of descriptions by curation, and keeps each verdict beside its text.

    A text never changes. Its verdict is computed when it is first asked for, and again after the rules have
    changed: their version is a hash of their modules and of their part of data/heroes.toml.
    """

    def __init__(self, db: Database, curation: Curation) -> None:
        self._db = db
        self._curation = curation
        # read at the start: an update may replace the modules while this process runs the old ones
        self.rules = rules_version(curation)

    async def read(self, tx: Transaction, ids: Sequence[int]) -> dict[int, str | None]:
        """Return why texts may not train (None: they may), of those that were judged already."""
        return await curation_verdicts.get_many(tx, ids, rules=self.rules)

    async def judge(self, found: Sequence[Description]) -> dict[int, str | None]:
        """Judge texts, and keep the verdicts; if the database is busy, they are computed again next time."""
        reasons = await asyncio.to_thread(self._judge, found)
        try:
            await self._keep(reasons)
        except DatabaseBusy as error:
            log.info("the verdicts on %d texts are not kept this time: %s", len(reasons), error)
        return reasons

    async def judge_all(self, ids: Sequence[int]) -> dict[int, str | None]:
        """Judge the texts of many descriptions, in batches, and keep the verdicts.

        Raises DatabaseBusy: what was judged before is kept.
        """
        reasons: dict[int, str | None] = {}
        for start in range(0, len(ids), _BATCH):
            async with self._db.read() as tx:
                found = await descriptions.get_many(tx, list(ids[start : start + _BATCH]))
            batch = await asyncio.to_thread(self._judge, found)
            await self._keep(batch)
            reasons |= batch
        return reasons

    def _judge(self, found: Sequence[Description]) -> dict[int, str | None]:
        curation = self._curation
        return {each.id: curation.rejection_reason(each.hero, curation.trim(each.text)) for each in found}

    async def _keep(self, reasons: Mapping[int, str | None]) -> None:
        if reasons:
            async with self._db.write() as tx:
                await curation_verdicts.put(tx, reasons, rules=self.rules)


def rules_version(curation: Curation) -> str:
    """Return a hash of all that curation's verdict on a text depends on: 16 hexadecimal digits."""
    digest = hashlib.sha256(unicodedata.unidata_version.encode())  # which characters are letters
    for module in RULES:
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(json.dumps(curation.model_dump(), sort_keys=True, default=_in_order).encode())
    return digest.hexdigest()[:16]


def _in_order(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else sorted(value)
