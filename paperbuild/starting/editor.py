"""VS Code's tasks for a project, put beside those that are there.

Source of the format: the documentation of VS Code, tasks.json 2.0.0. The file is JSON with comments and with commas behind the last item;
what stands in it stays to the letter, so ours are put in as text.
"""

from __future__ import annotations

import json
import re

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.errors import UsageError
from paperbuild.starting.project import packaged

TASKS = ".vscode/tasks.json"
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|[{}\[\],:]|[^\s{}\[\],:"/]+|\s+|.', re.DOTALL)


def with_tasks(before: bytes | None) -> str:
    """Return the file of tasks with paperbuild's in it; ``before`` is what stands there (None: nothing).

    A task that is there under the name of one of ours stays as it is.

    Raises:
        UsageError: what stands there cannot be understood.
    """
    ours = packaged("vscode/tasks.json")
    if before is None or not before.strip():
        return ours
    try:
        text = before.decode()
        found = json.loads(_bare(text))
    except ValueError:
        raise UsageError(_unreadable("it is no JSON with comments")) from None
    tasks = found.get("tasks", []) if isinstance(found, dict) else None
    if not isinstance(tasks, list):
        raise UsageError(_unreadable("it has no list of tasks"))
    there = {task.get("label") for task in tasks if isinstance(task, dict)}
    missing = [task for task in json.loads(ours)["tasks"] if task["label"] not in there]
    if not missing:
        return text
    written = ",\n".join(_indented(json.dumps(task, indent=2), 4) for task in missing)
    return _inserted(text, written, has_list="tasks" in found, is_empty=not (tasks if "tasks" in found else found))


def _inserted(text: str, written: str, *, has_list: bool, is_empty: bool) -> str:
    """Return ``text`` with ``written`` at the end of its list of tasks, or with such a list at its end where it has none."""
    close, last = _end(text, "tasks") if has_list else _end(text, None)
    comma = "" if is_empty or text[last] == "," else ","
    new = f"\n{written}\n  " if has_list else f'\n  "tasks": [\n{written}\n  ]\n'
    return text[: last + 1] + comma + text[last + 1 : close].rstrip() + new + text[close:]


def _end(text: str, key: str | None) -> tuple[int, int]:
    """Return where the list under ``key`` of the outermost object closes (None: where that object does), and its last token before that."""
    depth, last, seen, opened = 0, 0, "", None
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word.isspace() or word.startswith(("//", "/*")):
            continue
        if word in "]}":
            depth -= 1
            if depth == (0 if key is None else 1) and (key is None or opened is not None):
                return match.start(), last
        if word == "[" and depth == 1 and seen == key and key is not None:
            opened = match.start()
        if word in "[{":
            depth += 1
        if depth == 1 and word.startswith('"'):
            seen = json.loads(word)
        last = match.end() - 1
    raise AssertionError("it was read as JSON before")


def _bare(text: str) -> str:
    """Return the JSON in ``text``: without comments, and without commas behind last items."""
    words = [m[0] for m in _TOKEN.finditer(text) if not m[0].startswith(("//", "/*")) and not m[0].isspace()]
    return "".join(word for n, word in enumerate(words) if not (word == "," and n + 1 < len(words) and words[n + 1] in "]}"))


def _indented(text: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line for line in text.splitlines())


def _unreadable(why: str) -> Diagnostic:
    return Diagnostic(
        "PB163",
        f"{TASKS}: {why}",
        Span(TASKS, 0, 0),
        notes=("nothing was written",),
        help=("mend it, or put it aside and call this again",),
    )
