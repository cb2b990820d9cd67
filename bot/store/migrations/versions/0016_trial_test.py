"""Note of each trial by which test it is decided."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Trials of before keep the test with which they began, the one that runs as well."""
    # written out, because alembic cannot add a column together with its check to a table of SQLite
    op.execute(
        "ALTER TABLE trial ADD COLUMN test VARCHAR(16) DEFAULT 'uniform' NOT NULL"
        " CONSTRAINT trial_test CHECK (test IN ('uniform', 'bimodal'))"
    )


def downgrade() -> None:
    """Stop the trial that an earlier version would decide by another test than it began with."""
    op.execute(
        "UPDATE trial SET state = 'stopped', ended_at = started_at"
        " WHERE state = 'running' AND test <> 'uniform'"
    )
    op.drop_column("trial", "test")
