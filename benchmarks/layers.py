"""A graph to measure with: ten layers of shell commands, the same for every tool.

The target ``l3/7`` joins ``l2/7`` and ``settings`` (those of the first layer a file of ``source``), so that another content of one source
makes ten targets stale, one below the other, and another ``settings`` all. Every target is a line of shell that takes next to no time.
"""

from __future__ import annotations

from pathlib import Path

LAYERS = 10


def sources(folder: Path, targets: int) -> None:
    """Write what the first layer reads, and ``settings``."""
    (folder / "source").mkdir(parents=True)
    for column in range(targets // LAYERS):
        (folder / "source" / str(column)).write_text(f"{column}\n")
    (folder / "settings").write_text("x\n")


def rows(targets: int) -> list[tuple[str, str]]:
    """Return the output and the input of every target."""
    before = ["source", *(f"l{layer}" for layer in range(LAYERS - 1))]
    return [(f"l{layer}/{column}", f"{before[layer]}/{column}") for layer in range(LAYERS) for column in range(targets // LAYERS)]


def make(folder: Path, targets: int) -> None:
    """Write a ``Makefile``."""
    found = rows(targets)
    rules = [f"{out}: {source} settings\n\t@mkdir -p $(@D); cat {source} settings > {out}\n" for out, source in found]
    (folder / "Makefile").write_text("all: " + " ".join(out for out, _ in found) + "\n" + "\n".join(rules))


def ninja(folder: Path, targets: int) -> None:
    """Write a ``build.ninja``."""
    found = rows(targets)
    builds = [f"build {out}: join {source} settings\n" for out, source in found]
    (folder / "build.ninja").write_text("rule join\n  command = cat $in > $out\n" + "".join(builds))


def doit(folder: Path, targets: int) -> None:
    """Write a ``dodo.py``."""
    (folder / "dodo.py").write_text(
        f"ROWS = {rows(targets)!r}\n\ndef task_join():\n    for out, source in ROWS:\n"
        "        yield {'name': out, 'targets': [out], 'file_dep': [source, 'settings'], 'verbosity': 0,\n"
        "               'actions': [f'mkdir -p {out[:2]}; cat {source} settings > {out}']}\n"
    )


def snakemake(folder: Path, targets: int) -> None:
    """Write a ``Snakefile`` with a rule for each layer."""
    columns = targets // LAYERS
    before = ["source", *(f"l{layer}" for layer in range(LAYERS - 1))]
    shell = "    shell: 'cat {input} > {output}'\n"
    rules = [f"rule all:\n    input: expand('l{LAYERS - 1}/{{n}}', n=range({columns}))\n"]
    rules += [
        f"rule l{layer}:\n    input: '{before[layer]}/{{n}}', 'settings'\n    output: 'l{layer}/{{n}}'\n{shell}" for layer in range(LAYERS)
    ]
    (folder / "Snakefile").write_text("\n".join(rules))


def tables(folder: Path, targets: int, observe: str = "trace") -> None:
    """Write a manifest with a table for each target."""
    text = ['[document.paper]\nsource = "paper.md"\n']
    text += [
        f'[target.{out.replace("/", "-")}]\nrun = "cat {source} settings > {out}"\ninputs = ["{source}", "settings"]\n'
        f'outputs = ["{out}"]\nobserve = "{observe}"\n'
        for out, source in rows(targets)
    ]
    _manifest(folder, text)


def sweeps(folder: Path, targets: int, observe: str = "trace") -> None:
    """Write a manifest with a sweep for each layer."""
    columns = list(range(targets // LAYERS))
    text = ['[document.paper]\nsource = "paper.md"\n']
    before = ["source", *(f"l{layer}" for layer in range(LAYERS - 1))]
    text += [
        f'[target.l{layer}]\nrun = "cat {before[layer]}/{{n}} settings > l{layer}/{{n}}"\ninputs = ["{before[layer]}/{{n}}", "settings"]\n'
        f'outputs = ["l{layer}/{{n}}"]\nmatrix = {{ n = {columns} }}\nobserve = "{observe}"\n'
        for layer in range(LAYERS)
    ]
    _manifest(folder, text)


def _manifest(folder: Path, text: list[str]) -> None:
    (folder / "paperbuild.toml").write_text("\n".join(text))
    (folder / "paper.md").write_text("A paper.\n")
