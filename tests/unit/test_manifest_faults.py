import sys
from textwrap import dedent

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import ManifestError, UsageError
from paperbuild.paper.actions import expand
from paperbuild.paper.documents import document_actions
from paperbuild.paper.manifest import parse_manifest


def faults(text: str | bytes, profile: str | None = None) -> tuple[Diagnostic, ...]:
    data = text if isinstance(text, bytes) else dedent(text).encode()
    with pytest.raises(ManifestError) as raised:
        expand(parse_manifest(data, profile=profile))
    return raised.value.diagnostics


def where(fault: Diagnostic) -> tuple[str, int, str]:
    """Return the code, the line and the text that is underlined."""
    span = fault.span
    assert span is not None
    assert span.path == "paperbuild.toml"
    return (fault.code, span.line, span.text[span.column - 1 : span.column - 1 + span.length])


def only(text: str | bytes, profile: str | None = None) -> Diagnostic:
    (fault,) = faults(text, profile)
    return fault


def in_target(keys: str) -> Diagnostic:
    """Return the one fault of a target with these keys, which start in its second line."""
    lines = ["[target.t]", *keys.splitlines()]
    lines += [line for name, line in (("run", 'run = "x"'), ("outputs", 'outputs = ["o.json"]')) if f"{name} =" not in keys]
    return only("\n".join(lines))


@pytest.mark.parametrize("tolerance", ["-1", "inf", "'small'", "{ pixels = 2 }", "{ absolute = -1e-9 }"])
def test_a_tolerance_is_no_less_than_none_and_a_share_no_more_than_all(tolerance: str) -> None:
    fault = in_target(f'outputs = {{ m = {{ path = "m.json", tolerance = {tolerance} }} }}')
    assert where(fault)[:2] == ("PB105", 2)
    assert "tolerance" in fault.message


@pytest.mark.parametrize(
    ("text", "line", "column", "help_part"),
    [
        ("[paper]\nsource = paper.md\n", 2, 10, 'text needs quotes: "paper.md"'),
        ("[target.t]\noutputs = [a.json, b.json]\n", 2, 12, 'text needs quotes: "a.json"'),
        ("a = \n", 1, 5, "a value is missing"),
        ('x = "abc\ny = 1', 1, 9, "close the string"),
        ('x = "abc', 1, 9, "close the string"),
        ("a = { b = 1,\nc = 2 }", 1, 13, "on one line"),
        ("a = 1\na = 2", 2, 1, "keep one"),
        ("[a]\n[b]\n[a]\n", 3, 1, "keep one"),
        ('a = "\\q"', 1, 8, "backslash"),
        ("a = 'it's'", 1, 9, "between '''"),
        ("a = 'echo \\'x\\' y'", 1, 13, "between '''"),
        ("a = [1,\n\n", 2, 1, "list is not closed"),
        ("a = '''\nb\n", 2, 2, "further up"),
        ("x = " + "9" * 5000, 1, 1, "in quotes"),
    ],
)
def test_malformed_toml_is_a_fault_at_its_place(text: str, line: int, column: int, help_part: str) -> None:
    sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)  # debuggers lift it for the whole process, and notebooks load one
    fault = only(text)
    assert fault.span is not None
    assert (fault.code, fault.span.line, fault.span.column) == ("PB101", line, column)
    assert help_part in fault.help[0]


def test_toml_nested_too_deeply_is_a_fault() -> None:
    assert where(only("x = " + "[" * 20000))[:2] == ("PB101", 1)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_that_is_not_utf8_is_a_fault_at_its_place(mark: bytes) -> None:
    fault = only(mark + "[paper]\nsource = 'ä".encode() + b"\xe9.md'\n")
    assert fault.span is not None
    assert (fault.code, fault.span.line, fault.span.column) == ("PB100", 2, 12)
    assert "0xe9" in fault.message
    assert "iconv" in fault.help[0]


def test_a_manifest_from_a_newer_version_says_to_upgrade_and_nothing_else() -> None:
    fault = only("nonsense = 1\nversion = 2\n[target]\nx = 1")
    assert where(fault) == ("PB102", 2, "2")
    assert "upgrade paperbuild" in fault.help[0]


