"""Add takes, scenes, teams, picks, bookmarks, seasons, weekly posts, role limits, and members' choices."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_OPEN = sa.text("ended_at IS NULL")
_SOURCES_THEN = ("example", "description", "import", "herosmith-build", "hand-written", "ranked")
_SOURCES = (*_SOURCES_THEN, "scene")


def upgrade() -> None:
    # written out, because alembic cannot add a column together with its constraint to a table of SQLite
    op.execute(
        "ALTER TABLE description ADD COLUMN kind VARCHAR(8) DEFAULT 'hero' NOT NULL"
        " CONSTRAINT description_kind CHECK (kind IN ('hero', 'take', 'scene', 'team'))"
    )
    op.execute("ALTER TABLE description ADD COLUMN parent_id INTEGER REFERENCES description (id)")
    op.create_index("description_of_parent", "description", ["parent_id"])
    op.create_table(
        "card_post",
        sa.Column("message_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        _description(nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_index("card_post_of_description", "card_post", ["description_id"])
    op.create_table(
        "team_hero",
        _description(primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("age", sa.Integer(), nullable=False),
        sa.Column("gender", sa.Text(), nullable=False),
        sa.Column("power", sa.Text(), nullable=False),
    )
    op.create_table(
        "pick",
        _description("take_id", primary_key=True),
        sa.Column("voter", sa.String(64), primary_key=True),
        sa.Column("prefers", sa.String(8), nullable=False),
        sa.Column("account_days", sa.Integer()),
        sa.Column("at", sa.Float(), nullable=False),
        sa.CheckConstraint("prefers IN ('take', 'parent')", name="pick_prefers"),
    )
    op.create_index("pick_of_voter", "pick", ["voter"])
    op.create_table(
        "bookmark",
        sa.Column("person", sa.String(64), primary_key=True),
        _description(primary_key=True),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_index("bookmark_of_person", "bookmark", ["person", "at", "description_id"])
    op.create_index("bookmark_of_description", "bookmark", ["description_id"])
    op.create_index("duel_of_live_description", "duel", ["live_description_id"])
    op.create_index("duel_of_candidate_description", "duel", ["candidate_description_id"])
    op.create_table(
        "member_setting",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("shows_heroes", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("in_gallery", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("at", sa.Float(), nullable=False),
    )
    _add_to_servers()
    op.add_column("dataset_item", sa.Column("chat", sa.JSON()))
    _change_sources(_SOURCES)
    for table in ("blocked_person", "quota_reset"):
        op.create_table(
            table,
            sa.Column("person", sa.String(64), primary_key=True),
            sa.Column("actor_id", sa.BigInteger()),
            sa.Column("at", sa.Float(), nullable=False),
        )


def _add_to_servers() -> None:
    for column in (
        sa.Column("weekly_channel", sa.BigInteger()),
        sa.Column("weekly_day", sa.Integer()),
        sa.Column("weekly_hour", sa.Integer()),
        sa.Column("time_zone", sa.Text()),
        sa.Column("in_gallery", sa.Boolean()),
    ):
        op.add_column("guild_setting", column)
    op.create_table(
        "guild_greeting",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("greeted_at", sa.Float()),
        sa.Column("explained_at", sa.Float()),
    )
    op.create_table(
        "role_limit",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("role_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("cooldown", sa.Float()),
        sa.Column("daily_per_user", sa.Integer()),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_table(
        "season",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("actor_id", sa.BigInteger()),
        sa.UniqueConstraint("guild_id", "number"),
    )
    op.create_index(
        "season_one_open", "season", ["guild_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_table(
        "weekly_post",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("week", sa.String(10), primary_key=True),
        _description(nullable=True),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("at", sa.Float(), nullable=False),
    )


def _description(name: str = "description_id", **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), sa.ForeignKey("description.id"), **options)


def _change_sources(sources: tuple[str, ...]) -> None:
    """Let a dataset's items come from these sources."""
    check = "source IN (" + ", ".join(f"'{source}'" for source in sources) + ")"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("dataset_item_source", "dataset_item", type_="check")
        op.create_check_constraint("dataset_item_source", "dataset_item", check)
        return
    # checks are not reflected: both are named here
    with op.batch_alter_table("dataset_item", recreate="always") as batch:
        batch.create_check_constraint("dataset_item_split", "split IN ('train', 'valid')")
        batch.create_check_constraint("dataset_item_source", check)


def downgrade() -> None:
    """Hide what earlier versions would take for the answer to a request, and let no scene train."""
    op.execute(
        "UPDATE description SET removed_at = coalesce(removed_at, created_at) WHERE kind IN ('scene', 'team')"
    )
    op.execute("DELETE FROM dataset_item WHERE source = 'scene'")
    _change_sources(_SOURCES_THEN)
    op.drop_column("dataset_item", "chat")
    for table in (
        "weekly_post",
        "season",
        "role_limit",
        "guild_greeting",
        "quota_reset",
        "blocked_person",
        "member_setting",
        "bookmark",
        "pick",
        "team_hero",
        "card_post",
    ):
        op.drop_table(table)
    for name in ("weekly_channel", "weekly_day", "weekly_hour", "time_zone", "in_gallery"):
        op.drop_column("guild_setting", name)
    op.drop_index("duel_of_live_description", "duel")
    op.drop_index("duel_of_candidate_description", "duel")
    op.drop_index("description_of_parent", "description")
    with op.batch_alter_table("description") as batch:
        batch.drop_column("parent_id")
    op.execute("ALTER TABLE description DROP COLUMN kind")
