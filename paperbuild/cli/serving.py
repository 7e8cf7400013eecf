"""The options that say where a page is served, and whether it is opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import click
import msgspec

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Serving(msgspec.Struct, frozen=True):
    """Where to listen (``port`` 0: the usual one), whether a browser is to be opened there, and what opens sources ("": what is found)."""

    host: str
    port: int
    allow_remote: bool
    opens: bool
    editor: str = ""


def serving_options(function: _Command) -> _Command:
    """Add the options of a command that serves a page. Their values come as one parameter, ``serving``."""

    def command(*args: Any, **given: Any) -> Any:
        named = {name: given.pop(name) for name in ("host", "port", "allow_remote", "opens", "editor")}
        return function(*args, serving=Serving(**named), **given)

    served = wraps(function)(command)
    for option in reversed(
        (
            click.option("--open", "opens", is_flag=True, help="Open the page in the browser."),
            click.option(
                "--editor",
                default="",
                envvar="PAPERBUILD_EDITOR",
                metavar="NAME",
                help="What opens sources from the page: vscode, emacs …, an address or a command with {file} and {line}.",
            ),
            click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="The page's port: 7273, or the next one."),
            click.option("--host", default="127.0.0.1", metavar="NAME", help="The address to listen at: this machine's own."),
            click.option("--allow-remote", is_flag=True, help="Permit a --host that others can reach; the address then has a token."),
        )
    ):
        served = option(served)
    return cast("_Command", served)
