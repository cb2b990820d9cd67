"""Ask for known vulnerabilities of the versions in constraints.txt: `python -m scripts.audit PIP_AUDIT`.

PIP_AUDIT is the program. Without a network, or with an index that knows no vulnerabilities, this says
"skipped" and ends with 0: nothing was found out. A vulnerability ends it with 1.
"""

import json
import subprocess
import sys
from typing import Any

_TIMEOUT = 600


def summary(report: dict[str, Any]) -> tuple[int, list[str]]:
    """Return the exit code and the lines to print for a report of pip-audit's (--format json)."""
    packages = report["dependencies"]
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        reason = packages[0]["skip_reason"] if packages else "no package was named"
        return 0, [f"skipped: no package could be audited ({reason})"]
    found = [
        f"{package['name']} {package['version']}: {each['id']}, mended in"
        f" {', '.join(each['fix_versions']) or 'none'}"
        for package in asked
        for each in package["vulns"]
    ]
    left = f"; {len(packages) - len(asked)} could not be asked for" if len(asked) < len(packages) else ""
    return int(bool(found)), [*found, f"{len(found)} known vulnerabilities in {len(asked)} packages{left}"]


def main() -> None:
    """Run pip-audit and print what it found."""
    options = ["--requirement", "constraints.txt", "--disable-pip", "--no-deps", "--format", "json"]
    options += ["--progress-spinner", "off"]
    done = subprocess.run(
        [sys.argv[1], *options], capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )
    try:
        code, lines = summary(json.loads(done.stdout))
    except ValueError:  # no report, because nothing could be asked
        last = done.stderr.strip().splitlines()
        code, lines = 0, [f"skipped: {last[-1] if last else 'pip-audit said nothing'}"]
    print("\n".join(lines))
    sys.exit(code)


if __name__ == "__main__":
    main()