@pytest.mark.parametrize("value", ["0", "-1", '"1"', "true", "1.0", "0x" + "f" * 6000])
def test_a_version_is_a_whole_number(value: str) -> None:
    assert where(only(f"version = {value}"))[:2] == ("PB105", 1)


@pytest.mark.parametrize(
    ("text", "underlined", "meant"),
    [
        ("[papr]", "papr", "did you mean paper?"),
        ("[targets.x]\nneeds = []", "targets", "did you mean target?"),
        ('[train]\nrun = "x"', "train", "a target's table is [target.train]"),
        ("colour = 1", "colour", "the keys are check, document, environment, executor, paper, profile, store, target, version"),
    ],
)
def test_an_unknown_table_is_a_fault_with_what_was_meant(text: str, underlined: str, meant: str) -> None:
    fault = only(text)
    assert where(fault) == ("PB103", 1, underlined)
    assert fault.help == (meant,)


@pytest.mark.parametrize(
    ("keys", "underlined", "meant"),
    [
        ("tiem = 1", "tiem", "the keys are"),
        ('ouputs = ["x"]', "ouputs", "did you mean outputs"),
        ('deps = ["x"]', "deps", "did you mean inputs?"),
        ('"cmd" = "x"', '"cmd"', "did you mean run?"),
        ("resources = { memory = 1 }", "memory", "did you mean mem?"),
        ('outputs = { a = { path = "x", stored = true } }', "stored", "did you mean store?"),
    ],
)
def test_an_unknown_key_is_underlined_with_what_was_meant(keys: str, underlined: str, meant: str) -> None:
    fault = in_target(keys)
    assert where(fault) == ("PB103", 2, underlined)
    assert meant in fault.help[0]


@pytest.mark.parametrize(
    ("text", "missing"),
    [("[paper]\ntoc = true", "source"), ('[target.t]\noutputs = ["x"]', "run"), ('[target.t]\nrun = "x"', "outputs")],
)
def test_a_missing_key_is_a_fault_of_its_table(text: str, missing: str) -> None:
    fault = only(text)
    assert where(fault)[:2] == ("PB104", 1)
    assert f"has no {missing}" in fault.message
    assert fault.help[0].startswith(f"add {missing} = ")


@pytest.mark.parametrize(
    ("keys", "underlined", "message"),
    [
        ("run = 1", "1", "target.t.run must be text, not 1"),
        ('run = ""', '""', "target.t.run must not be empty"),
        ('outputs = "x"', '"x"', "target.t.outputs must be a list of texts or a table, not text"),
        ("outputs = []", "[]", "target.t.outputs must not be empty"),
        ("outputs = {}", "{}", "target.t.outputs must not be empty"),
        ("outputs = [1]", "1", "target.t.outputs[0] must be text, not 1"),
        ("outputs = { a = 1 }", "1", "target.t.outputs.a must be text or a table, not 1"),
        ("params = { a = [1] }", "[1]", "target.t.params.a must be text or a number or true or false, not a list"),
        ("params = { a = 1979-05-27 }", "1979-05-27", "target.t.params.a must be text or a number or true or false, not a date or time"),
        ("params = { a = nan }", "nan", "target.t.params.a must be a finite number, not nan"),
        ("params = { a = -inf }", "-inf", "target.t.params.a must be a finite number, not -inf"),
        ("params = { a = 9223372036854775808 }", "9223372036854775808", "target.t.params.a does not fit in 64 bits"),
        ('params = { a = "\\u0000" }', '"\\u0000"', "target.t.params.a holds a NUL character, which no command or path can"),
        ("matrix = { a = 1 }", "1", "target.t.matrix.a must be a list of values, not 1"),
        ("matrix = { a = [] }", "[]", "target.t.matrix.a must not be empty"),
        ("matrix = { a = [1, {}] }", "{}", "target.t.matrix.a[1] must be text or a number or true or false, not a table"),
        ('inputs = "x"', '"x"', "target.t.inputs must be a list of texts, not text"),
        ('inputs = ["x", ""]', '""', "target.t.inputs[1] must not be empty"),
        ("env = { A = true }", "true", "target.t.env.A must be text or a whole number, not true"),
        ("heavy = 1", "1", "target.t.heavy must be true or false, not 1"),
        ('observe = "tracing"', '"tracing"', "target.t.observe cannot be 'tracing'"),
        ("observe = true", "true", "target.t.observe must be one of trace, strict, off, not true"),
        ("resources = { cpu = -1 }", "-1", "target.t.resources.cpu must be a number of at least 0, not -1"),
        ("resources = 3", "3", "target.t.resources must be a table, not 3"),
    ],
)
def test_a_wrong_type_is_underlined_and_named(keys: str, underlined: str, message: str) -> None:
    fault = in_target(keys)
    assert where(fault) == ("PB105", 2, underlined)
    assert fault.message == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paper = 1", "paper must be a table"),
        ("target = []", "target must be a table, not a list"),
        ('[target]\nrun = "x"', "target.run must be a table, not text"),
        ("[[paper]]", "paper must be a table"),
        ("profile.x = 1", "profile.x must be a table, not 1"),
        ("[paper]\nsource = 'a.md'\ncolumns = 3", "paper.columns must be a whole number from 1 to 2, not 3"),
    ],
)
def test_tables_and_documents_have_types_too(text: str, message: str) -> None:
    fault = only(text)
    assert (fault.code, fault.message) == ("PB105", message)


