"""Tells a build what it cannot see by itself of this Python.

Where system calls are watched (``HOOK`` in :mod:`paperbuild.engine.tracing.sightings`), that is which modules are looked for, and which
folders are listed only to find them, or metadata of packages: Python finds both by listing folders, and for a watcher that would make every
file beside a script an input of it. It is told by asking for the status of a path that does not exist. Where nothing is watched, a
variable names a file, and all is told there that Python's audit events show: files that are opened, folders that are listed, what is
renamed or removed. What libraries below Python read is not among it (see :mod:`paperbuild.engine.tracing.heard`). Of a command that
nobody watches (``observe = "off"``) nothing is told.

It also lets modules of an environment be read from the bytecode that was written when they were installed. Commands get an empty folder for
bytecode, since Python would take that of a module in the project for its source's on a whole second and a size; to compile what is
installed anew for each command costs Matplotlib a second and a half.

Any Python from 3.8 on may load this, so it uses nothing newer, and imports nothing that Python has not imported at its start.
"""

import os
import sys

_HOOK, _SEPARATOR = b"/\x01paperbuild/", b"\x02"
_IMPORTER = "<frozen importlib._bootstrap_external>"
_METADATA = ("/importlib/metadata/__init__.py", "/importlib/metadata.py", "/importlib_metadata/__init__.py")
_BUILTIN = frozenset(sys.builtin_module_names)  # these are in no folder
_ENVIRONMENT = (sys.prefix, sys.base_prefix)
_LIBRARIES = tuple(prefix + library for prefix in _ENVIRONMENT for library in ("/lib/python3", "/lib64/python3"))
_FILE = os.environ.get("PAPERBUILD_HEARD", "")
_HANDLE = os.open(_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600) if _FILE not in ("", "-") else -1


def _tell(kind: bytes, text: object) -> None:
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if not isinstance(text, str):  # a descriptor, or what os.fspath takes and nobody asked for
        return
    words = kind + _SEPARATOR + text.encode(sys.getfilesystemencoding(), "surrogateescape")
    try:
        if _HANDLE < 0:
            os.stat(_HOOK + words)
        else:
            os.write(_HANDLE, b"%d" % os.getpid() + _SEPARATOR + words + b"\0")
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


def _looks_for_names(caller: str) -> bool:
    """Return whether who lists a folder looks for modules in it, or for metadata of what is installed there."""
    return caller == _IMPORTER or caller.endswith(_METADATA)


def _heard(event, arguments):  # type: ignore[no-untyped-def]  # any event has any arguments
    if event == "import":
        _seek(arguments[0])
    elif event == "os.listdir" and _looks_for_names(sys._getframe(1).f_code.co_filename):
        _tell(b"L", _absolute(arguments[0]))
    elif _HANDLE >= 0:
        _heard_of_files(event, arguments)  # type: ignore[no-untyped-call]


def _heard_of_files(event, arguments):  # type: ignore[no-untyped-def]  # any event has any arguments
    if event == "open":
        _tell(b"O%d" % (arguments[2] or 0), _absolute(arguments[0]))
    elif event in ("os.listdir", "os.scandir"):
        _tell(b"O0", _absolute("." if arguments[0] is None else arguments[0]))
    elif event in ("os.remove", "os.truncate", "os.rename"):
        for path in arguments[: 2 if event == "os.rename" else 1]:
            _tell(b"W", _absolute(path))
    elif event == "os.mkdir":
        _tell(b"M", _absolute(arguments[0]))


def _absolute(path: object) -> object:
    path = os.fsdecode(path) if isinstance(path, bytes) else path
    if path == ".":
        return os.getcwd()
    return os.path.join(os.getcwd(), path) if isinstance(path, str) else path


def _read_installed_bytecode() -> None:
    """Have the bytecode of an environment's module read from beside its source, where the folder for bytecode has none."""
    loaders, cache = sys.modules.get("_frozen_importlib_external"), getattr(sys, "pycache_prefix", None)
    if loaders is None or not cache:
        return
    beginning = cache.rstrip("/") + "/"
    read = loaders.FileLoader.get_data

    def get_data(loader, path):  # type: ignore[no-untyped-def]  # as Python has it
        try:
            return read(loader, path)
        except FileNotFoundError:
            source = getattr(loader, "path", None)
            if not (isinstance(source, str) and source.startswith(_LIBRARIES) and path.startswith(beginning) and path.endswith(".pyc")):
                raise
        folder, _, name = path[len(beginning) - 1 :].rpartition("/")
        installed = folder + "/__pycache__/" + name
        handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC)  # what counts as read is the source
        try:
            if os.stat(installed).st_mtime_ns <= os.fstat(handle).st_mtime_ns:  # Python itself compares whole seconds only
                raise FileNotFoundError(installed)
        finally:
            os.close(handle)
        return read(loader, installed)

    loaders.FileLoader.get_data = get_data


def _begin() -> None:
    _read_installed_bytecode()
    if _FILE == "-":  # nobody listens
        return
    sys.addaudithook(_heard)
    if _HANDLE < 0:
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
