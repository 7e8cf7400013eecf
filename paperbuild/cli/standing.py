"""How an action stands, in the words that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paperbuild.engine.queries import SETTLED, Situation

if TYPE_CHECKING:
    from paperbuild.provenance.adoptions import AdoptionFacts


def adopted(situation: Situation) -> AdoptionFacts | None:
    """Return how the results that stand were adopted; None where a run made them."""
    if situation.state not in SETTLED or situation.result is None or not situation.result.adopted:
        return None
    from paperbuild.provenance.adoptions import adoption_of  # only where there are such

    return adoption_of(situation.result)
