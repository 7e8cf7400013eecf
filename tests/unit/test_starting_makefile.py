"""Makefiles as we read them, held against make itself."""

import shutil
import subprocess

import pytest

from paperbuild.starting.make_text import Scope, Unknown, expanded
from paperbuild.starting.makefile import is_document_rule, read_makefile

INCLUDED = "TOOL = python src/plot.py\n"
FILES = ("data/a.csv", "data/b.csv", "data/sub/c.csv", "src/plot.py", "src/fit.R", "notes.md", "raw.txt")

# Each: the target whose recipe is compared, and the Makefile.
MAKEFILES = {
    "a plain rule": ("fig.png", ("fig.png: src/plot.py data/a.csv\n\tpython src/plot.py data/a.csv fig.png\n")),
    "automatic variables": (
        "out/fig.png",
        ("out/fig.png: src/plot.py data/a.csv data/b.csv\n\tpython $< $^ -o $@ -d $(@D) -n $(@F) $(<D) $(^F)\n"),
    ),
    "a pattern rule": ("out/b.png", ("out/%.png: data/%.csv src/plot.py\n\tpython src/plot.py $< $@ --name $*\n")),
    "a static pattern": ("out/a.png", ("ALL = out/a.png out/b.png\n$(ALL): out/%.png: data/%.csv\n\tplot $< > $@ # $*\n")),
    "variables of both kinds": ("fig", ("X = $(Y)/z\nY := data\nP ?= python3\nX += more\nfig: data/a.csv\n\t$P ${X} $(Y)\n")),
    "a variable that is set at once": ("fig", ("Y := one\nX := $(Y)\nY := two\nfig: raw.txt\n\techo $(X) $(Y)\n")),
    "dollars for the shell": ("fig", ("fig: raw.txt\n\tfor x in 1 2; do echo $$x; done > $@\n")),
    "wildcards and substitutions": (
        "fig",
        (
            "CSV := $(sort $(wildcard data/*.csv))\n"
            "PNG = $(CSV:data/%.csv=out/%.png) $(patsubst %.csv,%.x,$(CSV)) $(CSV:.csv=.y)\n"
            "fig: raw.txt\n"
            "\techo $(PNG) $(notdir $(CSV)) $(basename $(CSV)) $(suffix $(CSV)) $(dir $(CSV)) $(words $(CSV)) $(word 2,$(CSV))\n"
        ),
    ),
    "filters": (
        "fig",
        (
            "ALL = a.c b.h c.c d\n"
            "fig: raw.txt\n"
            "\techo $(filter %.c,$(ALL)) $(filter-out %.c d,$(ALL)) $(firstword $(ALL)) $(lastword $(ALL))\n"
        ),
    ),
    "text": (
        "fig",
        ("X = the cat, the dog\nfig: raw.txt\n\techo $(subst the,a,$(X)) $(strip   a   b ) $(addprefix p-,a b) $(addsuffix -s,a b)\n"),
    ),
    "loops and choices": ("fig", ("fig: raw.txt\n\techo $(foreach n,1 2 3,run-$(n)) $(if $(EMPTY),yes,no) $(if x,yes)\n")),
    "several lines": ("fig", ("fig: raw.txt\n\tmkdir -p out\n\tcp raw.txt \\\n\t  out/raw.txt\n\ttouch $@\n")),
    "a recipe on the line itself": ("fig", "fig: raw.txt ; cp $< $@\n"),
    "a rule in two parts": ("fig", ("fig: raw.txt\nfig: notes.md\n\tcat $(sort $^) > $@\n")),
    "order only": ("fig", ("fig: raw.txt | notes.md\n\tcat $^ > $@ $|\n")),
    "long lines and comments": (
        "fig",
        ("FILES = data/a.csv \\\n   data/b.csv # two\n# fig: nothing\nfig: \\\n  $(FILES)\n\tcat $^ > $@\n"),
    ),
    "two targets": ("two", ("one two: raw.txt\n\tcp $< $@\n")),
    "a colon in a reference": ("fig", ("A = x.c\nfig: $(A:.c=.csv) raw.txt\n\techo $(A:.c=.o)\nx.csv: ;\n")),
    "no such variable": ("fig", ("fig: raw.txt\n\techo [$(NOTHING)] [$(strip $(NOTHING))]\n")),
    "a nested reference": ("fig", ("KIND = b\nfile_b = data/b.csv\nfig: raw.txt\n\techo $(file_$(KIND))\n")),
    "conditions": (
        "fig",
        (
            "MODE = fast\n"
            "ifeq ($(MODE),fast)\n"
            "N = 1\n"
            "else ifeq ($(MODE),slow)\n"
            "N = 2\n"
            "else\n"
            "N = 3\n"
            "endif\n"
            "ifndef NOTHING\n"
            "M = no\n"
            "else\n"
            "M = yes\n"
            "endif\n"
            'ifneq "$(N)" "1"\n'
            "fig: notes.md\n"
            "\techo wrong\n"
            "else\n"
            "fig: raw.txt\n"
            "\techo $(N) $(M)\n"
            "endif\n"
        ),
    ),
    "a suffix rule": ("raw.png", ".SUFFIXES: .txt .png\n.txt.png:\n\tplot $< $@ $*\n"),
    "an included file": ("fig", "include more.mk\n-include gone.mk\nfig: raw.txt\n\t$(TOOL) $<\n"),
    "rm": ("fig", ("fig: raw.txt\n\t$(RM) fig && touch fig\n")),
}


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize("name", MAKEFILES)
def test_a_recipe_is_what_make_would_run(tmp_path, name):
    target, text = MAKEFILES[name]
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x")
    (tmp_path / "Makefile").write_text(text)
    (tmp_path / "more.mk").write_text(INCLUDED)
    done = subprocess.run(
        ["make", "-n", "-B", "-R", "-r", "--no-print-directory", target],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [" ".join(line.split()) for line in done.stdout.replace("\\\n", " ").splitlines()]
    if name == "rm":
        said = ["rm -f fig && touch fig"]  # -R takes that variable away
    rule = read_makefile(text, "Makefile", FILES, {"more.mk": INCLUDED}).rule_for(target)
    assert [" ".join(line.split()) for line in rule.recipe] == said


@pytest.mark.parametrize("text", ["$(shell date)", "$(call f,1)", "$(MAKE) x", "$(eval X = 1)", "$(CURDIR)", "$(broken", "$(HOME)", "$@"])
def test_what_only_make_knows_is_not_guessed(text):
    with pytest.raises(Unknown):
        expanded(text, Scope({}, ()))


def test_a_variable_that_refers_to_itself_has_no_value():
    with pytest.raises(Unknown):
        expanded("$(X)", Scope({"X": "$(Y)", "Y": "$(X) more"}, ()))


def read(text, files=FILES):
    return read_makefile(text, "Makefile", files)


def test_a_rule_that_needs_what_only_make_knows_has_no_recipe():
    makefile = read("NOW != date\nfig: raw.txt\n\techo $(NOW)\nother: raw.txt\n\techo\n")
    assert makefile.rule_for("fig").recipe is None
    assert makefile.rule_for("other").recipe == ("echo",)
    assert makefile.doubts == (1,)


def test_phony_targets_and_folders_are_not_made():
    makefile = read(".PHONY: all\nall: fig\n\techo done\nfig: | out\n\ttouch fig\nout:\n\tmkdir out\n")
    assert makefile.rule_for("all") is None
    assert makefile.rule_for("out") is None
    assert makefile.rule_for("fig").prerequisites == ()


def test_a_pattern_applies_only_where_what_it_needs_is_there_or_made():
    makefile = read("out/%.png: mid/%.dat\n\tplot $< $@\nmid/%.dat: data/%.csv\n\tcp $< $@\n")
    assert makefile.rule_for("out/a.png").recipe == ("plot mid/a.dat out/a.png",)
    assert makefile.rule_for("out/zzz.png") is None


def test_rules_that_make_each_other_come_to_an_end():
    makefile = read("%.a: %.b\n\tcp $< $@\n%.b: %.a\n\tcp $< $@\n")
    assert makefile.rule_for("x.a") is None


def test_lines_are_joined_so_that_each_starts_where_make_starts_it():
    rule = read("fig: raw.txt\n\tcd out; touch a\n\t-rm b\n\t@echo done\n").rule_for("fig")
    assert rule.command == "(cd out; touch a) && (rm b || true) && echo done"


@pytest.mark.parametrize(
    ("recipe", "is_one"),
    [
        ("pdflatex $<", True),
        ("latexmk $<", True),
        ("cd d && xelatex x", True),
        ("pandoc $< -o $@", True),
        ("python draw.py $@", False),
    ],
)
def test_rules_that_typeset_documents_are_known(recipe, is_one):
    rule = read(f"out.pdf: raw.txt\n\t{recipe}\n").rule_for("out.pdf")
    assert is_document_rule(rule, ("paper.md",)) is is_one


def test_what_stands_in_a_branch_that_only_make_can_choose_is_left_to_make():
    makefile = read("ifeq ($(shell uname),Linux)\nX = 1\nfig: raw.txt\n\techo\nelse\nX = 2\nendif\nother: raw.txt\n\techo $(X)\n")
    assert makefile.rule_for("fig").recipe is None
    assert makefile.rule_for("other").recipe is None


def test_a_condition_within_a_recipe_leaves_it_to_make():
    makefile = read("fig: raw.txt\n\tone\nifdef X\n\ttwo\nendif\nother: raw.txt\n\techo\n")
    assert makefile.rule_for("fig").recipe is None
    assert makefile.rule_for("other").recipe == ("echo",)


def test_where_an_included_file_is_missing_what_has_no_value_is_unknown():
    makefile = read("include config.mk\nfig: raw.txt\n\t$(TOOL) $<\nother: raw.txt\n\techo $<\n")
    assert makefile.rule_for("fig").recipe is None
    assert makefile.rule_for("other").recipe == ("echo raw.txt",)


@pytest.mark.parametrize(
    ("recipe", "command"),
    [
        ("python src/plot.py --fast", "python src/plot.py --fast"),
        ("@cd src && python plot.py", "cd src && python plot.py"),
        ("python other/src/plot.py", None),
        ("echo", None),
    ],
)
def test_a_rule_that_makes_no_file_says_how_a_script_is_run(recipe, command):
    found = read(f".PHONY: figures\nfigures:\n\t{recipe}\n").command_with("src/plot.py")
    assert found == (None if command is None else (command, 2))
