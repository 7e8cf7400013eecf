import pytest

from paperbuild.render.documents import DocumentRunner

from .project import EMPTY


@pytest.fixture(scope="session")
def runner():
    made = DocumentRunner(EMPTY)
    yield made
    made.close()
