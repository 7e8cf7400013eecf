"""``paperbuild init --here``: a manifest for the scripts, rules and documents that are there."""

from __future__ import annotations

import io
import os
import posixpath
import sys
import tempfile

import click
import msgspec

from paperbuild.cli.gathering import gathered
from paperbuild.cli.init_files import NOBODY, editor_files, gitignore
from paperbuild.cli.invocation import Invocation, shown_path
from paperbuild.cli.proposing import Manner, Proposal, carry_out, conclude
from paperbuild.diagnostics import Diagnostic, Severity, Span, did_you_mean
from paperbuild.errors import ExitCode, UsageError
from paperbuild.paper.declarations import MANIFEST_NAME
from paperbuild.starting import project
from paperbuild.starting.latex import fitted, whole, with_parts
from paperbuild.starting.makefile import Makefile, read_makefile
from paperbuild.starting.manifest_text import Written, written
from paperbuild.starting.proposal import Trial, proposed
from paperbuild.starting.repository import PICTURES, Repository, Shown, papers, shown

_MOST_TRIED = 1_000_000_000
"""How many bytes of a project are copied to try its scripts."""
_MOST_FIGURES = 12
_DOCUMENTS = (".md", ".markdown", ".tex")
_IGNORED = "# made by paperbuild render; .paperbuild/ ignores itself\n_build/\n"


class Hints(msgspec.Struct, frozen=True):
    """What the command line says of a repository: which files are the paper, whether scripts may run, results be adopted."""

    papers: tuple[str, ...]
    trace: bool
    adopt: bool
    vscode: bool
    template: str = ""


class _Sources(msgspec.Struct, frozen=True):
    """The documents of the manifest, and those of them that are new, with their texts."""

    documents: tuple[str, ...]
    fresh: dict[str, str] = {}
    told: tuple[Diagnostic, ...] = ()


def begin_here(invocation: Invocation, root: str, hints: Hints, manner: Manner) -> ExitCode:
    """Propose a manifest for what stands in ``root``, and write it.

    Raises:
        UsageError: there is a manifest, or nothing tells which document is the paper, or something cannot be read or written.
    """
    if os.path.lexists(os.path.join(root, MANIFEST_NAME)):
        advice = ("to build what is there: paperbuild render", "to begin anew: move it away first")
        raise UsageError(
            Diagnostic(
                "PB186",
                f"{shown_path(root, MANIFEST_NAME, invocation.shown_from)} is there already, and init overwrites nothing",
                help=advice,
            )
        )
    repository = gathered(root)
    makefile = _makefile(repository)
    sources = _sources(invocation, root, repository, makefile, hints, manner)
    known = Repository(repository.files, {**repository.texts, **sources.fresh}, repository.folders)
    seen = tuple(one for document in sources.documents for one in shown(known.texts[document], document))
    trials = _trials(invocation, root, _with_room(repository, seen), hints, manner)
    found = proposed(repository, seen, (*sources.documents, *sources.fresh), makefile, trials)
    text = written(sources.documents, found, seen, hints.template)
    files = {MANIFEST_NAME: text.text, project.SCHEMA: project.schema(), **sources.fresh, ".gitignore": gitignore(root, _IGNORED)}
    files |= editor_files(root) if hints.vscode else {}
    adoptable = _adoptable(text, repository)
    told = (*sources.told, *(_lost(one, sources.documents, known) for one in found.lost))
    proposal = Proposal(root, files, told, adoptable)
    answers = carry_out(invocation, proposal, manner)
    code, adopted = ExitCode.OK, False
    if adoptable and not manner.dry_run:
        adopted = hints.adopt or (manner.asks and click.confirm(_question(adoptable), default=True, err=True))
        code = _adopt(invocation, root, adoptable) if adopted else code
    proposal = msgspec.structs.replace(proposal, then=_then(invocation, root, () if adopted else adoptable, text))
    return max(code, conclude(invocation, proposal, answers, manner))


def _makefile(repository: Repository) -> Makefile | None:
    path = repository.makefile
    return read_makefile(repository.texts[path], path, repository.files, repository.texts) if path else None