@pytest.mark.parametrize(
    ("text", "code", "underlined"),
    [
        ('[target."a b"]\nrun = "x"\noutputs = ["x"]', "PB106", '"a b"'),
        ('[target.a--b]\nrun = "x"\noutputs = ["x"]', "PB106", "a--b"),
        ('[target.1a]\nrun = "x"\noutputs = ["x"]', "PB106", "1a"),
        ('[target.mean]\nrun = "x"\noutputs = ["x"]', "PB107", "mean"),
        ('[target.not]\nrun = "x"\noutputs = ["x"]', "PB107", "not"),
        ('[document."a/b"]\nsource = "x.md"', "PB106", '"a/b"'),
        ('[profile."a b"]', "PB106", '"a b"'),
    ],
)
def test_names_follow_the_grammar(text: str, code: str, underlined: str) -> None:
    assert where(only(text)) == (code, 1, underlined)


@pytest.mark.parametrize(
    ("keys", "code", "underlined"),
    [
        ('outputs = { "a.b" = "x" }', "PB106", '"a.b"'),
        ('outputs = { params = "x" }', "PB107", "params"),
        ('outputs = { a-b = "x", a_b = "y" }', "PB108", "a_b"),
        ("params = { 1a = 1 }", "PB106", "1a"),
        ("params = { if = 1 }", "PB107", "if"),
        ("params = { a-b = 1, a_b = 2 }", "PB108", "a_b"),
        ('env = { "A-B" = "x" }', "PB106", '"A-B"'),
        ('secrets = ["$KEY"]', "PB106", '"$KEY"'),
        ('env = { A = "x" }\nsecrets = ["A"]', "PB108", '"A"'),
        ("params = { a = 1 }\nmatrix = { a = [1] }", "PB113", "a"),
        ('matrix = { a = ["1", 1] }', "PB114", "1"),
        ("matrix = { a = [1.0, 1.0] }", "PB114", "1.0"),
        ('resources = { mem = "2 gigs" }', "PB112", '"2 gigs"'),
        ('resources = { time = "0s" }', "PB112", '"0s"'),
        ('resources = { time = "10m" }', "PB112", '"10m"'),
        ('refresh = "sometimes"', "PB112", '"sometimes"'),
        ('refresh = "0s"', "PB112", '"0s"'),
        ('needs = ["nope"]', "PB116", '"nope"'),
        ('needs = ["t"]', "PB117", '"t"'),
        ('run = "x {y}"', "PB121", "{y}"),
        ("run = '''\nx {y}'''", "PB121", "{y}"),
        ("run = \"x '{print $1}'\"", "PB120", "{print $1}"),
        ('outputs = ["o-{y}"]', "PB121", "{y}"),
        ('inputs = ["o-{y}"]', "PB121", "{y}"),
        ('run = "\\t{p}\\u0041 \'{p}\'"\nparams = { p = "a b" }', "PB122", "{p}"),
    ],
)
def test_what_types_cannot_say_is_checked_and_underlined(keys: str, code: str, underlined: str) -> None:
    found_code, _, found = where(in_target(keys))
    assert (found_code, found) == (code, underlined)


