"""Tells a build what it cannot see by itself of this Python.

Where system calls are watched (``HOOK`` in :mod:`paperbuild.engine.tracing.sightings`), that is which modules are looked for, and which
folders are listed only to find them, or metadata of packages: Python finds both by listing folders, and for a watcher that would make every
file beside a script an input of it. It is told by asking for the status of a path that does not exist. Where nothing is watched, a
variable names a file, and all is told there that Python's audit events show: files that are opened, folders that are listed, what is
renamed or removed. What libraries below Python read is not among it (see :mod:`paperbuild.engine.tracing.heard`). Of a command that
nobody watches (``observe = "off"``) nothing is told.

Who watches is also asked for which folders there is no need to: of a package of an environment only the name counts, of Python's own
library nothing. What the import system looks up there then goes unseen, which spares nine in ten of the stops by which it finds and loads
modules.

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
_LENGTH = 1000  # of what is told at once, in characters: a path has at most 4,096 bytes
_BUILTIN = frozenset(sys.builtin_module_names)  # these are in no folder
_ENVIRONMENT = (sys.prefix, sys.base_prefix)
_LIBRARIES = tuple(prefix + library for prefix in _ENVIRONMENT for library in ("/lib/python3", "/lib64/python3"))
_ALL_BELOW, _ALL_BUT_SITES, _FILES_IN = 21, 39, 20  # numbers of errors: answers (see paperbuild.engine.tracing.sightings)
_SPARED = 0x2B000000  # of an opening: nobody is told of it (``SPARED_FLAGS`` in paperbuild.engine.tracing.calls)
_FILE = os.environ.get("PAPERBUILD_HEARD", "")
_SOUGHT = set()  # type: ignore[var-annotated]  # of str: names of modules that were told
_HANDLE = os.open(_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600) if _FILE not in ("", "-") else -1


class _Sheet:
    """A file to which names can be written without anybody being stopped, where there is one; it outlasts whoever writes."""

    def __init__(self) -> None:
        self._handle = -1
        if not _FILE:
            try:
                self._handle = os.open(_HOOK + b"T", os.O_WRONLY | os.O_CLOEXEC)
                self._file = os.fstat(self._handle)
            except OSError:
                self._handle = -1

    def takes(self, words: bytes) -> bool:
        """Write ``words``; return False where that cannot be done."""
        if self._handle < 0:
            return False
        try:
            if not os.path.samestat(os.fstat(self._handle), self._file):  # the program closed it, and opened something else
                return False
            return os.write(self._handle, words + b"\0") > 0
        except OSError:
            return False


def _tell(kind: bytes, text: object) -> None:
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if not isinstance(text, str):  # a descriptor, or what os.fspath takes and nobody asked for
        return
    words = kind + _SEPARATOR + text.encode(sys.getfilesystemencoding(), "surrogateescape")
    try:
        if _HANDLE < 0:
            if kind != b"N" or not _SHEET.takes(words):
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
    elif name not in _BUILTIN and name not in _SOUGHT:
        _SOUGHT.add(name)
        _tell(b"N", name)


def _sought_before() -> None:
    """Tell which modules were looked for before this was loaded, as many at a time as a path is long."""
    _SOUGHT.update(name for name in tuple(sys.modules) if "." not in name and name not in _BUILTIN)
    together = ""
    for name in sorted(_SOUGHT):
        if len(together) + len(name) > _LENGTH:
            _tell(b"N", together)
            together = ""
        together += (together and _SEPARATOR.decode()) + name
    _tell(b"N", together)


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


class _Sparing:
    """Looks up for the import system what it asks for; unseen, where that tells nothing (any more) that counts."""

    def __init__(self) -> None:
        self._answers: dict[str, bool] = {}  # of folders that were asked about: whether they and the files in them are spared
        self._whole: tuple[str, ...] = ()  # folders, each with its slash, of which everything is
        self._nearly_whole: tuple[str, ...] = ()  # of which everything is but what is in ...
        self._sites: tuple[str, ...] = ()  # ... these
        self._asked: set[str] = set()  # paths whose status was asked for before all eyes

    def is_for(self, path: object) -> bool:
        """Return whether nobody need be told that somebody looks at ``path``."""
        if _FILE or not isinstance(path, str) or not path.startswith(_LIBRARIES) or "/../" in path + "/":
            return False
        folder = path.rpartition("/")[0]
        spared = self._answers.get(folder)
        if spared is None:
            spared = self._answers[folder] = self._is_granted(folder)
        return spared or self._answers.get(path, False)

    def _is_granted(self, folder: str) -> bool:
        inside = folder + "/"
        if inside.startswith(self._whole) or (inside.startswith(self._nearly_whole) and not inside.startswith(self._sites)):
            return True
        if not folder.startswith(_LIBRARIES):
            return False
        answer = 0
        try:
            os.stat(_HOOK + b"S" + _SEPARATOR + os.fsencode(folder))
        except OSError as error:
            answer = error.errno or 0
        except ValueError:
            pass
        if answer == _ALL_BELOW:
            self._whole += (inside,)
        elif answer == _ALL_BUT_SITES:
            self._nearly_whole += (inside,)
            self._sites += (inside + "site-packages/", inside + "dist-packages/")
        return answer in (_ALL_BELOW, _ALL_BUT_SITES, _FILES_IN)

    def status(self, path):  # type: ignore[no-untyped-def]  # as Python has it
        """Do what ``os.stat`` does."""
        if path in self._asked or self.is_for(path):
            try:
                handle = os.open(path, os.O_PATH | os.O_CLOEXEC | _SPARED)
            except (FileNotFoundError, NotADirectoryError):
                raise
            except OSError:  # too many open files, for instance
                return os.stat(path)
            try:
                return os.fstat(handle)
            finally:
                os.close(handle)
        if isinstance(path, str) and path.startswith("/") and "/../" not in path + "/":  # whatever it is, to ask again tells nothing new
            self._asked.add(path)
        return os.stat(path)

    def names(self, path):  # type: ignore[no-untyped-def]  # as Python has it
        """Do what ``os.listdir`` does, for who looks for modules."""
        if not self.is_for(path):
            _tell(b"L", _absolute(path))
            return os.listdir(path)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | _SPARED)
        except OSError:
            return os.listdir(path)
        try:
            return os.listdir(handle)
        finally:
            os.close(handle)


def _installed_bytecode(source: str, installed: str):  # type: ignore[no-untyped-def]  # bytes or None, which Python 3.8 has no word for
    """Return the bytecode ``installed`` of ``source``; None where there is none that is newer than that."""
    flags = os.O_RDONLY | os.O_CLOEXEC | (_SPARED if _SPARING.is_for(source) else 0)
    try:
        handle = os.open(source, flags)  # what counts as read is the source
        try:
            changed = os.fstat(handle).st_mtime_ns
        finally:
            os.close(handle)
        handle = os.open(installed, flags)
        try:
            found = os.fstat(handle)
            data = os.read(handle, found.st_size + 1)
        finally:
            os.close(handle)
    except OSError:
        return None
    # Python itself compares whole seconds only
    return data if found.st_mtime_ns > changed and len(data) == found.st_size else None


def _load_what_is_installed() -> None:
    """Have what an environment's modules are loaded from looked up as is said above."""
    loaders, cache = sys.modules.get("_frozen_importlib_external"), getattr(sys, "pycache_prefix", None)
    if loaders is None:
        return
    if not _FILE and hasattr(loaders, "_path_stat"):
        system = type(sys)("posix")
        system.__dict__.update(loaders._os.__dict__, listdir=_SPARING.names)
        loaders._os, loaders._path_stat = system, _SPARING.status  # type: ignore[attr-defined]
    if not cache:
        return
    beginning = cache.rstrip("/") + "/"
    read = loaders.FileLoader.get_data

    def get_data(loader, path):  # type: ignore[no-untyped-def]  # as Python has it
        source = getattr(loader, "path", None)
        if isinstance(source, str) and source.startswith(_LIBRARIES) and path.startswith(beginning) and path.endswith(".pyc"):
            folder, _, name = path[len(beginning) - 1 :].rpartition("/")
            data = _installed_bytecode(source, folder + "/__pycache__/" + name)
            if data is not None:
                return data
        return read(loader, path)

    loaders.FileLoader.get_data = get_data


def _begin() -> None:
    _load_what_is_installed()
    if _FILE == "-":  # nobody listens
        return
    sys.addaudithook(_heard)
    if _HANDLE < 0:
        for folder in filter(_is_elsewhere, sys.path_importer_cache):  # what was looked for before this was loaded
            _tell(b"P", folder)
    _sought_before()


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


_SHEET = _Sheet()
_SPARING = _Sparing()
_begin()
_give_way()
