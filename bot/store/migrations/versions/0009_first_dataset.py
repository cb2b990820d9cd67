"""Let a dataset's texts come from the first dataset, which is shipped with the product."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SOURCES_THEN = ("example", "description", "import")
_SOURCES = (*_SOURCES_THEN, "herosmith-build", "hand-written")


def upgrade() -> None:
    _change_sources(_SOURCES)


def downgrade() -> None:
    """Take the texts of the first dataset for imported ones, since they are rows of a file."""
    op.execute(
        "UPDATE dataset_item SET source = 'import' WHERE source IN ('herosmith-build', 'hand-written')"
    )
    _change_sources(_SOURCES_THEN)


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
