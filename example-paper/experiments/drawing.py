"""What the figures share: a palette, and files that come out the same every time.

Fonts, sizes and line widths come from the paper's template, through Matplotlib's own configuration file.
"""

from pathlib import Path

from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure

# The palette of Okabe and Ito (2008), which colour-blind readers can tell apart, and two greys.
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREEN = "#009E73"
INK = "#222222"
GREY = "#9A9A9A"
MIST = "#E4E4E4"

NARROW_IN = 3.4


def text_width_in() -> float:
    """Return the width of the paper's text, which the template's configuration gives as the default width of a figure."""
    return float(rcParams["figure.figsize"][0])


def save(figure: Figure, path: str) -> None:
    """Write the figure as SVG without a date and with stable identifiers, so that equal data give equal bytes."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "a build by any other name"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
