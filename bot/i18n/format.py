"""Durations as people read them."""


def format_duration(seconds: float) -> str:
    """`3:05`, or `2:03:05` from an hour on."""
    whole = round(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes.removeprefix("0")
