"""Format values for people."""


def format_duration(seconds: float) -> str:
    """Format a duration as `3:05`, or as `2:03:05` from an hour on."""
    total = round(seconds)
    minutes = f"{total // 60 % 60:02d}:{total % 60:02d}"
    return f"{total // 3600}:{minutes}" if total >= 3600 else minutes.removeprefix("0")
