"""``paperbuild init``: a new paper, or a manifest for the repository that is there."""

from __future__ import annotations

import os
import time
from typing import Any

import click
import msgspec

from paperbuild.cli.init_files import NOBODY, editor_files, gitignore
from paperbuild.cli.invocation import Invocation, shown_path
from paperbuild.cli.options import json_option, offered, volume_options
from paperbuild.cli.proposing import Manner, Proposal, carry_out, conclude, is_terminal
from paperbuild.diagnostics import Diagnostic, Severity, did_you_mean
from paperbuild.errors import ExitCode, UsageError
from paperbuild.paper.declarations import MANIFEST_NAME
from paperbuild.starting import project

_NO_LICENSE = "none"
_ONLY_HERE = ("paper", "trace", "adopt")
_NOT_HERE = ("title", "author", "license", "git")
_WELCOME = ("README", "LICENSE", "LICENCE", "COPYING")
"""What a freshly made repository holds, in capitals and whatever comes after a dot: it does not stand in the way of a new paper."""
_TEMPLATES = ("article", "twocolumn", "preprint", "joss", "report")


class Wanted(msgspec.Struct, frozen=True):
    """What the command line says of a new paper: "" where it says nothing."""

    title: str
    author: str
    template: str
    license: str
    git: bool


@click.command("init")
@click.argument("folder", required=False, default="", metavar="[NAME]")
@click.option(
    "--template", default="", metavar="NAME", help=f"The paper's template: {', '.join(_TEMPLATES)}.", shell_complete=offered("templates")
)
@click.option("--title", default="", metavar="TEXT", help="The paper's title; by default the folder's name.")
@click.option("--author", default="", metavar="NAME", help="Who writes it; by default git's user.name.")
@click.option("--license", "license_", default="", metavar="NAME", help=f"Write a LICENSE: {', '.join(project.LICENSES)}, none.")
@click.option("--git", is_flag=True, help="Make it a git repository, too.")
@click.option("--here", is_flag=True, help="Propose a manifest for the scripts, rules and documents that are there.")
@click.option("--paper", "papers", multiple=True, metavar="FILE", help="With --here: the paper, where several files could be it.")
@click.option("--trace", is_flag=True, help="With --here: run each script once, in a copy, to see what it reads and writes.")
@click.option("--adopt", is_flag=True, help="With --here: take results that stand on the disk, so that nothing runs again.")
@click.option("--vscode", is_flag=True, help="Write tasks for VS Code, whose problem matcher shows errors in the editor.")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; change files that are there where that is proposed.")
@json_option
@volume_options
@click.pass_obj
def command(invocation: Invocation, /, **given: Any) -> int:
    """Start a paper in the folder NAME (default: here), or with --here a manifest for a repository that exists.

    On a terminal it asks for what no option says. Nothing that exists is overwritten, and nothing is run unasked.
    """
    root = os.path.normpath(os.path.join(invocation.folder, given["folder"]))
    manner = Manner(given["dry_run"], given["yes"], is_terminal(invocation) and not given["yes"])
    useless = [
        name for name in (_NOT_HERE if given["here"] else _ONLY_HERE) if given[{"paper": "papers", "license": "license_"}.get(name, name)]
    ]
    if useless:
        when = "without" if given["here"] else "with"
        raise UsageError(Diagnostic("PB180", f"--{useless[0]} says something only {when} --here", help=("see paperbuild init --help",)))
    if given["here"]:
        from paperbuild.cli.init_here import Hints, begin_here

        _check(Wanted("", "", given["template"], "", git=False))
        hints = Hints(given["papers"], given["trace"], given["adopt"], given["vscode"], given["template"])
        return begin_here(invocation, root, hints, manner)
    if given["vscode"] and os.path.isfile(os.path.join(root, MANIFEST_NAME)):
        proposal = Proposal(root, editor_files(root), then=("now, in VS Code: Terminal, Run Task, paperbuild: watch",))
        return conclude(invocation, proposal, carry_out(invocation, proposal, manner), manner)
    wanted = Wanted(given["title"], given["author"], given["template"], given["license_"], given["git"])
    return _begin(invocation, root, wanted, manner, vscode=given["vscode"])


def _begin(invocation: Invocation, root: str, wanted: Wanted, manner: Manner, *, vscode: bool) -> ExitCode:
    """Start a new paper in ``root``."""
    from paperbuild.engine import git

    _check(wanted)
    _require_room(invocation, root)
    existing = root
    while not os.path.isdir(existing):
        existing = os.path.dirname(existing)
    if wanted.git and not git.is_there(existing):
        raise UsageError(Diagnostic("PB160", "--git: there is no git on this machine", help=("install it, or leave --git out",)))
    start = _answered(invocation, root, wanted, git.user_name(existing) or NOBODY, asks=manner.asks)
    files = dict(project.new_project(start)) | (editor_files(root) if vscode else {})
    there = {_kind(name) for name in os.listdir(root)} if os.path.isdir(root) else set()
    for own in [name for name in files if _kind(name) and _kind(name) in there]:
        del files[own]  # the author's own stays
    files[".gitignore"] = gitignore(root, files[".gitignore"])
    where = "" if root == os.path.normpath(invocation.shown_from) else f"cd {shown_path(root, '.', invocation.shown_from)} && "
    proposal = Proposal(root, files, _lacking(root, invocation), then=(f"now: {where}paperbuild render",))
    answers = carry_out(invocation, proposal, manner)
    if wanted.git and not manner.dry_run and git.repository_of(existing) is None:
        git.begin(root)
    return conclude(invocation, proposal, answers, manner)


