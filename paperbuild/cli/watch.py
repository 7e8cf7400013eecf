"""``paperbuild watch``: render, wait for a change, render again, and show it all as a page that follows."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING

import click

from paperbuild.cli.following import Followed
from paperbuild.cli.invocation import Invocation
from paperbuild.cli.looping import Loop, Means
from paperbuild.cli.opening import open_address
from paperbuild.cli.options import offered, rendering_options, volume_options, watching_options
from paperbuild.cli.serving import Serving, serving_options
from paperbuild.cli.sharing import Sharing
from paperbuild.cli.wiring import Wishes, locate
from paperbuild.engine.options import BuildOptions
from paperbuild.errors import ExitCode, Interrupted
from paperbuild.live.commanding import Desk
from paperbuild.live.memory import Tidying
from paperbuild.live.pages import shown
from paperbuild.live.reporting import Reporter
from paperbuild.live.watch import Watcher
from paperbuild.terminal.keys import Keys

if TYPE_CHECKING:
    from paperbuild.render.typst import Job

_SWITCH_S = 0.0005  # a page is told of an edit while the build begins: the server's thread waits for the build's so long


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
    from paperbuild.render.press import Press

    tidying = Tidying()
    editor = editor_of(serving.editor, invocation.environ)
    hub, press = Hub(secrets.token_hex(6)), Press()
    drawer = PageDrawer(press)

    def draws(name: str, job: Job) -> None:
        sheet = hub.now.sheet(name)
        if sheet is not None and sheet.pdf and drawer.is_asked(sheet.pdf):  # somebody looks at it
            token = drawer.sketch(job)
            if token:
                hub.sketch(name, token)

    sharing = Sharing(stays=True)
    followed = Followed(NotingTypesetter(drawer), lambda name, blocks: hub.turn(name, shown(blocks)), draws)
    sys.setswitchinterval(_SWITCH_S)
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
                    Loop(
                        Means(invocation, paper, wishes, options, desk, Reporter(hub), keys, followed, press, tidying, sharing),
                        watcher,
                        root,
                    ).run()
    except (KeyboardInterrupt, Interrupted):
        invocation.narrate("stopped")
        return ExitCode.INTERRUPTED
    finally:
        press.close()
        followed.close()
        sharing.end(invocation)
    return ExitCode.OK
