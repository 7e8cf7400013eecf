"""Compute decimals of pi and write them in one line."""

import argparse
from pathlib import Path

from chudnovsky import decimals


def main() -> None:
    """Read the command line, compute, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", type=int, default=100_000)
    parser.add_argument("--out", default="build/pi.txt")
    options = parser.parse_args()

    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(decimals(options.digits) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
