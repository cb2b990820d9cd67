"""Store messages to people as JSON with their fields, to be translated when they are shown."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SAID = {"job": ("phase", "question", "error"), "notice": ("text",)}


def upgrade() -> None:
    """Turn each English text into a template without fields, which stays English."""
    for name, columns in _SAID.items():
        for column in columns:
            table = sa.table(name, sa.column("id", sa.Integer), sa.column(column, sa.Text))
            said = table.c[column]
            kept = op.get_bind().execute(sa.select(table.c.id, said).where(said != "")).all()
            for row_id, text in kept:
                whole = json.dumps({"say": text}, ensure_ascii=False)
                op.execute(sa.update(table).where(table.c.id == row_id).values({column: whole}))


def downgrade() -> None:
    """The version before shows the JSON as it is."""
