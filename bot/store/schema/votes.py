"""Votes: reactions, the votes that they make, and what rankings were made by."""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, String, Table

from bot.store.schema.base import metadata
from bot.store.types import Number

# A thumb as it was given: a reaction to the message, or a button where reactions are not possible. source:
# reaction, super (a super reaction, which Discord keeps apart from the normal one of the emoji), button or
# simulated. value is +1 or -1; account_days is the age of the voter's Discord account then, at most 366.
reaction = Table(
    "reaction",
    metadata,
    Column("description_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("emoji", String(64), primary_key=True),
    Column("source", String(16), primary_key=True),
    Column("value", Number, nullable=False),
    Column("account_days", Number),
    Column("at", Float, nullable=False),
    Index("reaction_of_voter", "voter"),
)

# One vote per voter and description, derived from the reactions: the latest thumb that still stands.
vote = Table(
    "vote",
    metadata,
    Column("description_id", Number, ForeignKey("description.id"), primary_key=True),
    Column("voter", String(64), primary_key=True),
    Column("value", Number, nullable=False),
    Column("by_requester", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("account_days", Number),
    Column("at", Float, nullable=False),
    Index("vote_of_voter", "voter", "at"),
    sqlite_with_rowid=False,  # a description's votes are stored side by side and summed without sorting
)

# What takes long to compute of many votes, so that nobody waits for it after a start: by the hash of a
# contest (bot/rating/kept_choices.py) the ids of its best descriptions, the prior of all votes, and by the
# hash of what they depend on the numbers of rated texts (bot/dataset/versions/kept_counts.py).
kept_choice = Table(
    "kept_choice",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", Float, nullable=False),
)
