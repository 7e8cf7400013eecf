"""``paperbuild graph``: what waits for what, as a drawing in the terminal, a picture, or data."""

from __future__ import annotations

import os

import click
import msgspec

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, offered, profile_option
from paperbuild.cli.selection import commands, selected
from paperbuild.cli.wiring import Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.drawing.condensing import condensed
from paperbuild.drawing.critical import CriticalPath, critical_path
from paperbuild.drawing.diagram import Diagram, diagram
from paperbuild.drawing.dot import dot
from paperbuild.drawing.svg import svg
from paperbuild.engine.explaining import lineage_of
from paperbuild.engine.graph import Command
from paperbuild.engine.queries import survey
from paperbuild.errors import BuildError, ExitCode, UsageError
from paperbuild.terminal.outline import drawing
from paperbuild.terminal.screen import screen_of
from paperbuild.terminal.states import count_text

_SUFFIXES = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".mk": "make"}


@click.command("graph")
@click.argument("targets", nargs=-1, metavar="[TARGET]...", shell_complete=offered("targets"))
@click.option(
    "-o", "--output", default="", metavar="FILE", help="Write a picture (.svg), a graph for Graphviz (.dot, .gv), or a Makefile (.mk)."
)
@click.option("--svg", "svg_path", default="", metavar="FILE", help="Write a picture, whatever the file is called (- : print it).")
@click.option("--dot", "as_dot", is_flag=True, help="Print the graph in Graphviz' language.")
@click.option("--format", "wanted", type=click.Choice(("svg", "dot", "make")), default=None, help="In which form; make: as a Makefile.")
@click.option("--cells", is_flag=True, help="Show every cell of a sweep by itself, and every target, however many there are.")
@profile_option
@json_option
@click.pass_obj
def command(  # noqa: PLR0913 - one parameter for each option
    invocation: Invocation,
    targets: tuple[str, ...],
    *,
    output: str,
    svg_path: str,
    as_dot: bool,
    wanted: str | None,
    cells: bool,
    profile: str,
) -> int:
    """Draw what waits for what, and how each thing stands: TARGETs and all that they need, or the whole project.

    Below a document stands what it waits for. Broken lines lead to what was seen to be used and nobody declared.
    """
    form = _form(output, svg_path, wanted, as_dot=as_dot, as_json=invocation.json)
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        if form == "make":
            _write(invocation, _makefile(project, invocation, targets), output)
            return ExitCode.OK
        drawn = _diagram(project, invocation, targets, cells=cells)
        path = critical_path(drawn)
        if form == "json":
            _answer_json(invocation, project, drawn, path)
        elif form == "dot":
            _write(invocation, dot(drawn, path), output)
        else:
            shown = drawn if cells else condensed(drawn)
            if form == "svg":
                _write(invocation, svg(shown, path), svg_path or output)
            else:
                _draw(invocation, shown, path)
            _count(invocation, drawn, shown)
            if path.text:
                invocation.narrate(path.text)
    return ExitCode.OK


def _form(output: str, svg_path: str, wanted: str | None, *, as_dot: bool, as_json: bool) -> str:
    """Return in which form the graph is wanted.

    Raises:
        UsageError: two forms are asked for, or one that nobody knows.
    """
    suffix = os.path.splitext(output)[1].lower()
    asked = [*(["svg"] if svg_path else []), *(["dot"] if as_dot else []), *(["json"] if as_json else [])]
    if output and not wanted and suffix not in _SUFFIXES:
        mend = ("end it in .svg, .dot, .gv or .mk, or say --format",)
        raise UsageError(Diagnostic("PB195", f"-o {output}: nobody can tell what is to be written there", help=mend))
    asked += [wanted or _SUFFIXES[suffix]] if output or wanted else []
    if len(asked) > 1:
        raise UsageError(
            Diagnostic("PB196", "one form of the graph at a time", help=("give one of -o, --svg, --dot, --format and --json",))
        )
    return asked[0] if asked else "text"


