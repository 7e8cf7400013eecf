"""What a chunk shows in place is chosen by the filters as its declaration is understood."""

import pytest

from paperbuild.paper.chunk_targets import declared
from paperbuild.paper.source import scan
from paperbuild.render.pandoc import PandocWorker

SHOWN = [
    ('outputs="a.svg"', None),
    ('outputs="a.svg" caption="A"', "a.svg"),
    ('outputs="a.svg" label="fig:a"', "a.svg"),
    ('outputs="a.svg, a.json" label="fig:a"', "a.svg"),
    ('outputs="a.svg a.json" label="tbl:a"', "a.json"),
    ('outputs="a.csv" caption="A"', "a.csv"),
    ('outputs="a.bin" stdout="a.txt" caption="A"', "a.txt"),
    ('outputs="a.svg" stdout="a.txt" caption="A"', "a.svg"),
    ('outputs="a.svg b.svg" show="b.svg" caption="A"', "b.svg"),
    ('outputs="a.svg" show=none caption="A"', None),
    ('outputs="a.svg" show=false', None),
    ("show=stdout", "build/x.txt"),
    ('show=stdout stdout="said.txt"', "said.txt"),
    ('outputs="A.SVG" caption="A"', "A.SVG"),
]
UNCLEAR = ['outputs="a.svg b.svg" caption="A"', 'outputs="a.bin" label="fig:a"', 'outputs="a.svg" show="b.svg"', "", 'caption="A"']


@pytest.fixture(scope="module")
def worker():
    worker = PandocWorker()
    yield worker
    worker.close()


def chunk(attributes):
    return f"``` {{.python .target #x {attributes}}}\npass\n```\n"


@pytest.mark.parametrize(("attributes", "path"), SHOWN)
def test_what_is_understood_is_what_is_shown(worker, attributes, path):
    text = chunk(attributes)
    found = declared(one.of("paper.md") for one in scan(text).chunks)
    assert found.faults == ()
    images = worker.scan(text).images
    assert [image.path for image in images] == ([path] if path else [])
    outputs = [output.path for output in found.targets[0].outputs]
    assert path is None or path in outputs


@pytest.mark.parametrize("attributes", UNCLEAR)
def test_what_is_not_clear_is_a_fault(attributes):
    found = declared(one.of("paper.md") for one in scan(chunk(attributes)).chunks)
    assert found.faults
    assert found.targets == ()
