"""The user's documentation says what the code does: its codes, keys, functions, examples and links are held against it."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from types import MappingProxyType

import click
import pytest

from paperbuild.cli.main import COMMANDS, program
from paperbuild.paper import references
from paperbuild.paper.chunk_targets import PAPER_KEYS, TARGET_KEYS, declared
from paperbuild.paper.data import TABLE_ATTRIBUTES
from paperbuild.paper.formats import locale_of
from paperbuild.paper.manifest import parse_manifest
from paperbuild.paper.names import FUNCTIONS
from paperbuild.paper.plan import plan_of
from paperbuild.paper.source import scan
from tests.documented import FENCE, ROOT, blocks, text_of

PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")))
_CODE = re.compile(r"\bPB\d{3}\b")


def rows(name):
    """Return the cells of every row of every table of a page."""
    prose = FENCE.sub("", text_of(name))
    lines = re.findall(r"^\|(.*)\|$", prose, re.MULTILINE)
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)] for line in lines]


def anchors(page):
    """Return the ids that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- errors.md


def codes_in_source():
    sources = [path for suffix in ("py", "lua") for path in (ROOT / "paperbuild").rglob(f"*.{suffix}")]
    return {code for path in sources for code in _CODE.findall(path.read_text(encoding="utf-8"))}


def code_rows():
    return [row for row in rows("docs/errors.md") if _CODE.fullmatch(row[0])]


def test_the_error_codes_of_the_program_and_of_the_page_are_the_same():
    assert {row[0] for row in code_rows()} == codes_in_source()


def test_each_error_code_has_one_row_in_order():
    listed = [row[0] for row in code_rows()]
    assert listed == sorted(set(listed))


