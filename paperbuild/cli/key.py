"""``paperbuild key``: the key that signs the results which are shared, and what to put where so that others believe them."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import suppress

import click

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, volume_options
from paperbuild.cli.planning import read_manifest
from paperbuild.cli.wiring import locate
from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import ExitCode, PaperbuildError, UsageError
from paperbuild.paper.declarations import MANIFEST_NAME as MANIFEST
from paperbuild.paper.declarations import SharingSpec
from paperbuild.sharing.keyring import KEY_VARIABLE, OwnKey, key_file, own_key, read_key, write_key
from paperbuild.sharing.signing import new_private_key


@click.group("key")
def command() -> None:
    """Make the key that signs the results which you share, or show it."""


_FILE = click.option("--file", "file", default="", metavar="FILE", help="The key in FILE, such as one for CI, instead of your own.")


@command.command("new")
@_FILE
@click.option("--replace", "replaces", is_flag=True, help="Put it in the place of one that is there.")
@json_option
@volume_options
@click.pass_obj
def new(invocation: Invocation, *, file: str, replaces: bool) -> int:
    """Make a key: the private one for a file that only you may read, the public one to be named where it is to be believed.

    Prints the public key, and says what to put where.
    """
    path = _path(invocation, file)
    was_there = os.path.lexists(path)
    key = write_key(path, new_private_key(), replaces=replaces)
    shared = _project(invocation)
    if invocation.json:
        _answer(invocation, "key new", key, shared, replaced=was_there)
        return ExitCode.OK
    invocation.answer(key.public)
    invocation.narrate(f"the private key is in {file or path}: keep it to yourself")
    if shared is not None and shared.remote and not file:
        invocation.narrate("what you make from now on goes there; to send what there is already: paperbuild cache push")
    for line in (*_naming(key, shared), *(_for_ci(shlex.quote(file)) if file else _FOR_CI)):
        invocation.narrate(line)
    if KEY_VARIABLE in invocation.environ and not file:
        invocation.narrate(f"the variable {KEY_VARIABLE} is set, and counts instead of this key")
    return ExitCode.OK


@command.command("show")
@_FILE
@json_option
@volume_options
@click.pass_obj
def show(invocation: Invocation, *, file: str) -> int:
    """Print the public key, say where the private one is, and whether the project around believes it."""
    key = read_key(_path(invocation, file)) if file else own_key(invocation.environ)
    if key is None:
        raise UsageError(Diagnostic("PB626", "there is no key", help=("to make one: paperbuild key new",)))
    shared = _project(invocation)
    if invocation.json:
        _answer(invocation, "key show", key, shared)
        return ExitCode.OK
    invocation.answer(key.public)
    place = file or key.path or f"the variable {KEY_VARIABLE}"
    invocation.narrate(f"the private key is in {place}")
    for line in _naming(key, shared):
        invocation.narrate(line)
    return ExitCode.OK


def _path(invocation: Invocation, file: str) -> str:
    """Return the absolute path of the key in ``file``; of the user's own where none is named.

    Raises:
        UsageError: nobody knows where that is.
    """
    if file:
        return os.path.join(os.path.abspath(invocation.shown_from), file)
    path = key_file(invocation.environ)
    if not path:
        raise UsageError(Diagnostic("PB621", "nobody knows your home folder, where keys lie", help=("set HOME, or name one: --file FILE",)))
    return path


def _project(invocation: Invocation) -> SharingSpec | None:
    """Return what the manifest around says of sharing; None where there is none that can be understood."""
    with suppress(PaperbuildError):
        return read_manifest(locate(invocation, "").root, "").shared
    return None


def _naming(key: OwnKey, shared: SharingSpec | None) -> Iterator[str]:
    """Yield what to write so that others believe what ``key`` signs."""
    if shared is not None and key.public in shared.trusted:
        yield f"{MANIFEST} names it: who builds this project believes what it signs"
        return
    begins = "so that others believe what it signs, name it in" if shared is None else "nobody else believes it yet. Name it in"
    yield f"{begins} {MANIFEST}:"
    known = shared or SharingSpec()
    trusted = ", ".join(json.dumps(public) for public in (*known.trusted, key.public))
    yield ""
    yield "    [store]"
    yield f"    remote = {json.dumps(known.remote or 's3://bucket/prefix')}"
    for name, value in (("endpoint", known.endpoint), ("region", known.region)):
        if value:
            yield f"    {name} = {json.dumps(value)}"
    yield f"    trusted = [{trusted}]"
    yield ""


_FOR_CI = ("for CI make one of its own, which you can withdraw without yours: paperbuild key new --file ci.key",)


def _for_ci(path: str) -> Iterator[str]:
    """Yield how the key in the file ``path`` comes to CI."""
    yield f"and give it to CI as the secret {KEY_VARIABLE}. On GitHub:"
    yield ""
    yield f"    gh secret set {KEY_VARIABLE} < {path} && rm {path}"
    yield ""
    yield f"on GitLab: Settings, CI/CD, Variables: {KEY_VARIABLE}, masked and protected. Then remove the file; do not commit it"


def _answer(invocation: Invocation, command: str, key: OwnKey, shared: SharingSpec | None, **more: bool) -> None:
    from paperbuild.cli.answers import answer, write_json

    is_named = None if shared is None else key.public in shared.trusted
    write_json(invocation.stdout, answer(command, ExitCode.OK, (), public=key.public, path=key.path, named=is_named, **more))
