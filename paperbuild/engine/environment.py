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
import shlex
from collections.abc import Iterable, Mapping

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.graph import Action, Command, Variable
from paperbuild.engine.packages import Installed

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

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


class LocalEnvironment:
    """:class:`paperbuild.engine.ports.CommandEnvironment` of this machine.

    ``base`` is our own environment, ``python_folder`` the ``bin`` folder of the Python that commands use, ``cache_folder`` a private
    empty folder for bytecode that programs insist on, ``shared`` what every command is given besides; a target's own ``env`` wins.
    """

    def __init__(self, base: Mapping[str, str], python_folder: str, cache_folder: str, shared: tuple[Variable, ...] = ()) -> None:
        passed = {name: value for name, value in base.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}
        path = os.pathsep.join((python_folder, base.get("PATH", os.defpath)))
        self._common = {**passed, **_FIXED, "PATH": path, "PYTHONPYCACHEPREFIX": cache_folder}
        self._shared = shared
        self._installed = Installed()

    def given(self, action: Action) -> Mapping[str, str]:
        """See the port."""
        return {**self._common, **{variable.name: variable.value for variable in (*self._shared, *action.variables)}}

    def counted(self, action: Action) -> Mapping[str, str]:
        """See the port."""
        counted = {f"variable:{name}": value for name, value in self._common.items() if name.startswith(_COUNTED_PREFIXES)}
        counted.update((f"variable:{v.name}", v.counted) for v in (*self._shared, *action.variables) if v.counted is not None)
        for tool in self._tools(action):
            counted[f"tool:{os.path.basename(tool)}"] = self._installed.tool(tool)
        return counted

    def value_digest(self, name: str) -> str | None:
        """See the port."""
        value = self._common.get(name)
        return None if value is None else digest_bytes(value.encode("utf-8", "surrogateescape"))

    def packages(self, action: Action, sources: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
        """See the port."""
        found: dict[tuple[str, str], str] = {}
        python = [source for source in sources if source.endswith(".py")]
        for tool in self._tools(action):
            for name, fingerprint in self._installed.used(tool, python):
                found[os.path.basename(tool), name] = fingerprint
        return tuple((tool, name, fingerprint) for (tool, name), fingerprint in sorted(found.items()))

    def package(self, tool: str, name: str) -> str | None:
        """See the port."""
        executable = self._which(tool)
        return None if executable is None else self._installed.fingerprint(executable, name)

    def _tools(self, action: Action) -> tuple[str, ...]:
        """Return the executables outside the project that the command's first word names."""
        if not isinstance(action.recipe, Command):
            return ()
        try:
            words = shlex.split(action.recipe.line)
        except ValueError:
            return ()
        first = next((word for word in words if not _ASSIGNMENT.match(word)), "")
        found = self._which(first)
        return () if found is None else (found,)

    def _which(self, name: str) -> str | None:
        if not name or "/" in name:
            return None  # a program of the project is an input by its words; one elsewhere is the system's
        for folder in self._common["PATH"].split(os.pathsep):
            candidate = os.path.join(folder, name)
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
                return candidate
        return None


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