def test_each_error_code_says_what_it_means_and_how_to_mend_it():
    assert [row[0] for row in code_rows() if len(row) != 3 or not all(row)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_speaks_of_a_code_that_there_is_not(page):
    # "PB2" is a group of codes; PB201 in a page must be one of the program's
    assert set(_CODE.findall(page.read_text(encoding="utf-8"))) <= codes_in_source()


# --- manifest.md


def schema_keys():
    """Return (table, key) for every key of the schema."""
    tables = json.loads(text_of("docs/paperbuild.schema.json"))["$defs"]
    return [(name, key) for name, table in tables.items() for key in table["properties"]]


@pytest.mark.parametrize(("table", "key"), schema_keys())
def test_every_key_of_the_manifest_is_documented(table, key):
    assert f"`{key}`" in text_of("docs/manifest.md")


@pytest.mark.parametrize("table", ["ManifestTable", "DocumentTable", "TargetTable", "ResourcesTable", "ToleranceTable", "CheckTable"])
def test_the_tables_of_the_manifest_page_have_a_row_for_each_key(table):
    listed = {row[0] for row in rows("docs/manifest.md")}
    assert {f"`{key}`" for name, key in schema_keys() if name == table} <= listed


MANIFESTS = [
    (name, text)
    for name in ("README.md", "docs/manifest.md", "docs/references.md", "docs/training.md", "docs/slurm.md")
    for text in blocks(name, "toml")
]


def completed(text):
    """Return the TOML ``text`` with the targets that it speaks of without declaring them."""
    declared = tomllib.loads(text)
    targets = declared.get("target", {})
    needed = {name for table in targets.values() for name in table.get("needs", ())} - targets.keys()
    return text + "".join(f'\n[target.{name}]\nrun = "true"\noutputs = ["build/{name}"]\n' for name in sorted(needed))


@pytest.mark.parametrize(("page", "text"), MANIFESTS, ids=[f"{name}-{n}" for n, (name, _) in enumerate(MANIFESTS)])
def test_every_manifest_in_the_pages_is_understood(page, text):
    profiles = tomllib.loads(text).get("profile", {})
    for profile in (None, *profiles):
        assert plan_of(parse_manifest(completed(text).encode(), profile=profile)).actions is not None


def test_the_pages_have_manifests():
    assert len(MANIFESTS) > 10


# --- chunks.md


def test_the_chunks_of_the_page_are_understood():
    found = [chunk.of("paper.md") for text in blocks("docs/chunks.md", "markdown") for chunk in scan(text).chunks]
    assert [chunk.name for chunk in found] == ["loss-plot", "scores", "lengths"]
    assert declared(found).faults == ()


def test_every_attribute_of_chunks_is_documented():
    listed = " ".join(row[0] for row in rows("docs/chunks.md"))
    assert all(f"`{key}`" in listed for key in (*TARGET_KEYS, *PAPER_KEYS, "include", "lines", "part"))


# --- references.md


def example_results():
    """Return the result files that the page shows, by path."""
    page = text_of("docs/references.md")
    files = dict(re.findall(r"^(build/\S+\.json) +(\{.*\})$", page, re.MULTILINE))
    files.update(re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    return MappingProxyType(files)


@pytest.fixture(scope="module")
def catalog():
    return plan_of(parse_manifest(blocks("docs/references.md", "toml")[0].encode())).catalog


def shown(expression, catalog, language="en"):
    """Return what the paper shows for ``expression``, with plain spaces, or "error PBxxx"."""
    files = example_results()
    try:
        found = references.resolve(references.parse(expression), catalog, lambda path: files[path].encode(), locale_of(language))
    except references.ReferenceFault as fault:
        return f"error {fault.code}"
    text = "".join(p.text if p.kind == "text" else f"<sup>{p.text}</sup>" for p in found.rendered.pieces)
    return re.sub("[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]", " ", text)


_EXPRESSION = re.compile(r"`([^`]+)`")


def example_rows():
    """Return (expression, result, language) for each row of a table whose head has "shows" right of an expression."""
    found = []
    head = []
    for row in rows("docs/references.md"):
        if any(set(cell) <= set("-: ") and cell for cell in row):
            continue
        if "shows" in row:
            head = row
        elif len(row) == len(head) and ("expression" in head or "example" in head):
            expression = _EXPRESSION.fullmatch(row[head.index("expression" if "expression" in head else "example")])
            if expression:
                language = row[head.index("`lang`")].strip("`") if "`lang`" in head else "en"
                found.append((expression[1], row[head.index("shows")], language))
        else:
            head = []
    return found


@pytest.mark.parametrize(("expression", "result", "language"), example_rows())
def test_an_example_of_the_references_page_shows_what_the_page_says(expression, result, language, catalog):
    assert shown(expression, catalog, language) == result


def test_the_references_page_has_many_examples():
    assert len(example_rows()) > 60


def references_in_markdown():
    """Return the values and claims in the Markdown and YAML examples of the pages."""
    examples = [text for name in ("README.md", "docs/references.md") for kind in ("markdown", "yaml") for text in blocks(name, kind)]
    return [found[1].strip('"') for text in examples for found in re.finditer(r'(?:val|claim)=("[^"]*"|[^ }]+)', text)]


@pytest.mark.parametrize("expression", references_in_markdown())
def test_every_reference_in_an_example_parses(expression):
    assert references.parse(expression)


def test_the_examples_have_references():
    assert len(references_in_markdown()) > 5


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_has_a_row(name):
    assert any(re.match(rf"`{name}\(", row[0]) for row in rows("docs/references.md"))


@pytest.mark.parametrize("attribute", TABLE_ATTRIBUTES)
def test_every_attribute_of_a_table_has_a_row_with_an_example(attribute):
    found = [row for row in rows("docs/tables.md") if row[0] == f"`{attribute}`"]
    assert len(found) == 1
    assert f"{attribute}=" in found[0][2]


@pytest.mark.parametrize(
    ("expression", "language", "result"),
    [
        ("test_set.birds * 1.0:,.1f", "en", "12,345.0"),
        ("test_set.birds * 1.0:,.1f", "de", "12.345,0"),
        ("test_set.birds * 1.0:,.1f", "fr", "12 345,0"),
        ("test_set.accuracy:.1%", "de", "91,4 %"),
        ("test_set.accuracy:.1%", "fr", "91,4 %"),
        ("test_set.accuracy:.1%", "es", "91,4 %"),
        ("test_set.accuracy:.1%", "de-CH", "91.4%"),
        ("test_set.birds * 1.0:,.1f", "de-CH", "12\u2019345.0"),
        ("test_set.accuracy:.1%", "tlh", "91.4%"),
        ("test_set.accuracy", "de", "0.9135"),
        ("pm(train.where(lr=0.1).accuracy):.2e", "en", "(9.12 ± 0.06) \N{MULTIPLICATION SIGN} 10<sup>\N{MINUS SIGN}1</sup>"),
    ],
)
def test_numbers_are_written_as_the_page_says_of_each_language(expression, language, result, catalog):
    assert shown(expression, catalog, language) == result


@pytest.mark.parametrize("option", sorted(tomllib.loads(text_of("templates/article/template.toml"))["options"].items()))
def test_every_option_of_the_template_has_a_row_with_its_default(option):
    name, default = option
    listed = {row[0]: row[1] for row in rows("docs/references.md") if len(row) > 2}
    assert listed[f"`{name}`"] == f"`{json.dumps(default)}`"


@pytest.mark.parametrize("template", ["twocolumn", "preprint", "joss", "report"])
def test_every_option_that_a_template_sets_has_a_row_in_its_section(template):
    options = tomllib.loads(text_of(f"templates/{template}/template.toml"))["options"]
    section = text_of("docs/templates.md").split(f"\n## {template}\n")[1].split("\n## ")[0]
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| `(.*?)` \|", section, re.MULTILINE))
    assert listed == {name: json.dumps(default) for name, default in options.items()}


# --- commands.md


def commands():
    """Return (name, command) for all that can be called, those in groups among them: "cache gc"."""
    found = []
    for name in COMMANDS:
        command = program.get_command(None, name)
        parts = command.commands if isinstance(command, click.Group) else {}
        found += [(f"{name} {part}", one) for part, one in parts.items() if not one.hidden] or [(name, command)]
    return found


def sections():
    """Return the section of each command; one section may be about several."""
    parts = [part.partition("\n") for part in re.split(r"^## ", text_of("docs/commands.md"), flags=re.MULTILINE)]
    return {name: body for head, _, body in parts for name in re.findall(r"`paperbuild ([a-z]+(?: [a-z]+)?)", head)}


def spellings(command):
    """Return the ways to write each option: ("-j", "--jobs")."""
    return [tuple(way) for option in command.params for way in (option.opts, option.secondary_opts) if way and way[0].startswith("-")]


def test_every_command_has_a_section_and_no_other_has():
    assert sections().keys() == {name for name, _ in commands()}


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_the_section_of_a_command_names_all_its_options_and_no_others(name, command):
    section = sections()[name]
    unnamed = [ways for ways in spellings(command) if not any(f"`{way}" in section for way in ways)]
    assert unnamed == []
    first_cells = re.findall(r"^\| (`-.*?) \|", section, re.MULTILINE)
    named = {option for cell in first_cells for option in re.findall(r"`(--?[a-zA-Z][a-z-]*)", cell)}
    about = [one for other, one in commands() if sections()[other] == section]
    assert named <= {way for one in about for ways in spellings(one) for way in ways}


def test_the_options_before_the_command_are_documented():
    assert [ways for ways in spellings(program) if not any(f"`{way}" in text_of("docs/commands.md") for way in ways)] == []


def test_the_exit_codes_are_those_of_the_program():
    from paperbuild.errors import ExitCode

    listed = {int(row[0]) for row in rows("docs/commands.md") if row[0].isdigit()}
    assert listed == set(ExitCode)


# --- links


def links():
    found = []
    for page in PAGES:
        prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
        found += [(page, target) for target in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in target]
    return found


@pytest.mark.parametrize(("page", "target"), links(), ids=lambda value: value if isinstance(value, str) else value.name)
def test_a_link_leads_somewhere(page, target):
    path, _, fragment = target.partition("#")
    place = page.parent / path if path else page
    assert place.exists()
    if fragment:
        assert fragment in anchors(place)


def calls():
    """Return (page, words) for each call of paperbuild that a page shows, in a block or in a sentence."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in FENCE.finditer(text) if block["language"] == "sh" for line in block["text"].splitlines()]
        shown = [call for line in lines for call in re.findall(r"(?:^|[;&|] |\$ )paperbuild ([^;&|>)]*)", line)]
        shown += re.findall(r"(?<!`)`paperbuild ([^`]+)`(?!`)", FENCE.sub("", text))
        found += [(page.name, " ".join(shlex.split(call, comments=True))) for call in shown]
    return sorted({call for call in found if not call[1].startswith(("COMMAND", "\N{HORIZONTAL ELLIPSIS}"))})


@pytest.mark.parametrize(("page", "call"), calls())
def test_a_command_that_a_page_shows_exists_with_these_options(page, call):
    command, rest = program, call.split(" ")
    while isinstance(command, click.Group) and rest:
        _, rest, _ = command.make_parser(click.Context(command)).parse_args(rest)
        command = command.get_command(None, rest.pop(0)) if rest else command
    assert command is not None
    command.make_parser(click.Context(command)).parse_args(rest)


def test_the_pages_show_many_commands():
    assert len(calls()) > 100


# --- the site


def test_the_site_has_every_page_once():
    def pages(entries):
        for entry in entries:
            for place in entry.values():
                yield from [place] if isinstance(place, str) else pages(place)

    listed = sorted(pages(tomllib.loads(text_of("zensical.toml"))["project"]["nav"]))
    assert listed == sorted(page.name for page in (ROOT / "docs").glob("*.md"))


def test_its_first_page_leads_to_every_other():
    linked = {target.partition("#")[0] for page, target in links() if page.name == "index.md"}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - linked == {"index.md"}


def test_the_site_builds_with_no_broken_link(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    for page in (ROOT / "docs").glob("*.md"):
        place = tmp_path / "_site" / ("" if page.stem == "index" else page.stem) / "index.html"
        assert "<h1" in place.read_text(encoding="utf-8")
