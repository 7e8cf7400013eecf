"""matplotlib figures that look as if they were set with the paper: its widths, its fonts, and equal bytes from equal data.

In a script that draws a figure::

    import paperbuild.mpl

    paperbuild.mpl.use()                                        # the style of the document that the figure is for
    figure, axes = plt.subplots(figsize=paperbuild.mpl.figsize(aspect=0.5))

Run by paperbuild, the script gets the style of the document's template through ``MATPLOTLIBRC``, which is enough for widths, sizes and
equal bytes; :func:`use` adds the paper's own font, and makes the style available to scripts that are run by hand. Importing this module
imports neither matplotlib nor the rest of paperbuild.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from paperbuild.errors import UsageError
from paperbuild.render.packaged import FOLDER, packaged_folder

DEFAULT_TEMPLATE = "article"
EPOCH = "315532800"
"""What matplotlib takes for the time of a file (1980-01-01): the same that paperbuild gives to commands."""
_TYPE_SIZES = (
    "font.size",
    "axes.titlesize",
    "axes.labelsize",
    "xtick.labelsize",
    "ytick.labelsize",
    "legend.fontsize",
    "figure.titlesize",
)
_FACT = re.compile(r"^#: ([a-z-]+) (.+?)\s*$", re.MULTILINE)
_FIGSIZE = re.compile(r"^figure\.figsize\s*:\s*([\d.]+)\s*,\s*([\d.]+)", re.MULTILINE)


def use(template: str | None = None, *, columns: int = 1, font_size: float | None = None) -> None:
    """Set matplotlib's ``rcParams`` to the style of a template.

    Args:
        template: the name of a template, the project's before those that come along; None for the one that paperbuild drew up for the
            running target, and "article" in a script that is run by hand.
        columns: how many of the page's columns a figure spans by default.
        font_size: points, instead of the template's; titles and ticks keep their proportion to it.

    Raises:
        UsageError: there is no such template.
        ImportError: matplotlib is not installed.
    """
    import matplotlib as mpl

    style = _style(template)
    os.environ.setdefault("SOURCE_DATE_EPOCH", EPOCH)
    settings = {**_parsed(style), "figure.figsize": figsize(columns, template=template)}
    if font_size is not None:
        settings.update(_scaled(settings, font_size))
    family = dict(_FACT.findall(style)).get("font", "")
    if family and _registered(family):
        settings.update(_faces(family))
    mpl.rcParams.update(settings)  # type: ignore[arg-type]  # for mypy their names are a closed set, which this need not know


def figsize(columns: int = 1, aspect: float | None = None, *, template: str | None = None) -> tuple[float, float]:
    """Return width and height in inches of a figure that spans ``columns`` columns of the page.

    Args:
        columns: 1 for a figure in a column; more for one as wide as the text (``.wide`` in the paper).
        aspect: height divided by width; None for the template's own, 0.6.
        template: as in :func:`use`.

    Raises:
        UsageError: there is no such template.
    """
    style = _style(template)
    found = _FIGSIZE.search(style)
    column, height = (float(found[1]), float(found[2])) if found else (6.4, 4.8)
    width = float(dict(_FACT.findall(style)).get("text-width", column)) if columns > 1 else column
    return width, round(width * (height / column if aspect is None else aspect), 4)


def _style(template: str | None) -> str:
    """Return the text of the style: a template's, or the one that the running target was given."""
    given = os.environ.get("MATPLOTLIBRC", "")
    if template is None and given:
        path = os.path.join(given, "matplotlibrc") if os.path.isdir(given) else given
        with open(path, encoding="utf-8") as file:
            return file.read()
    from paperbuild.errors import BuildError
    from paperbuild.render.templates import TemplateFinder

    try:
        return TemplateFinder().find(template or DEFAULT_TEMPLATE, _Here()).matplotlibrc()
    except BuildError as error:
        raise UsageError(*error.diagnostics) from None


def _parsed(style: str) -> dict[str, object]:
    """Return the settings of a style as matplotlib reads them from a file, and no others."""
    import tempfile

    from matplotlib import rc_params_from_file

    with tempfile.TemporaryDirectory(prefix="paperbuild-") as folder:
        path = os.path.join(folder, "matplotlibrc")
        with open(path, "w", encoding="utf-8") as file:
            file.write(style)
        return {str(name): value for name, value in rc_params_from_file(path, use_default_template=False).items()}


def _scaled(settings: dict[str, object], font_size: float) -> dict[str, float]:
    """Return the sizes of type, made larger or smaller as one."""
    sizes = {name: size for name in _TYPE_SIZES if isinstance(size := settings.get(name), int | float)}
    usual = sizes.get("font.size", 10.0)
    return {"font.size": font_size} | {name: round(size * font_size / usual, 2) for name, size in sizes.items()}


def _registered(family: str) -> bool:
    """Make the font files that come with templates known to matplotlib; return whether ``family`` is among its fonts then."""
    from matplotlib import font_manager

    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in _font_files((os.path.join(os.getcwd(), FOLDER), packaged_folder())):
        if path not in known:
            font_manager.fontManager.addfont(path)
    return any(entry.name == family for entry in font_manager.fontManager.ttflist)


def _font_files(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            fonts = os.path.join(folder, name, "fonts")
            for file in sorted(os.listdir(fonts)) if os.path.isdir(fonts) else ():
                if file.endswith(".ttf"):  # outlines of other kinds are wrongly named in matplotlib's PDFs
                    yield os.path.join(fonts, file)


def _faces(family: str) -> dict[str, object]:
    """Return the settings for text and formulas in ``family``; signs that it lacks come from STIX."""
    return {
        "font.family": [family, "STIXGeneral"],
        "mathtext.fontset": "custom",
        "mathtext.fallback": "stix",
        "mathtext.rm": family,
        "mathtext.it": f"{family}:italic",
        "mathtext.bf": f"{family}:bold",
        "mathtext.bfit": f"{family}:bold",
        "mathtext.cal": f"{family}:italic",  # else a handwriting is looked for, and told to be missing
    }


class _Here:
    """The project's files, in the folder that scripts run in."""

    def require(self, paths: Iterable[str]) -> None:
        """Nothing here waits for a target."""

    def read(self, path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    def exists(self, path: str) -> bool:
        return os.path.isfile(path)
