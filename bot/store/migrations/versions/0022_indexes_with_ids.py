"""Find the heroes of a server or a time from an index alone on PostgreSQL, without reading texts."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_INDEXES = {
    "description_of_guild": ["guild_id", "created_at"],
    "description_of_time": ["created_at", "requester", "guild_id", "kind"],
}


def upgrade() -> None:
    """Build the indexes anew; SQLite's have the id in any case."""
    _build_anew(["id"])


def downgrade() -> None:
    """Leave the id out again."""
    _build_anew([])


def _build_anew(included: list[str]) -> None:
    if op.get_context().dialect.name == "postgresql":
        for name, columns in _INDEXES.items():
            op.drop_index(name, "description")
            op.create_index(name, "description", columns, postgresql_include=included)
