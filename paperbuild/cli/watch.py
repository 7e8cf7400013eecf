"""``paperbuild watch``: render, wait for a change, render again, and show it all as a page that follows."""

from __future__ import annotations

import secrets
import sys

import click

from paperbuild.cli.following import Followed
from paperbuild.cli.invocation import Invocation
from paperbuild.cli.looping import Loop, Means
from paperbuild.cli.opening import open_address
from paperbuild.cli.options import offered, rendering_options, volume_options, watching_options
from paperbuild.cli.serving import Serving, serving_options
from paperbuild.cli.wiring import Wishes, locate
from paperbuild.engine.options import BuildOptions
from paperbuild.errors import ExitCode, Interrupted
from paperbuild.live.commanding import Desk
from paperbuild.live.memory import Tidying
from paperbuild.live.pages import split
from paperbuild.live.reporting import Reporter
from paperbuild.live.watch import Watcher
from paperbuild.terminal.keys import Keys


@click.command("watch")
@click.argument("paper", required=False, default="", shell_complete=offered("papers"))
@rendering_options
@watching_options
@serving_options
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, paper: str, wishes: Wishes, options: BuildOptions, serving: Serving) -> int:
    """Render PAPER, then again whenever a file of the project changes, and show it as a page that follows, until Ctrl-C.

    An error is shown and waited out: the next save is the next try.
    """
    from paperbuild.cli.pointing import Pointer
    from paperbuild.live.drawing import NotingTypesetter, PageDrawer
    from paperbuild.live.editors import editor_of
    from paperbuild.live.hub import Hub
    from paperbuild.live.server import Listening, PageServer
    from paperbuild.live.site import Home, Orders

    tidying = Tidying()
    editor = editor_of(serving.editor, invocation.environ)
    hub, drawer = Hub(secrets.token_hex(6)), PageDrawer()
    followed = Followed(NotingTypesetter(drawer), lambda name, page: hub.turn(name, split(page.decode())))
    try:
        root = locate(invocation, paper).root
        with Watcher(root) as watcher:
            desk = Desk(watcher.wake)
            listening = Listening(serving.host, serving.port, serving.allow_remote)
            pointer = Pointer(root, hub, desk, followed, editor)
            orders = Orders(desk.run, desk.cancel, pointer.place, pointer.open)
            with PageServer(hub, orders, drawer, listening, Home(root, editor)) as server:
                invocation.narrate(f"the paper is shown at {server.address}")
                if serving.opens:
                    invocation.complain(open_address(server.address))
                with Keys(sys.stdin, {"r": desk.run_held, "c": lambda: desk.cancel("")}) as keys:
                    Loop(Means(invocation, paper, wishes, options, desk, Reporter(hub), keys, followed, tidying), watcher, root).run()
    except (KeyboardInterrupt, Interrupted):
        invocation.narrate("stopped")
        return ExitCode.INTERRUPTED
    finally:
        followed.close()
    return ExitCode.OK