def _kind(name: str) -> str:
    """Return which of the files it is that a freshly made repository holds; "" where it is none."""
    stem = name.upper().partition(".")[0]
    return ("LICENSE" if stem in ("LICENCE", "COPYING") else stem) if stem in _WELCOME else ""


def _check(wanted: Wanted) -> None:
    faults = []
    if wanted.template and wanted.template not in _TEMPLATES:
        advice = did_you_mean(wanted.template, _TEMPLATES) or (f"they are {', '.join(_TEMPLATES)}",)
        faults.append(Diagnostic("PB161", f"--template {wanted.template}: there is no such template", help=advice))
    licenses = (*project.LICENSES, _NO_LICENSE)
    if wanted.license and wanted.license.casefold() not in {name.casefold() for name in licenses}:
        advice = (
            *did_you_mean(wanted.license, licenses),
            f"texts come along for {', '.join(project.LICENSES)}; any other you can add yourself",
        )
        faults.append(Diagnostic("PB161", f"--license {wanted.license}: its text does not come along", help=advice))
    if faults:
        raise UsageError(*faults)


def _require_room(invocation: Invocation, root: str) -> None:
    """Say that a new paper cannot stand in ``root``, where it cannot."""
    shown = shown_path(root, ".", invocation.shown_from)
    if os.path.lexists(root) and not os.path.isdir(root):
        raise UsageError(Diagnostic("PB186", f"{shown} is a file, and init overwrites nothing", help=("name another folder",)))
    try:
        names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    except OSError as error:
        raise UsageError(Diagnostic("PB187", f"{shown}: {error.strerror}", notes=("nothing was written",))) from error
    if MANIFEST_NAME in names:
        advice = ("to build what is there: paperbuild render", "to start another paper: paperbuild init NAME")
        raise UsageError(
            Diagnostic(
                "PB186",
                f"{shown_path(root, MANIFEST_NAME, invocation.shown_from)} is there already, and init overwrites nothing",
                help=advice,
            )
        )
    taken = [name for name in names if not name.startswith(".") and not _kind(name)]
    if taken:
        more = f" and {len(taken) - 3} more" if len(taken) > 3 else ""
        raise UsageError(
            Diagnostic(
                "PB186",
                "this folder is not empty, and a new paper wants one for itself" if shown == "." else f"{shown} is not empty",
                notes=(f"it holds {', '.join(taken[:3])}{more}",),
                help=(
                    "for a new paper name another folder: paperbuild init NAME",
                    "to make a paper of what is there: paperbuild init --here",
                ),
            )
        )


def _answered(invocation: Invocation, root: str, wanted: Wanted, user: str, *, asks: bool) -> project.Start:
    """Return what the paper is to be: what options say, else what is answered, else what is likely."""

    def told(given: str, question: str, likely: str, choices: tuple[str, ...] = ()) -> str:
        if given or not asks:
            return given or likely
        kind = click.Choice(choices, case_sensitive=False) if choices else None
        answer: str = click.prompt(question, default=likely, type=kind, err=True)
        return answer

    if asks:
        shown = shown_path(root, ".", invocation.shown_from)
        place = "here" if shown == "." else f"in {shown}"
        invocation.narrate(f"A new paper {place}. Enter takes what stands in brackets, Ctrl-C leaves everything as it is.")
    title = told(wanted.title, "Title", project.title_of(os.path.basename(root)))
    author = told(wanted.author, "Author", user)
    template = told(wanted.template, "Template", _TEMPLATES[0], _TEMPLATES)
    named = told(wanted.license, "License", _NO_LICENSE, (*project.LICENSES, _NO_LICENSE))
    license_ = next((name for name in project.LICENSES if name.casefold() == named.casefold()), "")
    likely = project.title_of(os.path.basename(root))
    return project.Start(project.plain(title) or likely, project.plain(author) or NOBODY, time.localtime().tm_year, template, license_)


def _lacking(root: str, invocation: Invocation) -> tuple[Diagnostic, ...]:
    """Return a warning where the Python that commands find lacks what the experiment needs."""
    import sys
    from glob import escape, glob

    from paperbuild.engine.environment import python_folder

    prefix = os.path.dirname(python_folder(invocation.environ, sys.prefix, None, root))
    if prefix == sys.prefix or glob(f"{escape(prefix)}/lib*/python*/site-packages/matplotlib"):
        return ()
    return (
        Diagnostic(
            "PB162",
            "the experiment draws with matplotlib, which the active environment does not have",
            severity=Severity.WARNING,
            notes=(f"commands run with the Python of {prefix}",),
            help=("pip install matplotlib",),
        ),
    )
