"""Which paths the manifest may name: relative to the project, with forward slashes, normalised."""

from __future__ import annotations

import posixpath
import re
import unicodedata

from paperbuild.engine import patterns
from paperbuild.engine.graph import DOCUMENTS_FOLDER

_RESERVED = {
    ".paperbuild": "paperbuild keeps its own records there",
    ".git": "version control lives there",
    DOCUMENTS_FOLDER: "documents are written there",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


class PathError(ValueError):
    """The path cannot be used. ``reason`` completes "PATH …", ``mend`` says what to write."""

    def __init__(self, code: str, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.mend = mend


def output_path(text: str) -> str:
    """Return ``text`` normalised, with its slash where it is a folder.

    Raises:
        PathError: it is not inside the project, is reserved, or is no single path.
    """
    path = _inside(text)
    if patterns.is_glob(path):
        raise PathError("PB132", "is a pattern, and an output is one path", "name each file, or a folder with a / at the end")
    parts = path.casefold().split("/")
    for name, why in _RESERVED.items():
        if parts[0] == name or (name in parts and name != DOCUMENTS_FOLDER):
            raise PathError("PB131", f"is inside {name}/: {why}", "write to another folder, such as build/")
    return path


def source_path(text: str) -> str:
    """Return ``text`` normalised, something inside the project.

    Raises:
        PathError: it is not.
    """
    return _inside(text)


def input_path(text: str) -> str:
    """Return ``text`` normalised: a file, a folder (with its slash) or a glob, in the project, beside it (``..``) or absolute.

    Raises:
        PathError: it cannot name any.
    """
    _refuse_spelling(text)
    path = _normalised(text)
    if path in {".", "./", "/", "//"} or set(path.split("/")) <= {"..", ""}:
        raise PathError("PB130", "would count everything, outputs too", "name the files, folders or globs that are read")
    return path


def file_key(path: str) -> str:
    """Return what is equal for two paths that are one file where case and Unicode's forms do not count (macOS, Windows)."""
    return unicodedata.normalize("NFC", path.rstrip("/")).casefold()


def _inside(text: str) -> str:
    _refuse_spelling(text)
    if text.startswith("/"):
        raise PathError("PB130", "is an absolute path", "write it relative to the project's folder")
    path = _normalised(text)
    if path == ".." or path.startswith("../"):
        raise PathError("PB130", "is outside the project", "keep it in the folder of paperbuild.toml, or below")
    if path in {".", "./"}:
        raise PathError("PB130", "is the project itself", "name a file, or a folder in the project")
    return path


def _normalised(text: str) -> str:
    folder = text.endswith(("/", "/.", "/.."))
    return posixpath.normpath(text) + ("/" if folder and text.strip("/") else "")


def _refuse_spelling(text: str) -> None:
    if not text.strip():
        raise PathError("PB130", "is empty", "name a file, or a folder with a / at the end")
    if text.startswith("~"):
        raise PathError("PB130", "starts with ~, which only a shell expands", "write it relative to the project's folder")
    if "\\" in text or _DRIVE.match(text):
        raise PathError("PB130", "is not written with forward slashes", "write a/b, on every system")
    if _CONTROL.search(text):
        raise PathError("PB130", "holds a control character", "take it away")