def test_too_many_cells_are_a_fault_before_any_is_made() -> None:
    axis = f"[{', '.join(map(str, range(200)))}]"
    assert where(in_target(f"matrix = {{ a = {axis}, b = {axis}, c = {axis} }}")) == ("PB115", 2, "matrix")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/abs", "PB130"),
        ("../x", "PB130"),
        ("a/../../x", "PB130"),
        ("~/x", "PB130"),
        ("C:/x", "PB130"),
        (".", "PB130"),
        ("./", "PB130"),
        ("a/..", "PB130"),
        (" ", "PB130"),
        (".git/x", "PB131"),
        ("sub/.git/x", "PB131"),
        (".Git/x", "PB131"),
        (".paperbuild/", "PB131"),
        ("_build/x.pdf", "PB131"),
        ("_build", "PB131"),
        ("a/../_build/x", "PB131"),
        ("a*.txt", "PB132"),
        ("[a]", "PB132"),
    ],
)
def test_an_output_stays_inside_the_project_and_out_of_reserved_folders(path: str, code: str) -> None:
    assert where(in_target(f'outputs = ["{path}"]')) == (code, 2, f'"{path}"')


@pytest.mark.parametrize("path", ["a\\\\b", "a\\nb", "a\\u0007"])
def test_a_path_is_written_with_forward_slashes_and_without_control_characters(path: str) -> None:
    assert where(in_target(f'outputs = ["{path}"]')) == ("PB130", 2, f'"{path}"')


@pytest.mark.parametrize("path", [".", "..", "./", "/", "../..", "~/data", "a\\\\b"])
def test_an_input_names_something_that_can_be_read(path: str) -> None:
    assert where(in_target(f'inputs = ["{path}"]'))[0] == "PB130"


@pytest.mark.parametrize(
    ("keys", "code", "underlined"),
    [
        ('source = "../p.md"', "PB130", '"../p.md"'),
        ('source = "text/"', "PB132", '"text/"'),
        ('source = ["a.md", "*.md"]', "PB132", '"*.md"'),
        ('source = "p.md"\ntemplate = "../x"', "PB106", '"../x"'),
        ('source = "p.md"\nformats = ["pdf", "word"]', "PB111", '"word"'),
        ('source = "p.md"\nformats = ["htm"]', "PB111", '"htm"'),
        ('source = "p.md"\nbibliography = "~/r.bib"', "PB130", '"~/r.bib"'),
        ('source = "p.md"\nbibliography = ["a.bib", "*.bib"]', "PB132", '"*.bib"'),
        ('source = "p.md"\noptions = { toc = true }', "PB103", "toc"),
    ],
)
def test_the_files_and_formats_of_a_document_are_checked(keys: str, code: str, underlined: str) -> None:
    found_code, _, found = where(only("[paper]\n" + keys))
    assert (found_code, found) == (code, underlined)


@pytest.mark.parametrize(("value", "code"), [('"a/b"', "PB123"), ('"../x"', "PB123"), ('""', "PB123"), ('"."', "PB123"), ('"*"', "PB123")])
def test_a_value_that_does_not_fit_in_a_path_is_underlined_where_it_is_given(value: str, code: str) -> None:
    assert where(in_target(f'params = {{ p = {value} }}\noutputs = ["o/{{p}}"]')) == (code, 2, value)
    assert where(in_target(f'matrix = {{ p = ["ok", {value}] }}\noutputs = ["o/{{p}}"]')) == (code, 2, value)


def test_a_value_that_makes_a_reserved_path_is_a_fault() -> None:
    assert where(in_target('params = { p = ".git" }\noutputs = ["{p}/x"]')) == ("PB131", 3, '"{p}/x"')


def two(first: str, second: str) -> Diagnostic:
    return only(f'[target.a]\nrun = "x"\noutputs = ["{first}"]\n[target.b]\nrun = "x"\noutputs = ["{second}"]')


@pytest.mark.parametrize("second", ["out/x.json", "./out//x.json", "out/y/../x.json", "out/x.json/"])
def test_two_targets_that_write_one_path_are_both_named_with_places(second: str) -> None:
    fault = two("out/x.json", second)
    assert where(fault) == ("PB141", 6, f'"{second}"')
    assert fault.message.startswith("a and b both write out/x.json")
    assert fault.notes == ("out/x.json is declared by a at paperbuild.toml:3:12",)


