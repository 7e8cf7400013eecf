"""A TeX to compile with, where one is installed."""

import os
import shutil
import subprocess

import pypdf
import pytest

REQUIRED = os.environ.get("PAPERBUILD_REQUIRE_LATEX") == "1"
needs_latex = pytest.mark.skipif(
    not REQUIRED and not (shutil.which("latexmk") and shutil.which("pdflatex")), reason="needs latexmk and pdflatex (texlive)"
)

needs_lualatex = pytest.mark.skipif(
    not REQUIRED and not (shutil.which("latexmk") and shutil.which("lualatex")), reason="needs latexmk and lualatex (texlive)"
)


def compiled(folder, made):
    """Compile a document with the files beside it; return what its PDF says, with single spaces, and TeX's log."""
    (folder / "paper-figures").mkdir()
    (folder / "paper.tex").write_bytes(made["latex"])
    for name, data in made["figures"].items():
        (folder / "paper-figures" / name).write_bytes(data)
    command = ["latexmk", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    log = (folder / "paper.log").read_text(errors="replace")
    assert done.returncode == 0, log[-3000:]
    pages = pypdf.PdfReader(folder / "paper.pdf").pages
    return " ".join(" ".join(page.extract_text() for page in pages).split()), log
