"""How an action stands, in the words that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paperbuild.engine.queries import Situation, State

if TYPE_CHECKING:
    from paperbuild.provenance.adoptions import AdoptionFacts


def adopted(situation: Situation) -> AdoptionFacts | None:
    """Return how the results that stand were adopted; None where a run made them."""
    if situation.state is not State.ADOPTED or situation.result is None:
        return None
    from paperbuild.provenance.adoptions import adoption_of  # only where there are such

    return adoption_of(situation.result)
