"""What a supervisor keeps of a command once it has ended: nothing, since it collects no garbage and may watch ten thousand."""

from __future__ import annotations

import gc
import weakref

from paperbuild.engine.tracing.notices import Notices
from paperbuild.engine.tracing.permission import Closed
from paperbuild.engine.tracing.sightings import Sightings


def test_nothing_is_left_of_a_command_without_a_search_for_garbage():
    gc.disable()
    try:
        notices = Notices(Sightings(b"/p/", ()), None, Closed((b"/p/x/",), ()))
        take = notices.taking(-1, lambda _: True)
        left = weakref.ref(notices)
        del notices, take
        assert left() is None
    finally:
        gc.enable()
