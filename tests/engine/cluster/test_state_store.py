"""Where training states are kept beside the shared folder."""

from pathlib import Path

import pytest

from engine.cluster import state_store


def test_a_place_that_can_be_used_is_left_as_it_was(tmp_path: Path) -> None:
    state_store.check((tmp_path / "states").as_uri())
    assert list((tmp_path / "states").iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("/a/folder", "it is no address such as s3://bucket/folder"),
        ("nowhere://bucket", "nrecognized filesystem type"),
        ("file:///proc/states", "annot create directory"),
    ],
)
def test_one_that_cannot_be_used_is_named_with_the_reason(uri: str, reason: str) -> None:
    with pytest.raises(state_store.StoreError, match=f"cannot be kept at '{uri}': .*{reason}"):
        state_store.check(uri)


def test_a_state_replaces_the_one_before_and_goes_with_its_job(tmp_path: Path) -> None:
    job, place = tmp_path / "ftjob-1", tmp_path / "states"
    job.mkdir()
    for content in (b"first", b"second"):
        state = state_store.StoredState(job, place.as_uri())
        state.path.write_bytes(content)
        state.publish()
        state.close()
        assert not state.path.exists()
    state = state_store.StoredState(job, place.as_uri())
    assert state.exists()
    state.fetch()
    assert state.path.read_bytes() == b"second"
    assert len(list((place / job.name).iterdir())) == 1
    uri = state_store.take_address(job)
    assert uri
    assert not state.exists()
    state_store.delete(uri)
    assert list(place.iterdir()) == []
    state.close()
