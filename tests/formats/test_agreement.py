"""What holds in every format."""

import pytest

from paperbuild.paper.manifest import FORMATS
from paperbuild.render.documents import DocumentRunner

from .project import EMPTY, render


@pytest.mark.parametrize("output", FORMATS)
def test_two_renders_are_byte_identical(runner, output):
    other = DocumentRunner(EMPTY)
    try:
        assert render(other, output).outputs == render(runner, output).outputs
    finally:
        other.close()
