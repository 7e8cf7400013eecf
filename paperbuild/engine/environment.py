"""What commands are given: an allow-list of the environment, ``python`` as the project means it, and what of it counts.

=====================  ============================================================================================================
HOME, USER, TMPDIR …   passed, not counted: places and people are not part of a result
PATH                   passed, with the project's Python first; counted through the executable that the command's first word names
LANG, LC_ALL, TZ       fixed
PYTHON*                fixed: no hash randomisation, and no bytecode: Python trusts bytecode by the whole-second time and the size of
                       its source, so a module edited twice within a second would run stale under a right key
CUDA_*, CONDA_*        passed; CUDA_* counts
SOURCE_DATE_EPOCH      fixed
``env`` of the target  passed and counted, save secrets
=====================  ============================================================================================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.graph import Action, Command, Variable
from paperbuild.engine.packages import Installed
from paperbuild.engine.shellwords import shell_words

_PASSED = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    }
)
_PASSED_PREFIXES = ("CUDA_", "CONDA_", "MAMBA_", "ROCR_", "HIP_")
_COUNTED_PREFIXES = ("CUDA_",)
_FIXED = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "SOURCE_DATE_EPOCH": "315532800",
}
"""1980-01-01: the earliest moment that a ZIP file can hold."""

_PYTHON = re.compile(r"python[0-9.]*")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


class LocalEnvironment:
    """:class:`paperbuild.engine.ports.CommandEnvironment` of this machine.

    ``base`` is our own environment, ``python_folder`` the ``bin`` folder of the Python that commands use, ``cache_folder`` a private
    empty folder for bytecode that programs insist on, ``shared`` what every command is given besides; a target's own ``env`` wins.
    ``root`` is the folder in which commands start.
    """

    def __init__(
        self, base: Mapping[str, str], python_folder: str, cache_folder: str, shared: tuple[Variable, ...] = (), *, root: str = ""
    ) -> None:
        passed = {name: value for name, value in base.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}
        path = os.pathsep.join((python_folder, base.get("PATH", os.defpath)))
        self._common = {**passed, **_FIXED, "PATH": path, "PYTHONPYCACHEPREFIX": cache_folder}
        self._shared = shared
        self._root = root
        self._installed = Installed(base.get("HOME", ""))
        self._programs: dict[str, str | None] = {}

    def given(self, action: Action) -> Mapping[str, str]:
        """See the port."""
        return {**self._common, **{variable.name: variable.value for variable in (*self._shared, *action.variables)}}

    def counted(self, action: Action) -> Mapping[str, str]:
        """See the port."""
        counted = {f"variable:{name}": value for name, value in self._common.items() if name.startswith(_COUNTED_PREFIXES)}
        counted.update((f"variable:{v.name}", v.counted) for v in (*self._shared, *action.variables) if v.counted is not None)
        for name, tool in self._tools(action):
            counted[f"tool:{name}"] = self._installed.tool(tool)
        return counted

    def value_digest(self, name: str) -> str | None:
        """See the port."""
        value = self._common.get(name)
        return None if value is None else digest_bytes(value.encode("utf-8", "surrogateescape"))

    def packages(self, action: Action, sources: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
        """See the port."""
        python = [source for source in sources if source.endswith(".py")]
        if not python:
            return ()
        named = tuple((name, tool) for name, tool in self._tools(action) if _PYTHON.fullmatch(os.path.basename(name)))
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
        executable = self._which(tool)
        return None if executable is None else self._installed.fingerprint(executable, name)

    def _tools(self, action: Action) -> tuple[tuple[str, str], ...]:
        """Return the programs that the command names, as written and where they are: its first word, and every Python in it."""
        if not isinstance(action.recipe, Command):
            return ()
        words = [word for word in shell_words(action.recipe.line) if not _ASSIGNMENT.match(word)]
        names = dict.fromkeys((*words[:1], *(word for word in words if _PYTHON.fullmatch(os.path.basename(word)))))
        found = ((name, self._which(name)) for name in names)
        return tuple((name, tool) for name, tool in found if tool is not None)

    def _which(self, name: str) -> str | None:
        if name not in self._programs:
            self._programs[name] = self._find(name)
        return self._programs[name]

    def _find(self, name: str) -> str | None:
        if "/" in name:  # a program of the project is an input by its words, one elsewhere is the system's; a Python has packages
            place = os.path.join(self._root, name)
            return place if _PYTHON.fullmatch(os.path.basename(name)) and _is_program(place) else None
        for folder in self._common["PATH"].split(os.pathsep):
            candidate = os.path.join(folder, name)
            if name and _is_program(candidate):
                return candidate
        return None


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
