"""A hash of a table's rows is equal if the rows are, and tells every difference that a database can store."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Float, Integer, LargeBinary, MetaData, Table, Text

from bot.store.copying.values import Uncopyable, adapt, hash_page, kind_of, read_page

TABLE = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("on", Boolean),
    Column("size", Float),
    Column("spec", JSON),
    Column("text", Text),
)
ROW = (1, True, 0.5, '{"a": 1, "b": [null]}', "a")


def hashed(*rows: Sequence[Any]) -> int:
    return hash_page(TABLE, read_page(TABLE, rows))


@pytest.mark.parametrize(
    "same",
    [
        (1, 1, 0.5, '{"a": 1, "b": [null]}', "a"),  # as SQLite has a boolean
        (1, True, 0.5, '{"b":[null],"a":1}', "a"),  # as another program writes JSON
        (1, True, 0.5, '{"a": 1, "b": [null]}', "\u0061"),
    ],
)
def test_what_databases_store_otherwise_is_equal(same: Sequence[Any]) -> None:
    assert hashed(same) == hashed(ROW)


def test_zero_has_no_sign() -> None:
    assert hashed((1, True, -0.0, None, "")) == hashed((1, True, 0.0, None, ""))


def test_the_order_of_rows_does_not_matter() -> None:
    other = (2, None, None, None, None)
    assert hashed(ROW, other) == hashed(other, ROW) == hashed(ROW) + hashed(other)


@pytest.mark.parametrize(
    "different",
    [
        (2, True, 0.5, '{"a": 1, "b": [null]}', "a"),
        (1, False, 0.5, '{"a": 1, "b": [null]}', "a"),
        (1, None, 0.5, '{"a": 1, "b": [null]}', "a"),
        (1, True, 0.5000000000000001, '{"a": 1, "b": [null]}', "a"),
        (1, True, 0.5, '{"a": 1.5, "b": [null]}', "a"),
        (1, True, 0.5, "null", "a"),
        (1, True, 0.5, None, "a"),
        (1, True, 0.5, '{"a": 1, "b": [null]}', "A"),
        (1, True, 0.5, '{"a": 1, "b": [null]}', "a "),
        (1, True, 0.5, '{"a": 1, "b": [null]}', ""),
        (1, True, 0.5, '{"a": 1, "b": [null]}', None),
        (1, True, 0.5, '{"a": 1, "b": [null]}', "a\0"),
    ],
)
def test_every_difference_is_seen(different: Sequence[Any]) -> None:
    assert hashed(different) != hashed(ROW)


def test_values_do_not_flow_into_their_neighbours() -> None:
    one, other = (1, None, None, "1", '"a","b"'), (1, None, None, '1,"a"', "b")
    assert hashed(one) != hashed(other)


def test_postgresql_gets_no_nul_and_sqlite_no_nan() -> None:
    page = read_page(TABLE, [(1, None, float("nan"), '"\\u0000"', "a\0b"), (2, None, 1.0, None, "c")])

    for_postgresql, changed = adapt(TABLE, page, "postgresql")
    assert (list(for_postgresql[4]), list(for_postgresql[3]), changed) == (
        ["ab", "c"],
        ['"\\u0000"', None],
        1,
    )

    for_sqlite, changed = adapt(TABLE, page, "sqlite")
    assert (list(for_sqlite[2]), list(for_sqlite[4]), changed) == ([None, 1.0], ["a\0b", "c"], 1)
    assert adapt(TABLE, read_page(TABLE, [ROW]), "postgresql")[1] == 0


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (("x", True, 0.5, None, None), "thing.id"),
        ((1.5, True, 0.5, None, None), "thing.id"),
        ((1, 2, 0.5, None, None), "thing.on"),
        ((1, True, "0.5", None, None), "thing.size"),
        ((1, True, 0.5, 7, None), "thing.spec"),
        ((1, True, 0.5, None, b"a"), "thing.text"),
    ],
)
def test_a_value_of_another_kind_is_named_by_its_column(row: Sequence[Any], column: str) -> None:
    with pytest.raises(Uncopyable, match=f"has a value in {column} that is no "):
        read_page(TABLE, [row])


def test_a_kind_of_column_that_no_copy_knows_is_an_error() -> None:
    with pytest.raises(TypeError, match="no copy knows how to store"):
        kind_of(Column("picture", LargeBinary))
