"""How to build, as whoever asks for a build says it."""

from __future__ import annotations

import msgspec


class BuildOptions(msgspec.Struct, frozen=True):
    """How to build.

    ``jobs`` processors may be used at once, ``memory_bytes`` of memory (0: not counted), ``gpus`` GPUs. ``keep_going``: a failure stops
    only what needs it. ``no_run``: no command is executed; ``no_heavy``: no heavy one; ``no_gpu``: none that asks for a GPU.
    ``shows_stale``: where a heavy one is held, its newest known result stands in for it, and is said to be stale wherever it is used.
    ``adopt``/``overwrite``: what becomes of outputs that are somebody's own. ``adopts`` are actions whose outputs on the disk are to
    become their results, for ``reason``; then nothing else is executed. ``strict``: commands may read and write only what they declare.
    ``whole`` says that the graph is all there is in this folder, so what nothing in it declares is left over and can go.
    ``keep_checkpoints``: those of a target stay also when it has succeeded. ``placed`` are actions whose outputs are to stand in the tree,
    wherever they are now; of others that are up to date only what somebody reads comes from elsewhere. ``follows``: as soon as something
    changes there comes another build.
    """

    jobs: int = 1
    gpus: int = 1
    memory_bytes: int = 0
    keep_going: bool = False
    no_run: bool = False
    adopt: bool = False
    adopts: frozenset[str] = frozenset()
    reason: str = ""
    overwrite: bool = False
    whole: bool = True
    strict: bool = False
    keep_checkpoints: bool = False
    no_heavy: bool = False
    no_gpu: bool = False
    placed: frozenset[str] = frozenset()
    shows_stale: bool = False
    follows: bool = False
