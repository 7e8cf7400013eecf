"""What of a notebook counts, and how a manifest says that one is executed."""

import json
from textwrap import dedent

import pytest

from paperbuild.engine.notebooks import reduced
from paperbuild.errors import ManifestError
from paperbuild.paper.actions import expand
from paperbuild.paper.manifest import parse_manifest


def book(cells, language="python", kernel="python3", **metadata):
    spec = {"name": kernel, "display_name": "K", "language": language}
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": spec, **metadata}, "cells": cells}).encode()


def code(source, **more):
    return {"cell_type": "code", "source": source, "metadata": {}, "execution_count": None, "outputs": [], **more}


ONE = book([code("x = 1\ny = 2")])


@pytest.mark.parametrize(
    "same",
    [
        book([code(["x = 1\n", "y = 2"])]),
        book([code("x = 1\ny = 2", id="abc", execution_count=9, outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}])]),
        book([code("x = 1\ny = 2", metadata={"collapsed": True, "ExecuteTime": {"end_time": "now"}, "tags": []})]),
        book([code("x = 1\ny = 2")], kernel="conda-env-mine-py", language_info={"name": "python", "version": "3.9"}, toc={"a": 1}),
    ],
)
def test_what_editors_change_does_not_count(same):
    assert reduced(same) == reduced(ONE)


@pytest.mark.parametrize(
    "other",
    [
        book([code("x = 1\ny = 3")]),
        book([code("x = 1"), code("y = 2")]),
        book([{"cell_type": "markdown", "source": "x = 1\ny = 2", "metadata": {}}]),
        book([code("x = 1\ny = 2", metadata={"tags": ["parameters"]})]),
        book([code("x = 1\ny = 2")], language="R", kernel="ir"),
    ],
)
def test_sources_kinds_tags_and_the_language_count(other):
    assert reduced(other) != reduced(ONE)


def test_what_is_left_is_a_notebook_and_left_as_it_is_by_the_next_one():
    once = reduced(ONE)
    assert json.loads(once)["cells"][0]["source"] == "x = 1\ny = 2"
    assert reduced(once) == once


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"nbformat": 3, "worksheets": []}'])
def test_what_is_no_notebook_stays_for_its_execution_to_tell(data):
    assert reduced(data) == data


def actions(text):
    return expand(parse_manifest(dedent(text).encode()))


def test_a_notebook_is_executed_to_a_place_of_its_own_for_each_cell():
    made = actions("""
        [target.fit]
        notebook = "analysis/{kind}.ipynb"
        params = { kind = "my fit" }
        matrix = { seed = [0, 1] }
    """)
    assert [action.recipe.notebook for action in made] == ["analysis/my fit.ipynb"] * 2
    assert [[output.path for output in action.outputs] for action in made] == [["build/fit-0.ipynb"], ["build/fit-1.ipynb"]]
    assert made[0].recipe.line == """python "$PAPERBUILD_NOTEBOOK" 'analysis/my fit.ipynb' build/fit-0.ipynb"""
    assert made[0].mentioned == ("analysis/my fit.ipynb",)


def test_the_outputs_may_say_where_it_goes():
    (made,) = actions('[target.fit]\nnotebook = "fit.ipynb"\noutputs = { notebook = "out/done.ipynb", data = "out/x.json" }')
    assert [(output.name, output.path) for output in made.outputs] == [("notebook", "out/done.ipynb"), ("data", "out/x.json")]


def test_the_name_of_the_executed_notebook_is_no_other_outputs():
    (made,) = actions('[target.fit]\nnotebook = "fit.ipynb"\noutputs = ["out/notebook.json"]')
    assert [(output.name, output.path) for output in made.outputs] == [
        ("notebook", "build/fit.ipynb"),
        ("notebook_file", "out/notebook.json"),
    ]


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        ('notebook = "a.ipynb"\nrun = "x"', "PB144", "this has both"),
        ('notebook = "a.py"', "PB144", "does not end in .ipynb"),
        ('notebook = "build/t.ipynb"', "PB144", "would be replaced"),
        ('notebook = "/a.ipynb"', "PB130", "absolute"),
        ('notebook = "{seed}.ipynb"', "PB121", "seed"),
        ("notebook = 3", "PB105", "must be text"),
    ],
)
def test_what_is_wrong_with_one_is_told(keys, code, words):
    with pytest.raises(ManifestError) as raised:
        actions(f"[target.t]\n{keys}")
    assert [fault.code for fault in raised.value.diagnostics] == [code]
    assert words in raised.value.diagnostics[0].message
