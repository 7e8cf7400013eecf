"""Which address or command opens a line of a file in the author's editor."""

import pytest

from paperbuild.errors import UsageError
from paperbuild.live.editors import Editor, editor_of


def test_a_name_an_address_and_a_command_are_all_understood():
    assert editor_of("vscode", {}) == Editor(address="vscode://file{file}:{line}:{column}")
    assert editor_of("emacs", {}).command[0] == "emacsclient"
    assert editor_of("mine://open?file={file}&at={line}", {}) == Editor(address="mine://open?file={file}&at={line}")
    assert editor_of("term -e 'vim +{line} \"{file}\"'", {}) == Editor(command=("term", "-e", 'vim +{line} "{file}"'))


def test_a_command_gets_the_place_as_words_whatever_stands_in_it():
    editor = editor_of("edit +{line}:{column} {file}", {})
    assert editor.words("/a b/$(x) {line};'.md", 3, 7) == ("edit", "+3:7", "/a b/$(x) {line};'.md")


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"EDITOR": "code --wait"}, "vscode://"),
        ({"VISUAL": "/usr/bin/codium", "EDITOR": "vi"}, "vscodium://"),
        ({"EDITOR": "vi", "TERM_PROGRAM": "vscode"}, "vscode://"),
        ({"EDITOR": "nano"}, ""),
        ({"EDITOR": " "}, ""),
        ({}, ""),
    ],
)
def test_without_a_wish_the_environment_tells(environ, found):
    assert editor_of("", environ).address.partition("{")[0].removesuffix("file") == found


@pytest.mark.parametrize("wanted", ["vscod", "vim", "code -g", "code -g '{file}", "javascript:alert('{file}')", "file://{file}"])
def test_what_names_no_editor_or_no_file_is_an_error_with_help(wanted):
    with pytest.raises(UsageError) as refused:
        editor_of(wanted, {})
    assert refused.value.diagnostics[0].code == "PB174"
    assert refused.value.diagnostics[0].help
