"""Check late digits of pi without computing the ones before, by the formula of Bailey, Borwein and Plouffe (1997).

Their series yields hexadecimal digits from any position on; the decimals under test are converted to compare.
"""

import argparse
import json
import math
import sys
from pathlib import Path

from chudnovsky import gmp

WIDTH = 8  # hexadecimal digits compared; double precision is good for a few more
LEEWAY = 10  # decimals read beyond those that determine the digits


def fraction(position: int, offset: int) -> float:
    """Return the fractional part of the sum over k of 16^(position-k) / (8k+offset)."""
    total = 0.0
    for k in range(position + 1):
        modulus = 8 * k + offset
        total = (total + pow(16, position - k, modulus) / modulus) % 1.0
    tail = sum(16.0 ** (position - k) / (8 * k + offset) for k in range(position + 1, position + 16))
    return (total + tail) % 1.0


def extracted(position: int) -> str:
    """Return `WIDTH` hexadecimal digits of pi, the first of them the one after `position` hexadecimal places."""
    x = 4 * fraction(position, 1) - 2 * fraction(position, 4) - fraction(position, 5) - fraction(position, 6)
    return f"{int((x % 1.0) * 16**WIDTH):0{WIDTH}X}"


def converted(decimals: str, position: int) -> str:
    """Return the same digits, from the decimals."""
    needed = math.ceil((position + WIDTH) * math.log10(16)) + LEEWAY
    if needed > len(decimals):
        raise SystemExit(f"hexadecimal place {position + WIDTH:,} needs {needed:,} decimals; there are {len(decimals):,}")
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    module = gmp(needed)
    integer = module.mpz if module else int
    scale = integer(10) ** needed
    shifted = (integer(decimals[:needed]) << 4 * position) % scale
    return f"{int((shifted << 4 * WIDTH) // scale):0{WIDTH}X}"


def main() -> None:
    """Read the command line, check, write; fail when the digits disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", default="build/pi.txt")
    parser.add_argument("--position", type=int, default=80_000, help="hexadecimal places to skip")
    parser.add_argument("--out", default="build/pi-check.json")
    options = parser.parse_args()

    ours = converted(Path(options.digits).read_text(encoding="ascii").strip(), options.position)
    theirs = extracted(options.position)
    if ours != theirs:
        raise SystemExit(f"after {options.position:,} hexadecimal places: {ours} from the decimals, {theirs} by extraction")
    result = {"position": options.position, "width": WIDTH, "hexadecimal": theirs}
    Path(options.out).write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
