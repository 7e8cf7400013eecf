"""The text of each hook, and what a hook that stands somewhere is. Pure.

A hook is a script of a few lines for /bin/sh, which calls what stood in its place before and then this Python, by its absolute path:
programs with windows start git without the PATH of a shell, and the environment that holds paperbuild need not be active.

Format, version 1: the second line begins with ``MARK``, the third is the JSON of :class:`Hook`.
"""

from __future__ import annotations

import json
import shlex
from typing import Literal

import msgspec

Name = Literal["pre-commit", "post-commit", "pre-push", "post-receive"]
NAMES: tuple[Name, ...] = ("pre-commit", "post-commit", "pre-push", "post-receive")

MARK = "# paperbuild hook 1 "
KEPT = ".before-paperbuild"
"""What the name of a hook that was there before ends in while ours stands in its place."""

QUEUE = "paperbuild/hook/queue"
"""Where pushes wait, in the git folder of a bare repository."""


class Hook(msgspec.Struct, frozen=True):
    """One installed hook.

    ``python`` is the interpreter that has paperbuild, ``repository`` the git folder that it works for (a folder of hooks may serve
    several), ``project`` the folder of the project in the work tree ("" for its top). ``made_folder``: the folder of hooks was not there
    before.
    """

    name: Name
    python: str
    repository: str
    project: str
    made_folder: bool = False


def script(hook: Hook) -> str:
    """Return the text of a hook."""
    facts = json.dumps(msgspec.to_builtins(hook))  # ASCII: a path may be no UTF-8
    body = _SERVER if hook.name == "post-receive" else _WITH_INPUT if hook.name == "pre-push" else _PLAIN
    fills = {
        "@NAME@": hook.name,
        "@FACTS@": facts,
        "@PYTHON@": shlex.quote(hook.python),
        "@REPOSITORY@": shlex.quote(hook.repository),
        "@PROJECT@": shlex.quote(hook.project or "."),
        "@AFTER@": _AFTER_FAILURE if hook.name in {"pre-commit", "pre-push"} else "",
        "@KEPT@": KEPT,
        "@QUEUE@": QUEUE,
    }
    text = _HEAD + body
    for name, value in fills.items():
        text = text.replace(name, value)
    return text


def hook_in(text: str) -> Hook | None:
    """Return the hook that ``text`` is the script of; None where it is somebody else's."""
    lines = text.splitlines()
    if len(lines) < 3 or not lines[1].startswith(MARK):
        return None
    try:
        return msgspec.convert(json.loads(lines[2].removeprefix("# ")), Hook)
    except (ValueError, msgspec.ValidationError):
        return None


_HEAD = f"""\
#!/bin/sh
{MARK}(written by: paperbuild hook install; taken away by: paperbuild hook remove)
# @FACTS@
python=@PYTHON@
kept="${{0%/*}}/@NAME@@KEPT@"
"""

_AFTER_FAILURE = """\
[ "$status" = 0 ] || exit "$status"
"""

_MEANT = """\
[ -z "$PAPERBUILD_SKIP_HOOKS" ] || exit 0
common=$(git rev-parse --git-common-dir) && common=$(cd "$common" && pwd -P) || exit 0
[ "$common" = @REPOSITORY@ ] || exit 0
if [ ! -x "$python" ]; then
  echo "paperbuild: $python is gone, so nothing was done; mend it: paperbuild hook install" >&2
  exit 0
fi
"""

_CALL = """\
unset $(git rev-parse --local-env-vars)
"""

_PLAIN = (
    """\
status=0
if [ -x "$kept" ]; then "$kept" "$@" || status=$?; fi
@AFTER@"""
    + _MEANT
    + """\
folder=$(git rev-parse --show-toplevel) || exit 0
"""
    + _CALL
    + """\
exec "$python" -P -m paperbuild -C "$folder" hook call @NAME@ @PROJECT@
"""
)

_WITH_INPUT = (
    """\
status=0
input=$(cat)
if [ -x "$kept" ]; then printf '%s\\n' "$input" | "$kept" "$@" || status=$?; fi
@AFTER@"""
    + _MEANT
    + """\
folder=$(git rev-parse --show-toplevel) || exit 0
"""
    + _CALL
    + """\
printf '%s\\n' "$input" | "$python" -P -m paperbuild -C "$folder" hook call @NAME@ @PROJECT@
"""
)

_SERVER = (
    """\
status=0
input=$(cat)
if [ -x "$kept" ]; then printf '%s\\n' "$input" | "$kept" "$@" || status=$?; fi
"""
    + _MEANT
    + _CALL
    + """\
queue="$common/@QUEUE@"
mkdir -p "$queue" && entry=$(mktemp "$queue/new.XXXXXX") && printf '%s\\n' "$input" >"$entry" && mv "$entry" "$queue/push.${entry##*.}" || {
  echo "paperbuild: the push cannot be queued for building: $queue" >&2
  exit "$status"
}
printf '%s\\n' "$input" | while read -r old new ref; do
  case $new in
    *[!0]*) echo "paperbuild: $ref is being built; its papers and log: $common/paperbuild/$ref/" ;;
  esac
done
"$python" -P -m paperbuild -C "$common" hook call @NAME@ @PROJECT@ </dev/null >>"$common/paperbuild/hook/log" 2>&1 &
exit "$status"
"""
)
