"""What commands are given: an allow-list of the environment, ``python`` as the project means it, and what of it counts.

=====================  ============================================================================================================
HOME, USER, TMPDIR …   passed, not counted: places and people are not part of a result
PATH                   passed, with the project's Python first; counted through the executable that the command's first word names
LANG, LC_ALL, TZ       fixed
PYTHON*                fixed: no hash randomisation, and no bytecode: Python trusts bytecode by the whole-second time and the size of
                       its source, so a module edited twice within a second would run stale under a right key. What is installed
                       is read from its bytecode all the same, by tracing/hook
CUDA_*, CONDA_*        passed; CUDA_* counts
SOURCE_DATE_EPOCH      fixed
``env`` of the target  passed and counted, save secrets
=====================  ============================================================================================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

from paperbuild.engine.digest import digest_bytes, digest_of, file_digest
from paperbuild.engine.graph import Action, Command, Variable
from paperbuild.engine.packages import Installed
from paperbuild.engine.ports import Question, Surroundings
from paperbuild.engine.r_packages import R, RPackages
from paperbuild.engine.rules import DEPOT, KERNEL, SYSTEM, TEMPORARY, Ground, Treatment, rule_for
from paperbuild.engine.shellwords import shell_words
from paperbuild.engine.trace import Package, Program

_PASSED = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    }
)
_PASSED_PREFIXES = ("CUDA_", "CONDA_", "MAMBA_", "ROCR_", "HIP_")
_COUNTED_PREFIXES = ("CUDA_",)
FIXED = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "SOURCE_DATE_EPOCH": "315532800",
}
"""What every command is given, the same on every machine. 1980-01-01 is the earliest moment that a ZIP file can hold."""

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_HOOK = f"{_OURS}/engine/tracing/hook"
_BELOW_USR = tuple(
    f"/usr/{name}/" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "include", "share", "src", "games")
)
"""All of /usr but /usr/local: a watcher compares with beginnings only."""

_NO_PROGRAMS = (".cfg", "._pth")  # which a Python looks for beside itself
_IN_R = (".R", ".r", ".Rmd", ".qmd")
_PYTHON = re.compile(r"python[0-9.]*")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


class LocalEnvironment:
    """:class:`paperbuild.engine.ports.CommandEnvironment` of this machine.

    ``base`` is our own environment, ``python_folder`` the ``bin`` folder of the Python that commands use, ``cache_folder`` a private
    empty folder for bytecode that programs insist on, ``shared`` what every command is given besides; a target's own ``env`` wins.
    ``root`` is the folder in which commands start; where that is a copy of another project, ``origin`` is the environment there.
    """

    def __init__(
        self,
        base: Mapping[str, str],
        python_folder: str,
        cache_folder: str,
        shared: tuple[Variable, ...] = (),
        *,
        root: str = "",
        origin: LocalEnvironment | None = None,
    ) -> None:
        passed = {name: value for name, value in base.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}
        path = os.pathsep.join((python_folder, base.get("PATH", os.defpath)))
        self._base, self._python_folder = base, python_folder
        self._common = {**passed, **FIXED, "PATH": path, "PYTHONPYCACHEPREFIX": cache_folder}
        self._shared = shared
        self._root = root
        self._is_copy = origin is not None
        self._caches = () if origin is None else origin.caches
        self.home = base.get("HOME", "")
        self.lent: Mapping[str, str] = {} if origin is None else dict(origin.inner_environments())
        self._installed = Installed(self.home, file_digest) if origin is None else origin.installed
        self._programs: dict[str, str | None] = {}
        self._r = RPackages(self._which, root, self.home, file_digest) if origin is None else origin.r_packages
        self.answers: dict[Question, str | None] = {}
        self._search = tuple(dict.fromkeys(folder for folder in path.split(os.pathsep) if folder.startswith("/")))

    @property
    def caches(self) -> tuple[str, ...]:
        """Folders, each with its slash, that programs keep for themselves: a copy's programs may find them by their real paths."""
        return self._ground.caches

    @property
    def installed(self) -> Installed:
        """What is installed here, and need not be looked for again."""
        return self._installed

    @property
    def r_packages(self) -> RPackages:
        """What R finds."""
        return self._r

    def hash_by(self, digest: Callable[[str], str | None]) -> None:
        """See the port."""
        if not self._is_copy:  # what is installed is remembered where the project is
            self._installed.digest = self._r.digest = digest

    def elsewhere(self, root: str, changes: Mapping[str, str]) -> LocalEnvironment:
        """See the port."""
        base = {**self._base, **changes}
        search = (self._moved(folder, root) for folder in self._base.get("PATH", os.defpath).split(os.pathsep))
        base["PATH"] = os.pathsep.join(search)
        python = self._moved(self._python_folder, root)
        return LocalEnvironment(base, python, f"{root}/.paperbuild/bytecode", self._shared, root=root, origin=self)

    def _moved(self, folder: str, root: str) -> str:
        """Return where in a copy of the project in ``root`` a folder of the search path is; environments stay where they are."""
        inside = f"{folder}/".startswith(f"{self._root}/") and bool(self._root)
        return root + folder[len(self._root) :] if inside and not self._is_environment(folder) else folder

    def inner_environments(self) -> Iterator[tuple[str, str]]:
        """Yield the environments that lie in the project: their paths in it, and their absolute paths."""
        for prefix in self._ground.environments:
            place = prefix.rstrip("/")
            for root in (self._root, os.path.realpath(self._root)):
                if self._root and place.startswith(f"{root}/"):
                    yield place[len(root) + 1 :], place

    def given(self, action: Action) -> Mapping[str, str]:
        """See the port."""
        return {**self._common, **{variable.name: variable.value for variable in (*self._shared, *action.variables)}}

    def counted(self, action: Action) -> Mapping[str, str]:
        """See the port."""
        self.answer(("common",))
        counted = dict(self._counted)
        counted.update((f"variable:{v.name}", v.counted) for v in action.variables if v.counted is not None and not v.file)
        for name in _tools(action):
            tool = self.answer(("tool", name))
            if tool is not None:
                counted[f"tool:{name}"] = tool
        return counted

    @cached_property
    def _counted(self) -> Mapping[str, str]:
        """What counts of the environment for every command."""
        counted = {f"variable:{name}": value for name, value in self._common.items() if name.startswith(_COUNTED_PREFIXES)}
        counted.update((f"variable:{v.name}", v.counted) for v in self._shared if v.counted is not None and not v.file)
        return counted

    def answer(self, question: Question) -> str | None:
        """See the port."""
        if question not in self.answers:
            self.answers[question] = self._answer(question)
        return self.answers[question]

    def _answer(self, question: Question) -> str | None:
        match question:
            case ("common",):
                return digest_of("counted 1", tuple(sorted(self._counted.items())))
            case ("tool", name):
                tool = self._which(name)
                return None if tool is None else self._installed.tool(tool)
            case ("program", name):
                return self._program(name)
            case ("value", name):
                return self._value_digest(name)
            case ("platform", name):
                from paperbuild.engine.machine_facts import fact_here

                return fact_here(name)
            case ("package", "R", name):
                return self._r.fingerprint(name) if self._r.libraries else None
            case ("package", tool, name):
                executable = self._which(tool)
                return None if executable is None else self._installed.fingerprint(executable, name)
        return None

    @cached_property
    def _pythons(self) -> tuple[str, ...]:
        """The Pythons that commands find along the search path."""
        found = (self._which(name) for name in ("python3", "python"))
        return tuple(dict.fromkeys(tool for tool in found if tool is not None))

    @cached_property
    def _ground(self) -> Ground:
        shared = {"", "/usr", "/usr/local", "/opt/homebrew", self.home, f"{self.home}/.local"}
        prefixes = []
        for prefix in (prefix for tool in self._pythons for prefix in self._installed.prefixes(tool)):
            prefixes += [f"{prefix}/lib/python3", f"{prefix}/lib/libpython3"] if prefix in shared else [f"{prefix}/"]
        private = (self._common.get(name) for name in ("PYTHONPYCACHEPREFIX", "TMPDIR", "TEMP", "TMP"))
        caches = [f"{folder}/" for folder in private if folder]
        if self.home:
            caches += [f"{self.home}/.cache/", f"{self.home}/Library/Caches/"]
        prefixes += [f"{library}/" for library in self._r.own]
        prefixes += [f"{self._root}/{place}/" for place in self.lent]
        caches += self._caches
        depots = tuple(f"{self.home}/.julia/{name}/" for name in DEPOT) if self.home else ()
        environments, kept = tuple(dict.fromkeys(prefixes)), tuple(dict.fromkeys(caches))
        return Ground(f"{os.path.realpath(self._root)}/", (f"{_OURS}/",), environments, kept, depots)

    @cached_property
    def _sites(self) -> tuple[str, ...]:
        sites = tuple(dict.fromkeys(f"{site}/" for tool in self._pythons for site in self._installed.sites(tool)))
        return sites + tuple(copy for site in sites for copy in self._copies(site))

    @cached_property
    def _r_libraries(self) -> tuple[str, ...]:
        """The libraries of R, each with its slash, and what those that are lent are called in the copy."""
        libraries = tuple(f"{library}/" for library in self._r.libraries)
        return libraries + tuple(copy for library in libraries for copy in self._copies(library))

    def _copies(self, place: str) -> tuple[str, ...]:
        """Return what ``place``, in an environment that is lent, is called in the copy."""
        return tuple(f"{self._root}/{link}{place[len(there) :]}" for link, there in self.lent.items() if place.startswith(f"{there}/"))

    def _original(self, place: str) -> str:
        """Return the absolute path of ``place``, which may be one in the copy, where what is lent really is."""
        for link, there in self.lent.items():
            if place.startswith(f"{self._root}/{link}/"):
                return there + place[len(self._root) + 1 + len(link) :]
        return place

    @cached_property
    def _places(self) -> tuple[str, ...]:
        """Folders of the search path that are no part of the project: what is used there is a program."""
        project = self._ground.project
        return tuple(f"{folder}/" for folder in self._search if not f"{folder}/".startswith(project) or self._is_environment(folder))

    def _is_environment(self, folder: str) -> bool:
        return f"{folder}/".startswith(self._ground.environments)

    def hook(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See the port."""
        return {"PYTHONPATH": os.pathsep.join(filter(None, (_HOOK, given.get("PYTHONPATH", ""))))}

    def surroundings(self) -> Surroundings:
        """See the port. The hook, which every Python reads, may lie among installed packages: that is no use of the package paperbuild."""
        ground = self._ground
        system = (*(place for place in SYSTEM if place != "/usr/"), *_BELOW_USR)
        dropped = (*ground.ours, *ground.environments, *ground.depots, *KERNEL, *TEMPORARY, *ground.caches, *system)
        scratch = ("/dev/", *TEMPORARY, *ground.caches)
        grouped = (_HOOK, *self._sites, *self._r_libraries, *self._places, *ground.caches[:1])
        return Surroundings(dropped, grouped, scratch)

    def treatment(self, path: str) -> Treatment:
        """See the port."""
        return rule_for(self._ground, path).treatment

    def grouped(self, prefix: str, names: Iterable[str]) -> tuple[Package | Program, ...]:
        """See the port."""
        if prefix in self._places:
            return tuple(Program(name, self.program(name)) for name in names if not name.endswith(_NO_PROGRAMS))
        if prefix in self._r_libraries:
            return tuple(Package(R, *found) for found in self._r.owners(names))
        for tool in self._pythons:
            site = self._original(prefix)
            if site in {f"{known}/" for known in self._installed.sites(tool)}:
                name = os.path.basename(tool)
                return tuple(Package(name, *found) for found in self._installed.owners(tool, site.rstrip("/"), names))
        return ()

    def program(self, name: str) -> str | None:
        """See the port."""
        return self.answer(("program", name))

    def _program(self, name: str) -> str | None:
        found = self._which(name)
        if found is None:
            return None
        if self._is_environment(os.path.dirname(found)):
            return f"environment {self._installed.tool(found)}"
        real = os.path.realpath(found)
        return found if rule_for(self._ground, real).treatment is Treatment.INPUT else "system"

    def unfound(self, names: Iterable[str]) -> tuple[Package, ...]:
        """See the port."""
        return tuple(
            Package(os.path.basename(tool), f"?{name}", "absent")
            for tool in self._pythons[:1]
            for name in self._installed.unfound(tool, names)
        )

    def value_digest(self, name: str) -> str | None:
        """See the port."""
        return self.answer(("value", name))

    def _value_digest(self, name: str) -> str | None:
        shared = next((variable.counted for variable in self._shared if variable.name == name), None)
        value = self._common.get(name) if shared is None else shared
        return None if value is None else digest_bytes(value.encode("utf-8", "surrogateescape"))

    @property
    def files(self) -> Mapping[str, str]:
        """See the port."""
        return {variable.file: variable.name for variable in self._shared if variable.file}

    def packages(self, action: Action, sources: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
        """See the port."""
        sources = tuple(sources)
        in_r = [source for source in sources if source.endswith(_IN_R)]
        return (*self._python_packages(action, sources), *((R, *found) for found in (self._r.used(in_r) if in_r else ())))

    def _python_packages(self, action: Action, sources: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
        python = [source for source in sources if source.endswith(".py")]
        if not python:
            return ()
        pythons = ((name, self._which(name)) for name in _tools(action) if _PYTHON.fullmatch(os.path.basename(name)))
        named = tuple((name, tool) for name, tool in pythons if tool is not None)
        found = {
            (name, package, fingerprint)
            for name, tool in named or self._default_python()
            for package, fingerprint in self._installed.used(tool, python)
        }
        return tuple(sorted(found))

    def _default_python(self) -> tuple[tuple[str, str], ...]:
        """Return the Python that a script, a makefile or a first line ``#!/usr/bin/env python3`` would find."""
        found = ((name, self._which(name)) for name in ("python3", "python"))
        return tuple((name, tool) for name, tool in found if tool is not None)[:1]

    def package(self, tool: str, name: str) -> str | None:
        """See the port."""
        return self.answer(("package", tool, name))

    def _which(self, name: str) -> str | None:
        if name not in self._programs:
            self._programs[name] = self._find(name)
        return self._programs[name]

    def _find(self, name: str) -> str | None:
        if "/" in name:  # a program of the project is an input by its words, one elsewhere is the system's; a Python has packages
            place = self._original(os.path.join(self._root, name))
            return place if _PYTHON.fullmatch(os.path.basename(name)) and _is_program(place) else None
        for folder in self._common["PATH"].split(os.pathsep):
            candidate = os.path.join(folder, name)
            if name and _is_program(candidate):
                return candidate
        return None


def _tools(action: Action) -> tuple[str, ...]:
    """Return the programs that the command names: its first word, and every Python in it."""
    if not isinstance(action.recipe, Command):
        return ()
    words = [word for word in shell_words(action.recipe.line) if not _ASSIGNMENT.match(word)]
    return tuple(dict.fromkeys((*words[:1], *(word for word in words if _PYTHON.fullmatch(os.path.basename(word))))))


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def python_folder(base: Mapping[str, str], prefix: str, declared: str | None, root: str) -> str:
    """Return the ``bin`` folder of the Python that commands use.

    The one that the manifest declares (an executable or an environment's folder), else the active environment's, else that of the
    prefix in which paperbuild itself runs.
    """
    if declared:
        place = os.path.join(root, os.path.expanduser(declared))
        return os.path.join(place, "bin") if os.path.isdir(os.path.join(place, "bin")) else os.path.dirname(place)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        active = base.get(variable)
        if active and os.path.isdir(os.path.join(active, "bin")):
            return os.path.join(active, "bin")
    return os.path.join(prefix, "bin")
