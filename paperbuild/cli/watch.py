"""``paperbuild watch``: render, wait for a change, render again, and show it all as a page that follows."""

from __future__ import annotations

import os
import secrets
import sys
from collections import Counter
from collections.abc import Callable

import click
import msgspec
from msgspec.structs import replace

from paperbuild.cli.building import Request, run_build
from paperbuild.cli.following import Followed
from paperbuild.cli.invocation import Invocation
from paperbuild.cli.opening import open_address
from paperbuild.cli.options import rendering_options, volume_options, watching_options
from paperbuild.cli.serving import Serving, serving_options
from paperbuild.cli.shelf import Shelf
from paperbuild.cli.wiring import Document, Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Graph
from paperbuild.engine.logs import last_line
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.patterns import covers, is_glob
from paperbuild.errors import ExitCode, Interrupted, PaperbuildError
from paperbuild.live.cancelling import CancellingExecutor
from paperbuild.live.commanding import Desk
from paperbuild.live.pages import split
from paperbuild.live.reporting import Reporter
from paperbuild.live.standing import Standing
from paperbuild.live.watch import Watcher
from paperbuild.terminal.keys import Keys

_STRAY_AFTER = 3
"""A file that nothing declares and that changes during so many builds in a row is written by the build itself: who saves a script in
the middle of three builds running has to save it once more.
"""


@click.command("watch")
@click.argument("paper", required=False, default="")
@rendering_options
@watching_options
@serving_options
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, paper: str, wishes: Wishes, options: BuildOptions, serving: Serving) -> int:
    """Render PAPER, then again whenever a file of the project changes, and show it as a page that follows, until Ctrl-C.

    An error is shown and waited out: the next save is the next try.
    """
    from paperbuild.live.drawing import NotingTypesetter, PageDrawer
    from paperbuild.live.hub import Hub
    from paperbuild.live.server import Listening, PageServer
    from paperbuild.live.site import Orders

    hub, drawer = Hub(secrets.token_hex(6)), PageDrawer()
    followed = Followed(NotingTypesetter(drawer), lambda name, page: hub.turn(name, split(page.decode())))
    try:
        with Watcher(locate(invocation, paper).root) as watcher:
            desk = Desk(watcher.wake)
            listening = Listening(serving.host, serving.port, serving.allow_remote)
            with PageServer(hub, Orders(desk.run, desk.cancel), drawer, listening) as server:
                invocation.narrate(f"the paper is shown at {server.address}")
                if serving.opens:
                    invocation.complain(open_address(server.address))
                with Keys(sys.stdin, {"r": desk.run_held, "c": lambda: desk.cancel("")}) as keys:
                    _Loop(invocation, paper, wishes, options, desk, Reporter(hub), keys, followed).run(watcher)
    except (KeyboardInterrupt, Interrupted):
        invocation.narrate("stopped")
        return ExitCode.INTERRUPTED
    finally:
        followed.close()
    return ExitCode.OK


