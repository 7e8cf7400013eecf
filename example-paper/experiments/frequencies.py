"""Count the decimals of pi, test whether they look uniform, and draw the counts."""

import argparse
import json
import math
from pathlib import Path

from drawing import BLUE, GREY, INK, MIST, NARROW_IN, save
from matplotlib.figure import Figure


def chi_square(counts: list[int]) -> float:
    """Return Pearson's statistic against ten equal shares."""
    expected = sum(counts) / 10
    return sum((n - expected) ** 2 / expected for n in counts)


def p_value(statistic: float) -> float:
    """Return the probability of a larger statistic with nine degrees of freedom.

    For an odd number of degrees the chi-square distribution is a finite sum (Abramowitz and Stegun 26.4.4).
    """
    half = statistic / 2
    return math.erfc(math.sqrt(half)) + math.exp(-half) * sum(float(half ** (j - 0.5)) / math.gamma(j + 0.5) for j in range(1, 5))


def draw(counts: list[int], path: str) -> None:
    """Draw each digit's excess over a tenth, on the band that chance would give."""
    total = sum(counts)
    deviation = math.sqrt(0.09 * total)
    figure = Figure(figsize=(NARROW_IN, 1.6), layout="constrained")
    axes = figure.subplots()
    axes.axhspan(-deviation, deviation, color=MIST, linewidth=0)
    axes.axhline(0, color=GREY, linewidth=0.6)
    for digit, count in enumerate(counts):
        excess = count - total / 10
        axes.plot([digit, digit], [0, excess], color=BLUE, linewidth=1.2)
        axes.plot(digit, excess, "o", color=BLUE, markersize=4)
    axes.annotate("one standard\ndeviation", (9.7, deviation), ha="right", va="bottom", color=INK, fontsize="small")
    axes.set_xticks(range(10))
    axes.set_xlim(-0.6, 9.7)
    axes.set_xlabel("digit")
    axes.set_ylabel("excess count")
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    save(figure, path)


def main() -> None:
    """Read the command line, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", default="build/pi.txt")
    parser.add_argument("--figure", default="figures/digits.svg")
    parser.add_argument("--out", default="build/frequencies.json")
    options = parser.parse_args()

    digits = Path(options.digits).read_text(encoding="ascii").strip()
    counts = [digits.count(str(digit)) for digit in range(10)]
    draw(counts, options.figure)
    statistic = chi_square(counts)
    result = {
        "digits": len(digits),
        "last_ten": digits[-10:],
        "six_nines_at": digits.find("999999") + 1,
        "counts": counts,
        "chi_square": statistic,
        "p": p_value(statistic),
    }
    Path(options.out).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
