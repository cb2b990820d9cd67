"""Reports: how a job stands and how it ended, in words and bars for Discord."""

from typing import Any

from bot.store.jobs import Job

_TITLES = {"build": "Building a dataset", "finetune": "Fine-tuning"}
_BAR = 20
_LONGEST = 1900  # characters, of the 2,000 that a message may have


def standing(job: Job, now: float) -> str:
    """The text of a job's progress message at a moment (seconds since 1970)."""
    title = f"**{_TITLES[job.kind]}** (job {job.id})"
    if job.state == "queued":
        return f"{title}\nWaiting for the worker to take it up."
    if job.ended:
        end = {"succeeded": "Done.", "cancelled": "Cancelled."}.get(job.state, "Failed.")
        return f"{title}\n{bar(job.done, job.total)}\n{end}"
    return f"{title}\n{bar(job.done, job.total)}\n{job.phase or 'starting'}{_time_left(job, now)}"


def ending(job: Job) -> str:
    """What is told at a job's end, with what to do next."""
    if job.state != "succeeded" or job.result is None:
        return f"{_TITLES[job.kind]} failed: {job.error or 'it was cancelled'}"[:_LONGEST]
    return _built(job.result) if job.kind == "build" else _tuned(job.result)


def bar(done: int, total: int) -> str:
    """A bar of twenty places with the share and the counts; empty where the total is not known."""
    if not total:
        return "▱" * _BAR
    filled = _BAR * done // total
    return f"{'▰' * filled}{'▱' * (_BAR - filled)} {100 * done // total} % · {done} of {total}"


def _time_left(job: Job, now: float) -> str:
    elapsed = now - (job.started_at or now)
    if not job.done or not job.total or elapsed < 5:
        return ""
    left = int(elapsed / job.done * (job.total - job.done))
    return f", about {left // 60}:{left % 60:02d} left"


def _built(result: dict[str, Any]) -> str:
    counts = result["counts"]
    state = "is ready" if result["new"] else "stays as it was (no text is new)"
    liked = counts.get("description", 0)
    sizes = (
        f"Dataset v{result['dataset']} {state}: {counts.get('train', 0)} texts to learn from "
        f"({liked} of them rated well by people), {counts.get('valid', 0)} held out."
    )
    lines = [
        sizes,
        f"{result['asked']} answers written, {result['cached']} found cached.",
    ]
    if result["rejected"]:
        faults = ", ".join(f"{count} {fault}" for fault, count in sorted(result["rejected"].items()))
        lines.append(f"Rejected on the way: {faults}. Examples given up: {result['given_up']}.")
    if result["repeated"]:
        lines.append(f"{result['repeated']} calls were in flight when an earlier build was cut off.")
    if result["new"]:
        lines.append("Next: `/finetune`.")
    return "\n".join(lines)


def _tuned(result: dict[str, Any]) -> str:
    after, before = result.get("loss_after"), result.get("loss_before")
    losses = f" Held-out loss: {before:.3f} → {after:.3f}." if before and after else ""
    if result["state"] == "live":
        return f"`{result['name']}` is trained and live.{losses}\nTry it: `/hero 40 woman healing`."
    return (
        f"`{result['name']}` is trained as model {result['model']}, a candidate: another one is live.{losses}"
        f"\nTo let it serve: `.venv/bin/herosmith promote {result['model']}` in the terminal."
    )
