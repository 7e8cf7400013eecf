"""How an action stands, in the words that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paperbuild.engine.queries import SETTLED, Situation, State

if TYPE_CHECKING:
    from paperbuild.provenance.adoptions import AdoptionFacts


def adopted(situation: Situation) -> AdoptionFacts | None:
    """Return how the results that stand were adopted; None where a run made them."""
    if situation.state not in SETTLED or situation.state is State.FRESH:
        return None
    from paperbuild.provenance.adoptions import adoption_of, adoption_that_stands  # only where there are such

    last = situation.last
    if situation.stands and last is not None and last.succeeded:  # of a failure the time would be another
        return adoption_that_stands(last, situation.why_adopted)
    result = situation.result
    return None if result is None else adoption_of(result)
