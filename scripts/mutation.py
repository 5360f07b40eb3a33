"""Count what `mutmut run` killed, module by module; exit code 1 where it is less than 85 %.

    python scripts/mutation.py [--survivors]

A mutant that no test reaches has survived; one that runs into the time limit was killed. `mutmut show NAME` gives its
change.
"""

from __future__ import annotations

import argparse
import subprocess
from collections import Counter, defaultdict

LEAST = 0.85
KILLED = {"killed", "timeout", "segfault"}


def outcomes() -> dict[str, str]:
    """What became of each mutant, by name: ``package.module.function__mutmut_1``."""
    done = subprocess.run(["mutmut", "results", "--all", "true"], capture_output=True, text=True, check=True)
    return dict(line.strip().split(": ") for line in done.stdout.splitlines() if "__mutmut_" in line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--survivors", action="store_true", help="name them, too")
    options = parser.parse_args()
    found = outcomes()
    if not found:
        raise SystemExit("there are no mutants; `mutmut run` makes and tries them")
    modules: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for name, outcome in found.items():
        modules[name.rpartition(".")[0]][outcome in KILLED] += 1
        if options.survivors and outcome not in KILLED:
            print(f"{name}: {outcome}")
    for module, counts in modules.items():
        print(f"{module}: {counts[True]} of {counts.total()} killed, {counts[True] / counts.total():.1%}")
    if any(counts[True] < LEAST * counts.total() for counts in modules.values()):
        raise SystemExit(f"less than {LEAST:.0%}")


if __name__ == "__main__":
    main()
