"""Which servers a process serves, and how its shards are written."""

import pytest

from bot.shards import ALL, Shards, parse_ids, ranges

HOME = 424_242_424_242_424_242


@pytest.mark.parametrize(
    ("text", "ids"),
    [("0", (0,)), ("0,1", (0, 1)), (" 3 , 1 ", (1, 3)), ("0-3", (0, 1, 2, 3)), ("7, 0-1,5-5", (0, 1, 5, 7))],
)
def test_ids_are_read_and_written(text: str, ids: tuple[int, ...]) -> None:
    assert parse_ids(text) == ids
    assert parse_ids(ranges(ids)) == ids


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("first", "write the numbers of shards, such as 0,1 or 0-3; the first is 0"),
        ("0;1", "write the numbers of shards"),
        ("-1", "write the numbers of shards"),
        ("1.5", "write the numbers of shards"),
        ("", "write the numbers of shards"),
        (",", "write the numbers of shards"),
        ("3-0", "3-0 ends before it begins: write the smaller number first"),
        ("0,1,0", "shard 0 is named twice"),
        ("0-3,2", "shard 2 is named twice"),
        ("0-99999", "99999 is too much: there are at most 10,000 shards"),
        ("0-999999999999", "write the numbers of shards"),
    ],
)
def test_what_are_no_ids_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared)
        parse_ids(text)
    assert sentence in str(caught.value)


def test_every_server_is_served_by_one_process() -> None:
    parts = [Shards((0, 2), 4), Shards((1,), 4), Shards((3,), 4)]
    for number in range(100):
        guild_id = HOME + (number << 22)
        assert [part.serve(guild_id) for part in parts].count(True) == 1
        assert ALL.serve(guild_id)
    assert [part.serve(None) for part in parts] == [True, False, False]  # direct messages come to shard 0


def test_what_all_processes_share_is_divided() -> None:
    assert Shards((0, 1), 4).share(16) == 8
    assert Shards((3,), 4).share(50) == 12
    assert Shards((3,), 40).share(16) == 1  # never none, or nobody there would be served
    assert Shards((3,), 4).share(0) == 0
    assert Shards((0, 1, 2), 3).share(16) == 16
    assert str(Shards((0, 1, 5), 8)) == "0-1,5 of 8"
