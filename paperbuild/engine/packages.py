"""Installed Python packages that scripts use, by the metadata of the environment they run in.

Where nothing observes a command, the modules that its sources import are read off the sources; their distributions, with what those
require, are fingerprinted by name, version and the digest of their ``RECORD``, so an upgrade of numpy reruns what imports numpy, and
installing a linter reruns nothing. Formats: the "Recording installed projects" and core metadata specifications of PyPA.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.distributions import Digest, Distribution, listed, normalise

_FROZEN = ("_frozen_importlib", "_frozen_importlib_external")


class Installed:
    """What is installed beside the tools that commands name. Reads each environment once; ``digest`` hashes files."""

    def __init__(self, home: str, digest: Digest) -> None:
        self._home = home
        self.digest = digest
        self._environments: dict[str, dict[str, tuple[Distribution, ...]]] = {}
        self._fingerprints: dict[tuple[str, str], str] = {}
        self._stems: dict[str, frozenset[str]] = {}
        self._claimed: dict[str, dict[str, tuple[str, ...]]] = {}
        self._importers: dict[str, tuple[dict[str, set[str]], tuple[Distribution, ...]]] = {}

    def _distributions(self, tool: str) -> dict[str, tuple[Distribution, ...]]:
        """Return the distributions by name; several where the prefix has several Pythons, or one shadows another."""
        prefix = os.path.dirname(os.path.dirname(tool))
        found = self._environments.get(prefix)
        if found is None:
            found = {}
            for site in self._sites(prefix):
                for name in listed(site):
                    if name.endswith(".dist-info"):
                        distribution = normalise(name.removesuffix(".dist-info").rpartition("-")[0])
                        one = Distribution(distribution, os.path.join(site, name))
                        found[distribution] = (*found.get(distribution, ()), one)
            self._environments[prefix] = found
        return found

    def prefixes(self, tool: str) -> tuple[str, ...]:
        """Return the folders that the Python ``tool`` is installed in: an environment's, and that of the Python it was made of."""
        prefix = os.path.dirname(os.path.dirname(tool))
        base = _settings(prefix).get("home", "")
        real = os.path.dirname(os.path.dirname(os.path.realpath(tool)))
        return tuple(dict.fromkeys((prefix, *((os.path.dirname(base),) if base else ()), real)))

    def sites(self, tool: str) -> tuple[str, ...]:
        """Return the folders in which the Python ``tool`` finds packages, under all names that they have (``lib64`` is ``lib``)."""
        found = self._found_sites(os.path.dirname(os.path.dirname(tool)))
        return tuple(dict.fromkeys((*found, *map(os.path.realpath, found))))

    def owners(self, tool: str, site: str, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Return (name, fingerprint) of each distribution that has one of ``names`` in its folder ``site``.

        Of metadata that was looked at, ``numpy-2.4.6.dist-info/METADATA``, that file alone: ``numpy:METADATA``. What no distribution
        claims is taken by itself. Editable installs are not in it: their files are read elsewhere, and count there.
        """
        found: dict[str, str] = {}
        for name in names:
            folder, _, file = name.partition("/")
            if folder.endswith((".dist-info", ".egg-info")):
                if file:
                    label = f"{normalise(folder.rpartition('.')[0].rpartition('-')[0])}:{file}"
                    found[label] = self.fingerprint(tool, label) or "absent"
                continue
            for distribution in self._claims(site).get(folder, ()):
                found[distribution] = self.fingerprint(tool, distribution) or "absent"
            if folder not in self._claims(site) and "." not in folder and folder != "__pycache__":
                label = f"/{folder}"
                found[label] = self.fingerprint(tool, label) or "absent"
        return tuple(sorted(found.items()))

    def unfound(self, tool: str, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of the top-level modules ``names`` that are neither installed nor Python's own."""
        wanted = set(names)
        return tuple(sorted(wanted - self._importable(tool))) if wanted else ()  # most commands are no Pythons

    def _importable(self, tool: str) -> frozenset[str]:
        """Return the stems of everything in the folders where the Python ``tool`` looks for its own and for installed modules."""
        known = self._stems.get(tool)
        if known is None:
            import glob

            sites = self.sites(tool)
            own = [os.path.dirname(site) for site in sites]
            own += [folder for prefix in self.prefixes(tool) for folder in glob.glob(os.path.join(glob.escape(prefix), "lib/python3*"))]
            folders = dict.fromkeys((*sites, *own, *(os.path.join(folder, "lib-dynload") for folder in own)))
            stems = {name.partition(".")[0] for folder in folders for name in listed(folder)}
            known = self._stems[tool] = frozenset(stems | sys.stdlib_module_names | {"__main__", *_FROZEN})
        return known

    def _claims(self, site: str) -> dict[str, tuple[str, ...]]:
        """Return which distributions have a file or folder of this name in ``site``."""
        known = self._claimed.get(site)
        if known is None:
            claims: dict[str, set[str]] = {}
            for name in listed(site):
                if name.endswith(".dist-info"):
                    one = Distribution(normalise(name.removesuffix(".dist-info").rpartition("-")[0]), os.path.join(site, name))
                    if not one.is_editable():
                        for entry in one.entries():
                            claims.setdefault(entry, set()).add(one.name)
                    else:
                        for entry in one.entries():
                            claims.setdefault(entry, set())
            known = self._claimed[site] = {entry: tuple(sorted(owners)) for entry, owners in claims.items()}
        return known

    def _sites(self, prefix: str) -> tuple[str, ...]:
        """Return the folders that hold packages for the Pythons in ``prefix``: its own, and those it looks into besides."""
        return tuple({os.path.realpath(site): site for site in self._found_sites(prefix)}.values())

    def _found_sites(self, prefix: str) -> tuple[str, ...]:
        import glob

        settings = _settings(prefix)
        prefixes = [prefix]
        if settings.get("include-system-site-packages", "").lower() == "true":
            prefixes.append(os.path.dirname(settings.get("home", "")))
        if self._home and not settings:
            prefixes.append(os.path.join(self._home, ".local"))
        places = (
            "lib/python3*/site-packages",
            "lib64/python3*/site-packages",
            "lib/python3*/dist-packages",
            "local/lib/python3*/*-packages",
        )
        return tuple(site for one in prefixes for place in places for site in sorted(glob.glob(os.path.join(glob.escape(one), place))))

    def tool(self, tool: str) -> str:
        """Return what counts of an executable: of an environment's Python its version, of anything else that it exists."""
        if not re.fullmatch(r"python[0-9.]*", os.path.basename(tool)):
            return "present"
        if os.path.dirname(os.path.dirname(tool)) == sys.prefix:
            return sys.version.partition(" ")[0]
        settings = _settings(os.path.dirname(os.path.dirname(tool)))
        if not settings:
            return os.path.basename(os.path.realpath(tool))
        return settings.get("version_info", settings.get("version", "unknown")).removesuffix(".final.0")

    def fingerprint(self, tool: str, name: str) -> str | None:
        """Return the present fingerprint of the distribution ``name``, or None where it is not installed.

        ``name:FILE`` is one file of its metadata, ``/name`` a module that no distribution claims, which counts by what is in it, and
        ``?name`` a module that was looked for: "absent" where no distribution has it.
        """
        if name.startswith("/"):
            return self._unclaimed(tool, name[1:])
        if name.startswith("?"):
            return "absent" if name[1:] not in self._importable(tool) else "present"
        name, _, file = name.partition(":")
        found = self._distributions(tool).get(name)
        if found is not None and file:
            return digest_bytes("".join(one.text(file) for one in found).encode(errors="surrogateescape"))[:16]
        if found is None:
            return None
        key = (found[0].folder, name)
        if key not in self._fingerprints:
            self._fingerprints[key] = ", ".join(distribution.fingerprint(self.digest) for distribution in found)
        return self._fingerprints[key]

    def _unclaimed(self, tool: str, name: str) -> str | None:
        key = (tool, f"/{name}")
        if key not in self._fingerprints:
            files = [file for site in self._sites(os.path.dirname(os.path.dirname(tool))) for file in _files_of(os.path.join(site, name))]
            contents = "".join(f"{os.path.basename(file)} {self.digest(file)}\n" for file in files)
            self._fingerprints[key] = digest_bytes(contents.encode(errors="surrogateescape"))[:16] if files else ""
        return self._fingerprints[key] or None

    def used(self, tool: str, sources: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield name and fingerprint of each distribution that the Python files ``sources`` import, and of what those require."""
        distributions = self._distributions(tool)
        installed, editable = self._modules(tool)
        worked_on = [(set(distribution.modules()), distribution.name) for distribution in editable]
        modules = set().union(*map(imported, sources))
        found = {name for module in modules for name in installed.get(module, ())}
        todo = sorted(found | {name for own, name in worked_on if modules & own})
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name in seen or name not in distributions:
                continue
            seen.add(name)
            todo.extend(required for distribution in distributions[name] for required in distribution.required())
        for name in sorted(seen):
            fingerprint = self.fingerprint(tool, name)
            if fingerprint is not None:
                yield name, fingerprint

    def _modules(self, tool: str) -> tuple[dict[str, set[str]], tuple[Distribution, ...]]:
        """Return which distributions make a module importable, and those that are worked on: which modules those have is to be looked up.

        A sweep asks once for each cell, and to read what all packages of an environment hold takes tens of milliseconds.
        """
        prefix = os.path.dirname(os.path.dirname(tool))
        known = self._importers.get(prefix)
        if known is None:
            by_module: dict[str, set[str]] = {}
            every = [one for several in self._distributions(tool).values() for one in several]
            editable = tuple(distribution for distribution in every if distribution.is_editable())
            for distribution in every:
                for module in () if distribution in editable else distribution.modules():
                    by_module.setdefault(module, set()).add(distribution.name)
            known = self._importers[prefix] = (by_module, editable)
        return known


def _files_of(module: str) -> Iterator[str]:
    """Yield the files of a module or package at this path, without its suffix, sorted by folder."""
    yield from (module + suffix for suffix in ("", ".py", ".so") if os.path.isfile(module + suffix))
    for here, folders, files in os.walk(module):
        folders[:] = sorted(folder for folder in folders if folder != "__pycache__")
        yield from (os.path.join(here, file) for file in sorted(files))


def _settings(prefix: str) -> dict[str, str]:
    """Return what ``pyvenv.cfg`` says of a virtual environment; empty where ``prefix`` is none."""
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in file) if value}
    except OSError:
        return {}


def imported(source: str) -> frozenset[str]:
    """Return the top-level modules that the Python file ``source`` imports; none where it cannot be read as Python."""
    try:
        with open(source, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return frozenset(names)