@pytest.mark.parametrize(("first", "second"), [("Out/x", "out/x"), ("out/X", "out/x"), ("ä", "a\\u0308")])
def test_paths_that_are_one_file_on_some_systems_are_a_fault(first: str, second: str) -> None:
    assert where(two(first, second))[:2] == ("PB124", 6)


def test_a_path_inside_anothers_folder_is_a_fault_in_either_order() -> None:
    assert where(two("ckpt/", "ckpt/a/b.json")) == ("PB125", 6, '"ckpt/a/b.json"')
    assert where(two("ckpt/a/b.json", "ckpt/")) == ("PB125", 3, '"ckpt/a/b.json"')
    assert "not both" in two("ckpt", "ckpt/x").notes[1]


def test_cells_that_share_a_path_are_one_fault_that_names_the_missing_axis() -> None:
    fault = in_target('matrix = { seed = [0, 1, 2], lr = [1, 2] }\noutputs = ["m-{lr}.json"]')
    assert where(fault) == ("PB141", 3, '"m-{lr}.json"')
    assert "t[seed=0,lr=1] and t[seed=1,lr=1] both write m-1.json" in fault.message
    assert fault.help == ("put {seed} in the path, so that each cell has its own file",)


def test_one_target_that_declares_a_path_twice_is_a_fault() -> None:
    assert where(in_target('outputs = { a = "x", b = "x" }')) == ("PB141", 2, '"x"')


@pytest.mark.parametrize("path", ["paper.md", "Paper.md", "paperbuild.toml"])
def test_an_output_never_replaces_a_source(path: str) -> None:
    fault = only(f'[paper]\nsource = "paper.md"\n[target.a]\nrun = "x"\noutputs = ["{path}"]')
    assert where(fault) == ("PB126", 5, f'"{path}"')


def test_names_of_targets_and_documents_differ() -> None:
    text = '[paper]\nsource = "paper.md"\n[target.{}]\nrun = "x"\noutputs = ["o"]\n'
    assert where(only(text.format("paper"))) == ("PB108", 3, "paper")
    assert where(only('[paper]\nsource = "a/p.md"\n[document.P]\nsource = "q.md"')) == ("PB108", 3, "P")
    hyphen = '[target.a-b]\nrun = "x"\noutputs = ["o"]\n'
    assert where(only(hyphen + hyphen.replace("-", "_").replace('"o"', '"p"'))) == ("PB108", 4, "a_b")


def test_needs_that_names_an_output_says_which_target_makes_it() -> None:
    fault = only('[target.a]\nrun = "x"\noutputs = ["o.json"]\n[target.b]\nrun = "x"\noutputs = ["p"]\nneeds = ["o.json"]')
    assert fault.help == ("needs names targets: write a",)


def test_an_unknown_profile_is_an_error_of_usage_with_the_nearest() -> None:
    with pytest.raises(UsageError) as raised:
        parse_manifest(b"[profile.full]\n[profile.quick]", profile="ful")
    assert not isinstance(raised.value, ManifestError)
    (fault,) = raised.value.diagnostics
    assert (fault.code, fault.help) == ("PB109", ("did you mean full?",))


def test_a_profile_changes_only_what_there_is() -> None:
    text = '[target.train]\nrun = "x"\noutputs = ["o"]\n[profile.full.target.trian]\nheavy = true\n[profile.full.paper]\ntoc = true\n'
    found = faults(text)
    assert [where(fault) for fault in found] == [("PB110", 4, "trian"), ("PB110", 6, "paper")]
    assert found[0].help == ("did you mean train?",)


def test_a_profile_that_is_not_chosen_is_checked_all_the_same() -> None:
    text = '[target.t]\nrun = "x"\noutputs = ["o"]\n[profile.full.target.t]\nhaevy = true\n'
    assert where(only(text)) == ("PB103", 5, "haevy")


def test_a_fault_that_a_profile_brings_is_underlined_in_the_profile() -> None:
    text = """\
        [target.t]
        run = "x {a}"
        outputs = ["o-{a}"]
        params = { a = "ok" }
        [profile.full.target.t]
        run = "y {b}"
        params = { a = "n/o" }
    """
    assert where(only(text, "full")) == ("PB121", 6, "{b}")
    assert where(only(text.replace("{b}", "{a}"), "full")) == ("PB123", 7, '"n/o"')