def _diagram(project: Project, invocation: Invocation, targets: tuple[str, ...], *, cells: bool) -> Diagram:
    graph = project.graph
    wanted = selected(targets, graph, project.root, invocation.folder) if targets else tuple(graph.actions)
    situations = survey(graph, wanted, project.workshop)
    return diagram(situations, lineage_of(graph, situations, project.workshop), cells=cells)


def _makefile(project: Project, invocation: Invocation, targets: tuple[str, ...]) -> str:
    """Return the targets as a Makefile, with what they declare and what they were seen to read."""
    from paperbuild.drawing.makefile import Rule, makefile
    from paperbuild.engine.environment import FIXED
    from paperbuild.engine.trace import Content, Tree, from_record

    graph = project.graph
    wanted = selected(targets, graph, project.root, invocation.folder) if targets else commands(graph)
    situations = survey(graph, wanted, project.workshop)
    lineage = lineage_of(graph, situations, project.workshop)
    rules = []
    for situation in situations:
        action = situation.action
        if not isinstance(action.recipe, Command):
            continue
        seen = situation.record.items if situation.record is not None else ()
        read = (from_record(item.path) + "/" * isinstance(item, Tree) for item in seen if isinstance(item, Content | Tree))
        mentioned = (path for path in action.mentioned if os.path.exists(os.path.join(project.root, path)))
        named = dict.fromkeys((*(action.inputs or ()), *mentioned, *read))
        inputs = tuple(path for path in named if not path.startswith(("/", "~")) and not graph.makers_around(path))
        makers = tuple(graph.actions[edge.maker] for edge in lineage.uses(action.id))
        rules.append(Rule(action, inputs, makers))
    return makefile(rules, FIXED)


def _draw(invocation: Invocation, drawn: Diagram, path: CriticalPath) -> None:
    for parts in drawing(drawn, screen_of(invocation.stdout, invocation.environ).width, path):
        invocation.answer_parts(parts)


def _count(invocation: Invocation, drawn: Diagram, shown: Diagram) -> None:
    """Say how much there is, and how much of it stands well."""
    states = [cell.state for node in drawn.nodes for cell in node.cells]
    together = f"; {len(drawn.nodes)} drawn as {len(shown.nodes)}, --cells draws each by itself" if shown is not drawn else ""
    invocation.narrate(f"{count_text(states)}{together}")


def _write(invocation: Invocation, text: str, path: str) -> None:
    if path in {"", "-"}:
        invocation.stdout.write(text)
        return
    try:
        with open(os.path.join(invocation.shown_from, path), "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise BuildError(Diagnostic("PB197", f"{path} cannot be written: {error.strerror}")) from None
    invocation.answer(path)


def _answer_json(invocation: Invocation, project: Project, drawn: Diagram, path: CriticalPath) -> None:
    from paperbuild.cli.answers import CriticalPathAnswer, LinkAnswer, NodeAnswer, answer, rows, write_json

    def shown(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(invocation.shown(project.root, path) for path in paths)

    nodes = (
        NodeAnswer(
            name=node.name,
            state=node.state.value,
            states={state.value: count for state, count in node.states},
            duration_s=None if node.duration_s is None else round(node.duration_s, 3),
            actions=tuple(cell.action.id for cell in node.cells),
            outputs=shown(tuple(output.path for cell in node.cells for output in cell.action.outputs)),
        )
        for node in drawn.nodes
    )
    links = (
        LinkAnswer(user=link.user, maker=link.maker, paths=shown(link.paths), declared=link.declared, observed=link.observed)
        for link in drawn.links
    )
    told = msgspec.to_builtins(CriticalPathAnswer(path.names, round(path.duration_s, 3), path.unknown))
    write_json(invocation.stdout, answer("graph", ExitCode.OK, (), nodes=rows(nodes), links=rows(links), critical_path=told))
