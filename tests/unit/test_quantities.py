import pytest

from paperbuild.paper.quantities import QuantityError, duration_s, size_bytes


@pytest.mark.parametrize(
    ("text", "size"), [("2GiB", 2 * 1024**3), ("500 MB", 500_000_000), ("1.5kB", 1500), ("0.1MiB", 104857), (" 7B ", 7), ("0B", 0)]
)
def test_a_size_is_a_number_of_bytes(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "2", "GiB", "2 gigs", "2gb", "-1GB", "1e3MB", "2GiB extra", "٣GB", "9" * 50 + "B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        size_bytes(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10min", 600), ("7d", 604800), ("1h 30min", 5400), ("1h30min", 5400), ("250ms", 0.25), ("1.5 h", 5400), ("2w", 1209600)],
)
def test_a_duration_is_a_number_of_seconds(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "10", "min", "10 minutes", "-1s", "1h and", "10:30", "9" * 50 + "s", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        duration_s(text)


def test_m_is_ambiguous_and_the_error_says_how_to_write_minutes() -> None:
    with pytest.raises(QuantityError, match="minutes are min"):
        duration_s("10m")
