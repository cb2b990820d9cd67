"""Losses: result files as providers write them."""

import base64

import pytest

from bot.tuning.losses import losses_from_csv

PLAIN = b"step,train_loss,note,valid_loss\n1,2.5,a,3.5\n2,2.0,b,3.0\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"\n", b"\r"),
        PLAIN.replace(b",a,", ",\u2028,".encode()).replace(b",b,", ",\x85\u2029,".encode()),
        base64.b64encode(PLAIN),
        base64.encodebytes(PLAIN * 1),
        base64.b64encode(b"\xef\xbb\xbf" + PLAIN) + b"\n",
    ],
)
def test_losses_are_read_whatever_ends_their_lines(content: bytes) -> None:
    losses = losses_from_csv(content)
    assert (losses.train, losses.valid) == ({1: 2.5, 2: 2.0}, {1: 3.5, 2: 3.0})


@pytest.mark.parametrize("content", [b"", b"<html>", b"no base64!", b"\xff\xfe"])
def test_what_is_no_result_file_has_no_losses(content: bytes) -> None:
    assert losses_from_csv(content).train == {}