def _sources(
    invocation: Invocation, root: str, repository: Repository, makefile: Makefile | None, hints: Hints, manner: Manner
) -> _Sources:
    if hints.papers:
        named = tuple(os.path.relpath(os.path.join(invocation.folder, path), root).replace(os.sep, "/") for path in hints.papers)
        missing = [path for path in named if path not in repository.texts or not path.endswith(_DOCUMENTS)]
        if missing:
            there = [path for path in repository.texts if path.endswith(_DOCUMENTS)]
            faults = ((path, did_you_mean(path, there)) for path in missing)
            raise UsageError(*(Diagnostic("PB190", f"--paper {path}: there is no such document here", help=mend) for path, mend in faults))
    else:
        named = papers(repository)
        if len(named) > 1 and manner.asks:
            named = (click.prompt("Which one is the paper?", default=named[0], type=click.Choice(named), err=True),)
        elif len(named) > 1:
            raise UsageError(_which(named))
    if not named:
        path, text = _skeleton(root, repository, makefile)
        return _Sources((path,), {path: text})
    latex = [path for path in named if path.endswith(".tex")]
    if not latex:
        return _Sources(named)
    return _converted(named, repository, makefile)


def _which(named: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(
        "PB165",
        f"which one is the paper: {', '.join(named[:5])}{', …' if len(named) > 5 else ''}?",
        notes=("each of them could be it",),
        help=(f"say so: paperbuild init --here --paper {named[0]}", "--paper may be given several times, for a paper and its supplement"),
    )


def _skeleton(root: str, repository: Repository, makefile: Makefile | None) -> tuple[str, str]:
    """Return a paper for a repository that has none: it shows what there is to show."""
    made = () if makefile is None else tuple(path for path in makefile.named if makefile.rule_for(path) is not None)
    results = dict.fromkeys((*made, *sorted(repository.files)))
    shows = []
    for path in results:
        stem, suffix = posixpath.splitext(posixpath.basename(path))
        is_picture = suffix.lower() in PICTURES - {".eps", ".tif", ".tiff", ".pdf"}
        if is_picture and not path.startswith("."):
            name = project.plain(stem.replace("_", " ").replace("-", " "))
            label = "fig:" + "".join(c if c.isalnum() and c.isascii() else "-" for c in posixpath.splitext(path)[0]).strip("-").lower()
            shows.append({"caption": project.as_markdown(name[:1].upper() + name[1:] + "."), "path": _in_image(path), "id": label})
    path = "paper.md" if "paper.md" not in repository.files else "manuscript.md"
    title = project.as_markdown(project.title_of(os.path.basename(root)))
    given = {"title": f'"{title}"', "author": _author(root), "figures": shows[:_MOST_FIGURES]}
    return path, project.filled("paper/found.md", given)


def _author(root: str) -> str:
    import json

    from paperbuild.engine.git import user_name

    return json.dumps(project.as_markdown(project.plain(user_name(root)) or NOBODY), ensure_ascii=False)


def _in_image(path: str) -> str:
    return f"<{path}>" if set(path) & set(" ()") else path


def _converted(named: tuple[str, ...], repository: Repository, makefile: Makefile | None) -> _Sources:
    """Return the documents with those in LaTeX converted, into files beside them."""
    from paperbuild.render.pandoc import PandocWorker

    worker = PandocWorker()
    documents, fresh, told = [], {}, []
    known = (*repository.files, *(() if makefile is None else makefile.named))
    try:
        for path in named:
            if not path.endswith(".tex"):
                documents.append(path)
                continue
            target = f"{posixpath.splitext(path)[0]}.md"
            if target in repository.files:
                raise UsageError(
                    Diagnostic("PB186", f"{target} is there already, and {path} would be converted to it", help=(f"--paper {target}",))
                )
            latex = with_parts(whole(path, repository.texts))
            fresh[target] = fitted(worker.from_latex(latex), latex, path, known)
            documents.append(target)
            note = "pandoc keeps text, formulas, figures, tables and citations; look through it"
            told.append(Diagnostic("PB166", f"{path} was converted to {target}", severity=Severity.NOTE, notes=(note,)))
    finally:
        worker.close()
    return _Sources(tuple(documents), fresh, tuple(told))


def _with_room(repository: Repository, seen: tuple[Shown, ...]) -> Repository:
    """Return ``repository`` with the folders in which something is shown: a build makes them before a command starts."""
    return msgspec.structs.replace(repository, folders=repository.folders | {posixpath.dirname(one.path) for one in seen})


def _trials(invocation: Invocation, root: str, repository: Repository, hints: Hints, manner: Manner) -> tuple[Trial, ...]:
    """Return what the scripts did, where they may be run."""
    ruled = "" if not repository.makefile else repository.texts[repository.makefile]
    scripts = tuple(path for path in repository.scripts if posixpath.basename(path) not in ruled)  # make knows how those are run
    if not scripts:
        return ()
    more = f" and {len(scripts) - 4} more" if len(scripts) > 4 else ""
    what = "it reads and writes" if len(scripts) == 1 else "they read and write"
    question = f"Run {', '.join(scripts[:4])}{more} once, in a copy, to see what {what}?"
    if not hints.trace and not (manner.asks and not repository.makefile and click.confirm(question, default=False, err=True)):
        return ()
    size = sum(os.path.getsize(os.path.join(root, path)) for path in repository.files)
    if size > _MOST_TRIED:
        note = f"the folder holds {size / 1e9:.1f} GB, and a copy is made to run scripts in"
        raise UsageError(Diagnostic("PB167", "--trace: this is too large to be copied", notes=(note,), help=("leave --trace out",)))
    from paperbuild.engine.environment import LocalEnvironment, python_folder
    from paperbuild.engine.process import LocalExecutor
    from paperbuild.engine.tracing.executor import TracingExecutor
    from paperbuild.starting.trying import Bench, tried

    with tempfile.TemporaryDirectory(prefix="paperbuild-trial-") as folder:
        copy = os.path.join(os.path.realpath(folder), "project")
        environment = LocalEnvironment(
            invocation.environ, python_folder(invocation.environ, sys.prefix, None, root), os.path.join(folder, "bytecode"), root=copy
        )
        executor = TracingExecutor(LocalExecutor()) if sys.platform == "linux" else LocalExecutor()
        try:
            return tried(root, repository, scripts, Bench(folder, executor, environment), invocation.narrate)
        finally:
            executor.close()


def _adoptable(text: Written, repository: Repository) -> tuple[str, ...]:
    """Return the targets whose results all stand on the disk."""
    return tuple(name for name, paths in text.outputs.items() if all(path in repository.files for path in paths))


def _then(invocation: Invocation, root: str, adoptable: tuple[str, ...], text: Written) -> tuple[str, ...]:
    where = "" if root == os.path.normpath(invocation.shown_from) else f" -C {shown_path(root, '.', invocation.shown_from)}"
    count = len(text.outputs)
    lines = [f"{count} target{'' if count == 1 else 's'} proposed: read {MANIFEST_NAME}, then paperbuild{where} render"]
    if adoptable:
        lines.append(f"results of {len(adoptable)} stand on the disk; to take them as they are, so that nothing runs:")
        lines.append(f"  paperbuild{where} adopt {' '.join(adoptable)}")
        lines.append(f"  or, to make them anew: paperbuild{where} render --overwrite")
    return tuple(lines)


def _question(adoptable: tuple[str, ...]) -> str:
    return f"Adopt the results of {', '.join(adoptable[:4])}{' and more' if len(adoptable) > 4 else ''} now?"


def _adopt(invocation: Invocation, root: str, adoptable: tuple[str, ...]) -> ExitCode:
    from paperbuild.cli.building import Request, run_build
    from paperbuild.cli.selection import selected
    from paperbuild.cli.wiring import Place, opened
    from paperbuild.engine.options import BuildOptions

    if invocation.json:
        invocation = msgspec.structs.replace(invocation, stdout=io.StringIO())  # the answer is init's, and there is one
    with opened(Place(root, True), invocation) as opened_project:
        wanted = selected(adoptable, opened_project.graph, root, root)
        options = BuildOptions(keep_going=True, adopts=frozenset(wanted), reason="it stood there when paperbuild came")
        return run_build(invocation, Request("adopt", opened_project, wanted, options))


def _lost(one: Shown, documents: tuple[str, ...], known: Repository) -> Diagnostic:
    document = next((path for path in documents if one in shown(known.texts[path], path)), documents[0])
    line = known.texts[document].splitlines()[one.line - 1]
    return Diagnostic(
        "PB168",
        f"{one.path} is shown, but it is not there, and nothing that was found makes it",
        Span(document, one.line, 1, max(1, len(line)), line),
        severity=Severity.WARNING,
        help=("add a target for it to paperbuild.toml, or try --trace",),
    )
