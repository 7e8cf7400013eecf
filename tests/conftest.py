"""What all tests share: how properties are searched.

``make test`` draws the same examples each time, so that a change is judged by what it changes; ``make test-all`` searches anew, and
``make histories`` searches the histories of builds for hours.
"""

import os
import signal
from collections.abc import MutableSequence

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a run in the background: what the tests start must hear Ctrl-C all the same
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["PAPERBUILD_REMOTE"] = "off"  # whoever runs the tests may share results: those of tests stay here
for name in ("PAPERBUILD_KEY", "PAPERBUILD_NAMESPACE"):
    os.environ.pop(name, None)

os.fsync = lambda fd: None  # nothing in this process has to outlast a loss of power; the programs that tests start flush what they write

settings.register_profile("same", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("search", deadline=None, max_examples=300, print_blob=True)
settings.register_profile("nightly", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

LONG = frozenset(
    (
        "integration/test_histories_on_disk.py",
        "integration/test_tutorial.py",
        "integration/test_example_paper.py",
        "integration/test_live_converging.py",
        "integration/test_incremental.py",
        "typesetting/test_templates.py",
        "integration/test_system_calls.py",
        "integration/test_faults.py",
        "cli/test_notebooks.py",
    )
)
"""Files whose tests take long. They begin first, so that at the end nobody waits for the last of them with an idle processor."""


def pytest_collection_modifyitems(items: MutableSequence[pytest.Item]) -> None:
    """Put the tests of :data:`LONG` files in front; all others stay in their order."""
    items[:] = sorted(items, key=lambda item: "/".join(item.path.parts[-2:]) not in LONG)