def test_all_faults_are_found_at_once_in_the_order_of_the_text() -> None:
    found = faults("""\
        [target.a]
        run = "x {y}"
        outputs = ["../o"]
        [target.b]
        run = 1
        outptus = ["o"]
        [paper]
        source = "/p.md"
        [profile.x.target.c]
    """)
    assert [(fault.code, fault.span and fault.span.line) for fault in found] == [
        ("PB121", 2),
        ("PB130", 3),
        ("PB104", 4),
        ("PB105", 5),
        ("PB103", 6),
        ("PB130", 8),
        ("PB110", 9),
    ]


_WORDS = st.sampled_from(
    [
        "version",
        "paper",
        "document",
        "target",
        "environment",
        "store",
        "profile",
        "source",
        "formats",
        "template",
        "bibliography",
        "csl",
        "toc",
        "columns",
        "options",
        "run",
        "outputs",
        "params",
        "matrix",
        "inputs",
        "needs",
        "env",
        "secrets",
        "shell",
        "observe",
        "heavy",
        "refresh",
        "resources",
        "cpu",
        "mem",
        "time",
        "path",
        "a",
        "b",
        "train",
        "full",
    ]
) | st.text(max_size=3)
_TEXTS = st.sampled_from(["{a}", "x", "o/{a}.json", "../x", "always", "7d", "pdf", "trace", "", "a", "}", "'{a}'"]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=6
)
_VALUES = st.recursive(
    st.one_of(st.integers(-(2**70), 2**70), st.booleans(), st.floats(), st.dates(), _TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=10,
)
_TARGET = st.fixed_dictionaries(
    {"run": _TEXTS, "outputs": st.lists(_TEXTS, max_size=3)},
    optional={
        "params": st.dictionaries(st.sampled_from("ab"), _VALUES, max_size=2),
        "matrix": st.dictionaries(st.sampled_from("ac"), st.lists(_VALUES, max_size=3), max_size=2),
        "inputs": st.lists(_TEXTS, max_size=2),
        "needs": st.lists(st.sampled_from("tu"), max_size=2),
        "resources": _VALUES,
    },
)
_TABLES = st.fixed_dictionaries(
    {},
    optional={
        "paper": st.fixed_dictionaries({"source": _TEXTS}) | _VALUES,
        "target": st.dictionaries(st.sampled_from("tu"), _TARGET | _VALUES, max_size=2),
        "profile": st.dictionaries(st.just("full"), _VALUES | st.fixed_dictionaries({"target": st.fixed_dictionaries({"t": _TARGET})})),
    },
)


@given(st.dictionaries(_WORDS, _VALUES, max_size=4) | _TABLES, st.sampled_from([None, "full"]))
@settings(max_examples=40, deadline=None)
def test_no_dictionary_raises_anything_but_an_error_of_the_manifest(document: dict[str, object], profile: str | None) -> None:
    text = tomlkit.dumps(document)
    found = faults_or_none(text.encode(), profile)
    assert found != ()
    for fault in found or ():
        assert fault.message
        assert fault.span is None or fault.span.text == text.split("\n")[fault.span.line - 1]


@given(st.binary(max_size=40) | st.text("[]{}=\"#.\n a1'\\,", max_size=40).map(str.encode))
@settings(max_examples=60, deadline=None)
def test_no_bytes_raise_anything_but_an_error_of_the_manifest(data: bytes) -> None:
    assert faults_or_none(data, None) != ()


def faults_or_none(data: bytes, profile: str | None) -> tuple[Diagnostic, ...] | None:
    try:
        found = parse_manifest(data, profile=profile)
        expand(found)
    except UsageError as error:
        return error.diagnostics
    for document in found.documents:
        assert len(document_actions(document)) == len(document.formats)
    return None


def test_a_command_in_words_is_told_to_be_one_text() -> None:
    fault = only('[target.a]\nrun = ["python", "a.py"]\noutputs = ["a"]\n')
    assert (fault.code, fault.help) == ("PB105", ('write it as one text: "python a.py"',))
