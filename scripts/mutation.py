"""Count the mutants that the tests killed in `mutmut run`, by module; the exit code is 1 if any module has under 85 %.

    python scripts/mutation.py [--survivors]

A mutant that no test reaches has survived; a mutant that exceeds the time limit was killed. `mutmut show NAME` shows
its change.
"""

from __future__ import annotations

import argparse
import subprocess
from collections import Counter, defaultdict

LEAST = 0.85
KILLED = {"killed", "timeout", "segfault"}


def outcomes() -> dict[str, str]:
    """The outcome of each mutant, by name: ``package.module.function__mutmut_1``."""
    done = subprocess.run(["mutmut", "results", "--all", "true"], capture_output=True, text=True, check=True)
    return dict(line.strip().split(": ") for line in done.stdout.splitlines() if "__mutmut_" in line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--survivors", action="store_true", help="list the mutants that survived")
    options = parser.parse_args()
    by_name = outcomes()
    if not by_name:
        raise SystemExit("there are no mutants; run `mutmut run` first")
    modules: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for name, outcome in by_name.items():
        modules[name.rpartition(".")[0]][outcome in KILLED] += 1
        if options.survivors and outcome not in KILLED:
            print(f"{name}: {outcome}")
    for module, counts in modules.items():
        print(f"{module}: {counts[True]} of {counts.total()} killed, {counts[True] / counts.total():.1%}")
    if any(counts[True] < LEAST * counts.total() for counts in modules.values()):
        raise SystemExit(f"a module has less than {LEAST:.0%}")


if __name__ == "__main__":
    main()
