"""Executes a notebook: ``python run.py NOTEBOOK EXECUTED``, with papermill and ipykernel of the Python that runs this.

The notebook is what :mod:`paperbuild.engine.notebooks` made of the author's; the variable ``PAPERBUILD_CODE`` names its file, and
``PAPERBUILD_PARAMS`` that of its parameters. Code runs in the folder of the author's notebook, as in Jupyter. What Jupyter and IPython
keep for themselves goes to a folder beside that file, so that neither somebody's settings nor the last run take part. The kernel of a
notebook in Python is this Python, whatever kernel it was last opened with; of another language it is the one that the notebook names.

Nothing of when or how the execution went is in the executed notebook, so that equal code gives equal bytes. What went wrong is told in a
file beside the code, ``fault.json``. Any Python from 3.8 on may run this: it imports nothing of paperbuild.
"""

import contextlib
import json
import os
import re
import shutil
import sys
from typing import Any

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_WIDGET = "application/vnd.jupyter.widget-view+json"  # its model's name is random, and the model is gone


def main(notebook: str, executed: str) -> int:
    """Execute ``notebook``, write it to ``executed``, and return the exit status."""
    sys.path[:] = [folder for folder in sys.path if folder != os.path.dirname(os.path.abspath(__file__))]
    code = os.environ["PAPERBUILD_CODE"]
    root, executed = os.getcwd(), os.path.abspath(executed)
    _set_apart(os.path.join(os.path.dirname(os.path.dirname(code)), "jupyter"))
    os.environ["PAPERBUILD_ROOT"] = root
    _without_plugins()
    try:
        import ipykernel  # noqa: F401 - only whether it is there
        import nbformat
        import papermill  # type: ignore[import-untyped]
        from jupyter_client.kernelspec import NoSuchKernel
        from papermill.exceptions import PapermillExecutionError  # type: ignore[import-untyped]
    except ImportError as error:
        return _lacking(code, error)
    with open(os.environ["PAPERBUILD_PARAMS"], encoding="utf-8") as file:
        parameters = json.load(file)
    with open(code, encoding="utf-8") as file:
        text = file.read()
    try:
        nbformat.validate(nbformat.reads(text, as_version=4))  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever it says, it is no notebook
        return _told(code, {"kind": "malformed", "error": str(error).partition("\n")[0]})
    os.chdir(os.path.join(root, os.path.dirname(notebook)))
    _log_to_standard_output()
    try:
        made = papermill.execute_notebook(
            code,
            None,
            parameters=parameters,
            progress_bar=False,
            log_output=True,
            record_timing=False,
            store_widget_state=False,
            **_of_kernel(text),
        )
    except NoSuchKernel as error:
        return _told(code, {"kind": "kernel", "error": error.name})
    except PapermillExecutionError as error:
        return _failed(code, error)
    cleaned = _cleaned(made)
    with open(executed, "w", encoding="utf-8") as file:
        nbformat.write(cleaned, file)  # type: ignore[no-untyped-call]
    return 0


def _without_plugins() -> None:
    """Keep papermill from looking for plugins: it lists every folder of modules to find some, with a library of its own."""
    with contextlib.suppress(ImportError):
        import entrypoints  # type: ignore[import-untyped]

        entrypoints.get_group_all = lambda *_, **__: []


def _set_apart(private: str) -> None:
    """Let Jupyter and IPython keep their files in the folder ``private``, which is empty, and read no settings of anybody's."""
    shutil.rmtree(private, ignore_errors=True)
    for name in ("runtime", "config", "ipython"):
        os.makedirs(os.path.join(private, name), mode=0o700)
    os.environ["JUPYTER_RUNTIME_DIR"] = os.path.join(private, "runtime")
    os.environ["JUPYTER_CONFIG_DIR"] = os.path.join(private, "config")
    os.environ["IPYTHONDIR"] = os.path.join(private, "ipython")
    os.environ["JUPYTER_NO_CONFIG"] = "1"


def _log_to_standard_output() -> None:
    """Let papermill tell which cell it executes."""
    import logging

    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    logger = logging.getLogger("papermill")
    logger.setLevel(logging.INFO)
    logger.addFilter(lambda record: not record.getMessage().startswith(("Input Notebook", "Output Notebook")))  # a file nobody knows


def _of_kernel(text: str) -> "dict[str, list[str]]":
    """Return what the kernel is told: that of Python else warns that other users of this machine may listen, as with any Jupyter."""
    language = json.loads(text)["metadata"]["kernelspec"]["language"]
    return {"extra_arguments": ["--log-level=ERROR"]} if language == "python" else {}


def _lacking(code: str, error: ImportError) -> int:
    """Tell what is not installed."""
    name = (error.name or "papermill").partition(".")[0]
    print(f"{name} is not installed: {error}", file=sys.stderr)
    return _told(code, {"kind": "lacking", "error": name})


def _failed(code: str, error: Any) -> int:
    """Tell which cell failed, at which line, and why."""
    trace = _ANSI.sub("", "\n".join(error.traceback))
    lines = [int(number) for number in re.findall(rf"Cell In\s?\[{error.exec_count}\], line (\d+)", trace)]
    line = lines[0] if lines else 0
    source = error.source.split("\n")
    with open(code, encoding="utf-8") as file:
        sources = ["".join(cell["source"]) for cell in json.load(file)["cells"]]
    cell = sources.index(error.source) + 1 if sources.count(error.source) == 1 else _number(sources, error)
    print(trace, file=sys.stderr)
    told = {"kind": "cell", "cell": cell, "line": line, "error": f"{error.ename}: {error.evalue}".partition("\n")[0]}
    told["code"] = source[line - 1].strip() if 0 < line <= len(source) else source[0].strip()
    return _told(code, told)


def _number(sources: "list[str]", error: Any) -> int:
    """Return the number of the failed cell among ``sources``, from 1; papermill may have put one with parameters before it."""
    index: int = error.cell_index
    return next((n + 1 for n in (index, index - 1, index - 2) if 0 <= n < len(sources) and sources[n] == error.source), 0)


def _told(code: str, fault: object) -> int:
    with open(os.path.join(os.path.dirname(code), "fault.json"), "w", encoding="utf-8") as file:
        json.dump(fault, file)
    return 1


def _cleaned(made: Any) -> Any:
    """Return the executed notebook without what differs from run to run."""
    made.metadata.pop("papermill", None)
    made.metadata.pop("widgets", None)
    made.nbformat_minor = 5
    for number, cell in enumerate(made.cells, 1):
        cell.id = f"cell-{number}"
        tags = cell.metadata.get("tags", [])
        cell.metadata.clear()
        if tags:
            cell.metadata["tags"] = tags
        if cell.cell_type == "code":
            cell.outputs = _in_order(cell.outputs)
    return made


def _in_order(outputs: Any) -> "list[object]":
    """Return a cell's outputs with what it printed between two others in one piece: how it is cut depends on the clock.

    So does which of the two streams is told of first.
    """
    found: "list[object]" = []
    printed: "dict[str, Any]" = {}
    for output in [*outputs, None]:
        if output is not None and output.output_type == "stream":
            if output.name in printed:
                printed[output.name].text += output.text
            else:
                printed[output.name] = output
            continue
        found += [printed[name] for name in sorted(printed, reverse=True)]
        printed = {}
        if output is not None:
            if _WIDGET in output.get("data", {}):
                del output.data[_WIDGET]
            found.append(output)
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