class _Loop(msgspec.Struct):
    invocation: Invocation
    paper: str
    wishes: Wishes
    options: BuildOptions
    desk: Desk
    reporter: Reporter
    keys: Keys
    followed: Followed
    shelf: Shelf = msgspec.field(default_factory=Shelf)
    strays: Counter[str] = msgspec.field(default_factory=Counter)
    graph: Graph | None = None

    def run(self, watcher: Watcher) -> None:
        changed: frozenset[str] = frozenset()
        while True:
            self.invocation.narrate("build begins")  # what an editor's problem matcher takes for the beginning of its problems
            standing = self._render(watcher, changed)
            self.desk.held = standing.held
            errors = (f"{standing.errors} error{'' if standing.errors == 1 else 's'}",) if standing.errors else ()
            held = (f"{len(standing.held)} held",) if standing.held else ()
            self.invocation.narrate(": ".join(filter(None, ("build ends", ", ".join(errors + held)))))
            changed = self._changed_meanwhile(watcher.drain())
            if not changed and not self.desk.has_orders:
                if self.desk.held and self.keys.are_read:
                    self.invocation.narrate(f"held: {', '.join(self.desk.held)}; press r to run")
                self.invocation.narrate("waiting for a change; Ctrl-C ends this")
                while not changed and not self.desk.has_orders:
                    changed = watcher.wait()
            if changed:
                names = sorted(changed)
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                self.invocation.narrate(f"changed: {', '.join(names[:3])}{more}")

    def _render(self, watcher: Watcher, changed: frozenset[str]) -> Standing:
        """Build, and publish what came of it; return how the paper stands then."""
        faults: tuple[Diagnostic, ...] = ()
        documents: tuple[Document, ...] | None = None
        root = ""
        try:
            place = locate(self.invocation, self.paper)
            options = replace(self.options, whole=place.has_manifest)
            with opened(place, self.invocation, self.wishes, self.followed) as project:
                self.graph, root = project.graph, project.root
                watcher.set_ours(_ours(project.graph, project.root))
                documents = project.wanted_documents()
                self._build(project, documents, options)
        except Interrupted:
            raise
        except PaperbuildError as error:
            faults = error.diagnostics
            self.invocation.complain(faults)
        edited = any(source in changed for document in documents or () for source in document.sources)
        shown = None if documents is None else self.shelf.rendered(root, documents)
        return self.reporter.end(faults, shown, edited=edited)

    def _build(self, project: Project, documents: tuple[Document, ...], options: BuildOptions) -> None:
        executor = CancellingExecutor(project.workshop.executor)
        workshop = replace(project.workshop, executor=executor)
        project = replace(project, graph=_permitting(project.graph, self.desk.take()), workshop=workshop)
        self.reporter.begin(project.root, project.graph, lambda action: last_line(workshop.fs, workshop.site.state, action))
        if not self.shelf.is_filled:  # what an earlier session left is better than nothing, and soon replaced
            self.reporter.show(self.shelf.rendered(project.root, documents))
        self.desk.at_work(project.graph, executor)
        try:
            wanted = tuple(document.action for document in documents)
            run_build(self.invocation, Request("watch", project, wanted, options, documents, self.reporter))
        finally:
            self.desk.at_work(project.graph, None)

    def _changed_meanwhile(self, changed: frozenset[str]) -> frozenset[str]:
        """Return what of the changes during a build is worth another one.

        A command may write a file that it does not declare, a log for instance; with an action that runs each time that would be a
        loop without end. What is declared as an input always counts; a word of a command may be a file that it writes.
        """
        self.strays = Counter({path: self.strays[path] + 1 for path in changed if not self._is_input(path)})
        for path, times in self.strays.items():
            if times == _STRAY_AFTER:
                self.invocation.narrate(f"{path} changes whenever this is built, and is no declared input: it starts no further build")
        return frozenset(path for path in changed if self.strays[path] < _STRAY_AFTER)

    def _is_input(self, path: str) -> bool:
        if self.graph is None:
            return False
        declared = {name for action in self.graph.actions.values() for name in action.inputs or ()}
        return path in declared or any(covers(name, path) for name in declared if is_glob(name) or name.endswith("/"))


def _permitting(graph: Graph, wanted: frozenset[str]) -> Graph:
    """Return ``graph`` with leave for the actions ``wanted``, and all that they need, to run although they are heavy."""
    ids = frozenset(graph.closure(tuple(wanted)))
    if not any(graph.actions[id_].heavy for id_ in ids):
        return graph
    copy = graph.copy()
    copy.actions = {id_: replace(action, heavy=action.heavy and id_ not in ids) for id_, action in graph.actions.items()}
    return copy


def _ours(graph: Graph, root: str) -> Callable[[str], bool]:
    """Return what says of a path that it is written by us: an output, or the file that our narration is redirected to."""
    told = tuple(os.fstat(descriptor) for descriptor in (1, 2) if _is_open(descriptor))

    def ours(path: str) -> bool:
        if graph.maker(path) is not None:
            return True
        try:
            found = os.stat(os.path.join(root, path))
        except OSError:
            return False
        return any(os.path.samestat(found, stream) for stream in told)

    return ours


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
