import io

import pytest

from paperbuild.terminal.log_view import LogView
from paperbuild.terminal.screen import Screen

TERMINAL = Screen(rewrites=True, width=20)


class Stream(io.TextIOWrapper):
    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")

    def written(self):
        self.flush()
        return self.buffer.getvalue()


def shown(screen, *pieces):
    stream = Stream()
    view = LogView(stream, screen)
    for piece in pieces:
        view.feed(piece)
    view.end()
    return stream.written()


def visible(written):
    """Return what a terminal shows in the end: each line as it was written last."""
    return [line.rpartition("\x1b[2K")[2].rstrip("\r") for line in written.decode().split("\n")]


def test_a_file_gets_every_byte_as_it_is():
    pieces = (b"\xff\x1b[31m\r", b"1%\r2%\n", "é".encode()[:1])
    assert shown(Screen(), *pieces) == b"".join(pieces)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_terminal_shows_the_same_lines_however_the_pieces_fall(size):
    data = "one\n10 %\r20 %\r\n\x1b[32mgrün\x1b[0m \x1b[2J\nand no end".encode()
    written = shown(TERMINAL, *(data[n : n + size] for n in range(0, len(data), size)))
    assert visible(written) == ["one", "20 %", "grün \\e[2J", "and no end", ""]
    assert b"\x1b[2J" not in written


def test_a_line_that_is_not_ended_is_shown_and_cut_to_what_fits():
    stream = Stream()
    LogView(stream, TERMINAL).feed(b"x" * 50)
    assert visible(stream.written()) == ["x" * 18 + "…"]
