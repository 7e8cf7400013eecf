"""``paperbuild watch``: render, wait for a change, render again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import click
import msgspec
from msgspec.structs import replace

from paperbuild.cli.building import Request, run_build
from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import memory_bytes, processors, rendering_options, volume_options
from paperbuild.cli.wiring import Wishes, locate, opened
from paperbuild.engine.graph import Graph
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.patterns import covers, is_glob
from paperbuild.errors import ExitCode, Interrupted, PaperbuildError
from paperbuild.live.watch import Watcher

_STRAY_AFTER = 3
"""A file that nothing declares and that changes during so many builds in a row is written by the build itself: who saves a script in
the middle of three builds running has to save it once more.
"""


@click.command("watch")
@click.argument("paper", required=False, default="")
@rendering_options
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=None, metavar="N", help="Processors to use at once.")
@click.option("--profile", default="", metavar="NAME", help="Apply [profile.NAME] of the manifest.")
@click.option("--heavy/--no-heavy", default=False, help="Whether heavy targets run; by default they are held.")
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, paper: str, wishes: Wishes, jobs: int | None, heavy: bool) -> int:
    """Render PAPER, then again whenever a file of the project changes, until Ctrl-C.

    An error is printed and waited out: the next save is the next try.
    """
    options = BuildOptions(jobs=jobs or processors(), memory_bytes=memory_bytes(), keep_going=True, no_heavy=not heavy)
    loop = _Loop(invocation, paper, wishes, options)
    try:
        with Watcher(locate(invocation, paper).root) as watcher:
            loop.run(watcher)
    except (KeyboardInterrupt, Interrupted):
        invocation.narrate("stopped")
        return ExitCode.INTERRUPTED
    return ExitCode.OK


class _Loop(msgspec.Struct):
    invocation: Invocation
    paper: str
    wishes: Wishes
    options: BuildOptions
    strays: Counter[str] = msgspec.field(default_factory=Counter)
    graph: Graph | None = None

    def run(self, watcher: Watcher) -> None:
        while True:
            self._render(watcher)
            changed = self._changed_meanwhile(watcher.drain())
            if not changed:
                self.invocation.narrate("waiting for a change; Ctrl-C ends this")
                while not changed:
                    changed = watcher.wait()
            names = sorted(changed)
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            self.invocation.narrate(f"\nchanged: {', '.join(names[:3])}{more}".lstrip("\n"))

    def _render(self, watcher: Watcher) -> None:
        try:
            place = locate(self.invocation, self.paper)
            options = replace(self.options, whole=place.has_manifest)
            with opened(place, self.invocation, self.wishes) as project:
                self.graph = project.graph
                watcher.set_ours(_ours(project.graph, project.root))
                documents = project.wanted_documents()
                run_build(self.invocation, Request("watch", project, tuple(d.action for d in documents), options, documents))
        except Interrupted:
            raise
        except PaperbuildError as error:
            self.invocation.complain(error.diagnostics)

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
