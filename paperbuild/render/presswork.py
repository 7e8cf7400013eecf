"""The program of the press: it typesets and draws what it is asked, in a process of its own (see :mod:`paperbuild.render.press`).

Requests come through standard input, answers leave through standard output, both as msgpack behind eight bytes that say how long it is.
What cannot travel is :attr:`paperbuild.render.typst.Job.place`: in the middle of a request the press asks back with :class:`Asked`, and
is answered with a span or with none. It ends as soon as its input does, also in the middle of its work, and takes its folder along.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import IO, NoReturn, TypeVar

import msgspec

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.errors import BuildError
from paperbuild.render.marks import Generated
from paperbuild.render.typst import Drawn, Job, Pdf, Typesetter

_HEAD = 8
T = TypeVar("T")


class Typeset(msgspec.Struct, frozen=True, tag=True):
    """Asks for the PDF of ``job``."""

    job: Job


class Draw(msgspec.Struct, frozen=True, tag=True):
    """Asks for the pages of a job or of a PDF, as SVG."""

    shown: Job | bytes


class Convert(msgspec.Struct, frozen=True, tag=True):
    """Asks for a figure as another kind of image; see :meth:`paperbuild.render.typst.Typesetter.drawn`."""

    figure: bytes
    suffix: str
    wanted: Drawn
    width_in: float
    page: int
    dpi: int


Request = Typeset | Draw | Convert


class Asked(msgspec.Struct, frozen=True, tag=True):
    """Asks where in the paper a place of generated code comes from."""

    generated: Generated


class Answer(msgspec.Struct, frozen=True, tag=True):
    """What came of a request: a PDF, images, diagnostics, what the system refused, or the words of an error that is a bug.

    ``memory`` is how many bytes the press holds in memory by then, 0 where nobody tells.
    """

    pdf: Pdf | None = None
    images: tuple[bytes, ...] = ()
    refused: tuple[Diagnostic, ...] = ()
    failed: tuple[int, str, str] | None = None
    broken: str = ""
    memory: int = 0


def write(pipe: IO[bytes], message: object) -> None:
    """Send ``message``; functions in it stay behind.

    Raises:
        OSError: nobody reads any more.
    """
    body = msgspec.msgpack.encode(message, enc_hook=lambda _: None)
    pipe.write(len(body).to_bytes(_HEAD, "little"))
    pipe.write(body)
    pipe.flush()


def read(pipe: IO[bytes]) -> bytes | None:
    """Return the next message as it came, None where the pipe has ended."""
    head = pipe.read(_HEAD)
    size = int.from_bytes(head, "little")
    body = pipe.read(size) if len(head) == _HEAD else b""
    return body if len(head) == _HEAD and len(body) == size else None


def main(folder: str) -> None:
    """Serve until standard input ends; ``folder`` is for private files, and is removed then."""
    tempfile.tempdir = folder
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever else may be printed is no answer
        coming: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=_receive, args=(sys.stdin.buffer, coming, folder), daemon=True).start()
        typesetter = Typesetter()
        typesetter.drawings(Job("", {}))  # reads the fonts, before anybody waits for them
        try:
            while True:
                _serve(typesetter, coming, answers)
        except BrokenPipeError:  # nobody reads the answers any more
            _leave(folder)


def _receive(pipe: IO[bytes], coming: SimpleQueue[bytes], folder: str) -> None:
    while (message := read(pipe)) is not None:
        coming.put(message)
    _leave(folder)


def _leave(folder: str) -> NoReturn:
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # the other thread may be in the middle of a long document


def _serve(typesetter: Typesetter, coming: SimpleQueue[bytes], answers: IO[bytes]) -> None:
    """Answer one request."""

    def place(generated: Generated) -> Span | None:
        write(answers, Asked(generated))
        return msgspec.msgpack.decode(coming.get(), type=Span | None)

    request: Request = decoded(coming.get(), Request, place)  # type: ignore[arg-type]
    try:
        answer = _done(typesetter, request)
    except BuildError as error:
        answer = Answer(refused=error.diagnostics)
    except BrokenPipeError:
        raise
    except OSError as error:
        answer = Answer(failed=(error.errno or 0, error.strerror or str(error), str(error.filename or "")))
    except Exception as error:
        answer = Answer(broken=f"{type(error).__name__}: {error}")
    write(answers, msgspec.structs.replace(answer, memory=memory()))


def decoded(message: bytes, kind: type[T], place: Callable[[Generated], Span | None] | None = None) -> T:
    """Return the message, of the type ``kind``; ``place`` is for the functions that stayed behind."""
    return msgspec.msgpack.decode(message, type=kind, dec_hook=lambda *_: place)


def _done(typesetter: Typesetter, request: Request) -> Answer:
    match request:
        case Typeset(job):
            return Answer(pdf=typesetter.pdf(job))
        case Draw(shown):
            return Answer(images=tuple(typesetter.drawings(shown)))
        case Convert(figure, suffix, wanted, width_in, page, dpi):
            return Answer(images=(typesetter.drawn(figure, suffix, wanted, width_in, page=page, dpi=dpi),))


def memory() -> int:
    """Return how many bytes this process holds in memory; where the system does not say, the most it ever held; 0 for nobody knows."""
    try:
        with open("/proc/self/statm") as numbers:
            return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
