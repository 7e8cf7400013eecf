"""Tells a build that watches this Python what no system call shows: which modules it looks for, and which folders only to find them.

Python finds modules by listing folders. For a watcher that would make every file beside a script an input of it. So the names that are
looked for are told, and before each listing that the import system makes, that it does: by asking for the status of a path that does not
exist, which the watcher sees (``HOOK`` in :mod:`paperbuild.engine.tracing.sightings`). Whatever else lists a folder depends on all of it.

Any Python from 3.8 on may load this, so it uses nothing newer, and imports nothing that Python has not imported at its start.
"""

import sys
from posix import stat

_HOOK, _SEPARATOR = b"/\x01paperbuild/", b"\x02"
_IMPORTER = "<frozen importlib._bootstrap_external>"
_BUILTIN = frozenset(sys.builtin_module_names)  # these are in no folder
_ENVIRONMENT = (sys.prefix, sys.base_prefix)


def _tell(kind: bytes, text: str) -> None:
    try:
        stat(_HOOK + kind + _SEPARATOR + text.encode(sys.getfilesystemencoding(), "surrogateescape"))
    except (OSError, ValueError):
        pass


def _is_elsewhere(folder: object) -> bool:
    return isinstance(folder, str) and not folder.startswith(_ENVIRONMENT)


def _seek(name: str) -> None:
    """Tell that the module ``name`` is looked for; a package of an environment counts as a whole, so what is in it need not be told."""
    parent = name.rpartition(".")[0]
    if parent:
        folders = getattr(sys.modules.get(parent), "__path__", None)  # None: the package itself is looked for only now
        if folders is None or any(map(_is_elsewhere, folders)):
            _tell(b"N", name)
    elif name not in _BUILTIN:
        _tell(b"N", name)


def _heard(event, arguments):  # type: ignore[no-untyped-def]  # any event has any arguments
    if event == "import":
        _seek(arguments[0])
    elif event == "os.listdir" and sys._getframe(1).f_code.co_filename == _IMPORTER:
        _tell(b"L", arguments[0])


def _begin() -> None:
    sys.addaudithook(_heard)
    for folder in filter(_is_elsewhere, sys.path_importer_cache):  # what was looked for before this was loaded
        _tell(b"P", folder)
    for name in tuple(sys.modules):
        if "." not in name:
            _seek(name)


def _give_way() -> None:
    """Load the ``sitecustomize`` that Python would have loaded were this one not there."""
    here = __file__.rpartition("/")[0]
    sys.path[:] = [folder for folder in sys.path if folder != here]
    sys.path_importer_cache.pop(here, None)
    ours = sys.modules.pop(__name__)
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault(__name__, ours)


_begin()
_give_way()
