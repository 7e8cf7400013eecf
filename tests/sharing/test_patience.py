"""How long a place is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from paperbuild.sharing.crew import Pace, spread
from paperbuild.sharing.patience import PAUSES_S, Down, Patience
from paperbuild.sharing.transport import TransportError, Trouble


class Place:
    """Gives the answers it was given, in turn: a trouble, or something that went well."""

    def __init__(self, *answers: Trouble | str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Trouble):
            raise TransportError(answer, "")
        return answer


def test_what_may_pass_is_tried_again() -> None:
    pauses: list[float] = []
    assert Patience(pauses.append).attempt(Place(Trouble.BROKEN, Trouble.BROKEN, "well")) == "well"
    assert tuple(pauses) == PAUSES_S[:2]


@pytest.mark.parametrize("trouble", [Trouble.DENIED, Trouble.NOWHERE, Trouble.CREDENTIALS, Trouble.SKEWED, Trouble.FULL])
def test_what_stays_is_not_tried_again_and_ends_it_for_the_command(trouble: Trouble) -> None:
    patience, place = Patience(lambda _: None), Place(trouble, "well")
    with pytest.raises(TransportError):
        patience.attempt(place)
    with pytest.raises(Down):
        patience.attempt(place)
    assert place.asked == 1
    assert patience.fault is not None


def test_a_place_that_never_answers_counts_as_down() -> None:
    patience, place = Patience(lambda _: None), Place(*[Trouble.BROKEN] * 9)
    with pytest.raises(TransportError):
        patience.attempt(place)
    assert patience.is_down
    assert place.asked == len(PAUSES_S) + 1


def test_a_place_that_answers_others_meanwhile_does_not() -> None:
    patience, place = Patience(lambda _: patience.answered()), Place(*[Trouble.BROKEN] * 9)
    with pytest.raises(TransportError):
        patience.attempt(place)
    assert not patience.is_down


@pytest.mark.parametrize(("trouble", "took_s"), [(Trouble.UNREACHABLE, 5), (Trouble.BROKEN, 10)])
def test_what_took_long_to_fail_is_not_tried_again(trouble: Trouble, took_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, took_s))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    place = Place(*[trouble] * 9)
    with pytest.raises(TransportError):
        Patience(lambda _: None).attempt(place)
    assert place.asked == 1


def test_what_several_wait_at_once_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    patience = Patience()
    with patience.waiting(), patience.waiting():
        now[0] = 4.0
        assert patience.left_s() == pytest.approx(6.0)
    assert patience.left_s() == pytest.approx(6.0)
    now[0] = 100.0  # nobody waited
    assert patience.left_s() == pytest.approx(6.0)
    for _ in range(40):
        patience.answered()
    assert patience.left_s() == pytest.approx(8.0)


def test_of_what_is_asked_at_once_each_answer_comes_with_its_question() -> None:
    assert dict(spread(lambda n: n * n, range(50), 8)) == {n: n * n for n in range(50)}
    assert dict(spread(lambda n: n, [], 8)) == {}


def test_no_more_than_the_most_are_asked_at_once() -> None:
    lock, present, highest = threading.Lock(), [0], [0]

    def act(_: int) -> None:
        with lock:
            present[0] += 1
            highest[0] = max(highest[0], present[0])
        time.sleep(0.002)
        with lock:
            present[0] -= 1

    list(spread(act, range(30), 5))
    assert 1 < highest[0] <= 5


def test_what_hangs_is_not_waited_for_beyond_the_time() -> None:
    hangs = threading.Event()
    begun = time.monotonic()
    came = dict(spread(lambda n: hangs.wait(30) if n == 1 else True, range(4), 4, lambda: 0.2))
    assert set(came) == {0, 2, 3}
    assert time.monotonic() - begun < 10
    hangs.set()


def test_an_exception_is_raised_where_somebody_waits() -> None:
    with pytest.raises(ZeroDivisionError):
        list(spread(lambda n: 1 // n, [1, 0, 2], 2))


def _sizes(most: int, rate_of: Callable[[int], float]) -> list[int]:
    """Return how many are at work after each of 500 answers, of a server that answers so many requests at once at such a rate."""
    pace, now_s, sizes = Pace(most, 0.0), 0.0, []
    for _ in range(500):
        now_s += 1 / rate_of(pace.size)
        pace.answered(now_s)
        sizes.append(pace.size)
    return sizes


def test_a_server_that_is_far_is_asked_more_at_once() -> None:
    sizes = _sizes(32, lambda size: size / 0.05)
    assert (sizes[0], sizes[-1]) == (4, 32)
    assert sizes.index(32) < 60


def test_a_server_that_is_not_faster_for_it_is_not_asked_more_at_once() -> None:
    assert _sizes(32, lambda size: 500)[-1] == 8
    assert _sizes(2, lambda size: 500 * size)[-1] == 2
