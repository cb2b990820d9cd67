"""API errors."""

import pickle

from engine.errors import ApiError


def test_an_error_survives_pickling() -> None:
    """Other processes answer for the engine, and what they raise reaches the client."""
    error = ApiError(429, "Too many.", code="rate_limit_exceeded", param="n", headers={"Retry-After": "2"})
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert vars(again) == vars(error)
    assert str(again) == "Too many."
    assert again.body() == error.body()
