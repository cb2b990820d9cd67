"""Queries on the heroes of teams, whose text is one description."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from bot.heroes.hero import Hero
from bot.store.database import Transaction
from bot.store.hero_columns import pop_hero
from bot.store.schema import team_hero


async def add_heroes(tx: Transaction, description_id: int, heroes: Sequence[Hero]) -> None:
    """Keep the heroes of a team in their order."""
    rows = [
        {"description_id": description_id, "position": position, **hero.as_dict()}
        for position, hero in enumerate(heroes)
    ]
    await tx.execute(team_hero.insert(), rows)


async def list_heroes(tx: Transaction, ids: Collection[int]) -> dict[int, list[Hero]]:
    """Return the heroes of teams by the id of the description; other descriptions have none."""
    if not ids:
        return {}
    query = select(team_hero).where(team_hero.c.description_id.in_(ids)).order_by(*team_hero.primary_key)
    found: dict[int, list[Hero]] = {}
    for row in await tx.execute(query):
        found.setdefault(row.description_id, []).append(pop_hero(dict(row._mapping)))
    return found
