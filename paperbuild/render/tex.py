"""PDF by LaTeX, where TeX is installed: latexmk (pdfLaTeX, or LuaLaTeX for scripts that pdfTeX's fonts lack), or else tectonic.

TeX gets a private folder with the source and its pictures, no shell, the document's own date as time of day, and a limit. Equal sources
give equal bytes with one installation of TeX: :func:`tex_version` belongs into the document's key.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping

import msgspec

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.errors import BuildError, InternalError
from paperbuild.render.latex import beyond_latin
from paperbuild.render.marks import TEX, Place, generated, nowhere
from paperbuild.render.typst import NO_FONT_HAS

TIME_LIMIT_S = 300.0
"""How long TeX may take: the first run of LuaTeX on a machine makes a list of its fonts, which takes a minute."""

_MAIN = "paper.tex"
_KEPT = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "TEXMFVAR", "TEXMFCACHE", "XDG_CACHE_HOME")
# Without these a PDF has an identifier made of the time and the place, and the program's full version.
_STABLE = {
    "pdflatex": r"\pdftrailerid{}\pdfsuppressptexinfo=-1 ",
    "lualatex": r"\pdfvariable suppressoptionalinfo 767 ",
}
_FAULT = re.compile(r"^(?:\./)?paper\.tex:(\d+): (.+(?:\n(?!l\.\d).+)*?)$", re.MULTILINE)
_AT = re.compile(r"^l\.(\d+) ?(.*)$", re.MULTILINE)
_NO_FILE = re.compile(r"File [`']([^']+)' not found")
_MISSING = re.compile(r"Missing character: There is no (\S+)")
_NO_GLYPH = re.compile(r"Unicode character (\S+) \(U\+[0-9A-F]+\)")
_INSTALL = (
    "Debian, Ubuntu: apt install latexmk texlive-latex-extra texlive-science texlive-luatex",
    "elsewhere: https://tug.org/texlive",
    "or leave pdf-engine out: typst comes with paperbuild",
)


class TexJob(msgspec.Struct, frozen=True):
    """What TeX is given. ``files`` are pictures by the paths in the source; ``place`` says where in the paper a place comes from."""

    source: str
    files: Mapping[str, bytes]
    timestamp: int = 0
    place: Place = nowhere


def tex_version() -> str:
    """Return which TeX is installed, in its own words ("" for none): what a document that it sets depends on."""
    for name in ("pdflatex", "lualatex", "tectonic"):
        if shutil.which(name):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                done = subprocess.run([name, "--version"], capture_output=True, timeout=30, check=False)
                return done.stdout.decode(errors="replace").partition("\n")[0].strip()
    return ""


def tex_pdf(job: TexJob) -> bytes:
    """Return the PDF that TeX makes of ``job``.

    Raises:
        BuildError: no TeX is installed, it lacks a package or a font, or it stumbles over the source; the paper's line is told where a
            marker has it.
    """
    command = _command(job.source)
    with tempfile.TemporaryDirectory(prefix="paperbuild-") as folder:
        for path, data in {_MAIN: job.source.encode(), **job.files}.items():
            target = os.path.normpath(os.path.join(folder, path))
            if not target.startswith(folder + os.sep):
                raise InternalError(f"{path} leaves the private folder")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(data)
        status = _run(command, folder, job.timestamp)
        log = _text(os.path.join(folder, "paper.log"))
        made = os.path.join(folder, "paper.pdf")
        if status != 0 or not os.path.isfile(made):
            raise BuildError(*_faults(log or _text(os.path.join(folder, "out.txt")), job))
        lost = dict.fromkeys(_MISSING.findall(log))
        if lost:
            raise BuildError(_no_glyphs(lost))
        with open(made, "rb") as file:
            return file.read()


def _command(source: str) -> list[str]:
    engine = "lualatex" if beyond_latin(source) else "pdflatex"
    if shutil.which("latexmk") and shutil.which(engine):
        mode = "-lualatex" if engine == "lualatex" else "-pdf"
        options = ("-interaction=nonstopmode", "-halt-on-error", "-file-line-error", "-no-shell-escape")
        return ["latexmk", "-norc", mode, *options, f"-usepretex={_STABLE[engine]}", _MAIN]
    if shutil.which("tectonic"):
        return ["tectonic", "--keep-logs", "--untrusted", _MAIN]
    missing = "latexmk" if not shutil.which("latexmk") else engine
    raise BuildError(Diagnostic("PB515", f"no LaTeX is installed: there is no {missing}, and no tectonic", help=_INSTALL))


def _run(command: list[str], folder: str, timestamp: int) -> int:
    """Run TeX to its end and return its status; whatever it started ends with it."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    nowhere = os.path.join(folder, "none")  # a person's own packages are on one machine only
    environment |= {
        "LC_ALL": "C.UTF-8",
        "TEXMFHOME": nowhere,
        "SOURCE_DATE_EPOCH": str(timestamp),
        "FORCE_SOURCE_DATE": "1",
        "openout_any": "p",
        "openin_any": "p",
        "max_print_line": "1000",
    }
    with open(os.path.join(folder, "out.txt"), "wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            return process.wait(TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise BuildError(Diagnostic("PB516", f"TeX was at it for more than {TIME_LIMIT_S:g} s")) from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _faults(log: str, job: TexJob) -> Iterator[Diagnostic]:
    """Yield what TeX says stopped it: it halts at the first error, and often that one has two lines."""
    absent = _NO_FILE.search(log)
    if absent:
        name = absent[1]
        mend = (f"Debian, Ubuntu: apt-file search {name}", *_INSTALL[1:])
        yield Diagnostic("PB515", f"LaTeX lacks {name}", help=mend)
        return
    glyph = _NO_GLYPH.search(log)
    if glyph:
        yield _no_glyphs({glyph[1]: None})
        return
    fault = _FAULT.search(log)
    if fault is None:
        lines = [line for line in log.splitlines() if line.strip()]
        yield Diagnostic("PB516", "LaTeX could not set the document", detail=tuple(lines[-6:]))
        return
    line = int(fault[1])
    at = _AT.search(log, fault.end())
    message = " ".join(fault[2].split()).removeprefix("LaTeX Error: ").rstrip(".")
    read = at[2] if at else ""
    detail = (f"{_MAIN}:{line}: {read.strip()}",) if at else ()
    yield Diagnostic("PB516", f"LaTeX: {message}", _paper_place(line, read, job), detail=detail, help=_advice(message, read))


def _paper_place(line: int, read: str, job: TexJob) -> Span | None:
    """Return where the fault in ``line`` is in the paper; ``read`` is what TeX had read of the line, the word at fault its last."""
    lines = job.source.splitlines()
    text = lines[line - 1] if line <= len(lines) else ""
    word = re.search(r"\\[A-Za-z]+\s*$|[^\s\\]+\s*$", read)
    column = text.find(read.strip().removeprefix("...").strip())
    if word and column >= 0:
        column = text.find(word[0].strip(), max(0, column + len(read.strip().removeprefix("...").strip()) - len(word[0].strip())))
    return job.place(generated(lines, line, max(0, column), TEX))


def _advice(message: str, around: str) -> tuple[str, ...]:
    command = re.findall(r"\\[A-Za-z]+", around)
    if message.startswith("Undefined control sequence") and command:
        return (f"define {command[-1]}, or load the package that has it in the template's LaTeX form",)
    return ()


def _no_glyphs(lost: Mapping[str, None]) -> Diagnostic:
    mend = ("install a font that has them and name it in the template's LaTeX form", "or leave pdf-engine out")
    return Diagnostic("PB512", f"{NO_FONT_HAS}{' '.join([*lost][:12])}", notes=("LaTeX sets the document in Latin Modern",), help=mend)
