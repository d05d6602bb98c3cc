"""What `import cambist` costs, and what making a pipeline adds to it. Fresh interpreters, warm files.

Run: ``python tests/benchmarks/import_cost.py``. Prints medians in
milliseconds, the interpreter's own start left out.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

RUNS = 15
BUDGET = 100
STEPS = {
    "import cambist": "import cambist",
    "its everyday names": "from cambist import Delivery, Pipeline, Receiver, Source, to_json",
    "a pipeline with CoinsPaid": (
        "from cambist import Pipeline, Source;"
        "Pipeline([Source('shop', 'coinspaid', {'secrets': ['s3cret']})])"
    ),
    "for scale: import aiohttp": "import aiohttp",
}


def milliseconds(statement: str) -> float:
    """Return what a statement takes in a fresh interpreter, its start not counted."""
    code = f"import time; t = time.perf_counter(); {statement}; print((time.perf_counter() - t) * 1000)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(run.stdout)


def main() -> None:
    """Measure each step in turn, so that a change of the machine's speed meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in STEPS}
    for _ in range(RUNS):
        for name, statement in STEPS.items():
            times[name].append(milliseconds(statement))
    for name, found in times.items():
        print(f"{name}: {statistics.median(found):.1f} ms")
    print(f"budget for import cambist: {BUDGET} ms")


if __name__ == "__main__":
    main()
