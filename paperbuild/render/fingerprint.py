"""What a document's result depends on besides its inputs: our code, the packaged templates, pandoc and typst.

A module of its own, on the standard library alone, because a build with nothing to do asks this and nothing else of the renderer:
importing the renderer costs 60 ms, ``importlib.metadata`` another 20.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator

import paperbuild

_WHEELS = ("pillow", "pypandoc_binary", "typst")
_CODE = (".py", ".lua")
_PACKAGES = ("paper", "render")  # what turns sources and results into documents


def fingerprint(templates: str) -> tuple[tuple[str, str], ...]:
    """Return names and values that change when documents may come out otherwise; the same for equal installations anywhere.

    ``templates`` is the folder of the packaged templates.
    """
    package = os.path.dirname(os.path.abspath(paperbuild.__file__))
    code = (file for name in _PACKAGES for file in _files(os.path.join(package, name), package))
    return (
        *((wheel, _version(wheel)) for wheel in _WHEELS),
        ("paperbuild", paperbuild.__version__),
        ("paperbuild's own code", _digest((name, path) for name, path in code if name.endswith(_CODE))),
        ("paperbuild's own templates", _digest(_files(templates, templates))),
    )


def _files(folder: str, base: str) -> Iterator[tuple[str, str]]:
    """Yield the name relative to ``base``, with forward slashes, and the path of each file below ``folder``, in one order everywhere."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = os.path.join(here, name)
            yield os.path.relpath(path, base).replace(os.sep, "/"), path


def _digest(files: Iterable[tuple[str, str]]) -> str:
    total = hashlib.sha256()
    for name, path in files:
        with open(path, "rb") as file:
            total.update(f"{name}\0{hashlib.sha256(file.read()).hexdigest()}\n".encode())
    return total.hexdigest()


def _version(wheel: str) -> str:
    """Return the version of an installed wheel, read off the name of its ``.dist-info`` folder."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info") and name.lower().startswith(f"{wheel}-"):
                return name.removesuffix(".dist-info")[len(wheel) + 1 :]
    from importlib.metadata import version  # installed in another way, such as a system package

    return version(wheel)
