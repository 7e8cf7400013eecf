"""``paperbuild init --here`` in repositories as people have them, each built for real with what it proposes."""

import json
import re
import shutil
import signal
import subprocess
import time
import tomllib

import pytest

from tests.cli.conftest import LIMIT_S, Project

HISTOGRAM = """\
import argparse
import csv

parser = argparse.ArgumentParser()
parser.add_argument("-i", "--input")
parser.add_argument("-o", "--output")
given = parser.parse_args()
values = [float(row["value"]) for row in csv.DictReader(open(given.input))]
bars = [sum(low <= value < low + 10 for value in values) for low in range(0, 40, 10)]
with open(given.output, "w") as file:
    file.write('<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60">')
    for n, height in enumerate(bars):
        file.write(f'<rect x="{20 * n}" y="0" width="18" height="{height}"/>')
    file.write("</svg>")
"""

# The Turing Way's example for make, told again: two data sets, one script, a report in LaTeX that shows a histogram of each.
TURING = {
    "Makefile": """\
# Histograms of every data set, and the report that shows them.

ALL_CSV = $(wildcard data/*.csv)
INPUT_CSV = $(wildcard data/input_file_*.csv)
DATA = $(filter-out $(INPUT_CSV),$(ALL_CSV))
FIGURES = $(patsubst data/input_file_%.csv,output/figure_%.svg,$(INPUT_CSV))

.PHONY: all clean

all: output/report.pdf

$(FIGURES): output/figure_%.svg: data/input_file_%.csv scripts/generate_histogram.py
	python scripts/generate_histogram.py -i $< -o $@

output/report.pdf: report/report.tex $(FIGURES)
	cd report/ && pdflatex report.tex && mv report.pdf ../$@

clean:
	rm -f output/report.pdf
	rm -f $(FIGURES)
""",
    "scripts/generate_histogram.py": HISTOGRAM,
    "data/input_file_1.csv": "id,value\n" + "".join(f"{n},{n * n % 37}\n" for n in range(60)),
    "data/input_file_2.csv": "id,value\n" + "".join(f"{n},{n * 7 % 31}\n" for n in range(60)),
    "README.md": "# About\n\nHow to run it: `make`.\n",
    "report/report.tex": r"""\documentclass{article}
\usepackage{graphicx}
\title{Two histograms}
\author{A. N. Analyst}
\begin{document}
\maketitle
\section{Results}
Figure \ref{fig:first} shows the first data set, $n = 60$; figure \ref{fig:second} the second.
\begin{figure}
  \centering
  \includegraphics[width=0.7\textwidth]{../output/figure_1.svg}
  \caption{The first data set.}
  \label{fig:first}
\end{figure}
\begin{figure}
  \includegraphics{../output/figure_2}
  \caption{The second data set.}
  \label{fig:second}
\end{figure}
\end{document}
""",
}

# Words of books counted and compared, in the manner of a lesson on make: chains of pattern rules, variables, and no paper at all.
WORDS = {
    "Makefile": """\
TEXTS := $(sort $(wildcard books/*.txt))
COUNTS := $(TEXTS:books/%.txt=counts/%.dat)
PYTHON ?= python
COUNT = $(PYTHON) count.py

.PHONY : all
all : ranks.txt $(patsubst books/%.txt, plots/%.svg, $(TEXTS))

counts/%.dat : books/%.txt count.py
	@mkdir -p $(@D)
	@# one line for each word
	$(COUNT) $< > $@

plots/%.svg : counts/%.dat plot.py | plots
	$(PYTHON) plot.py $< $@

ranks.txt : rank.py $(COUNTS)
	$(PYTHON) $^ > $@

plots :
	mkdir -p $@

clean :
	$(RM) -r counts plots ranks.txt
""",
    "books/abbey.txt": "a b a c a b\n",
    "books/isles.txt": "x y x x z\n",
    "count.py": "import sys, collections\n"
    "for word, n in collections.Counter(open(sys.argv[1]).read().split()).most_common():\n    print(word, n)\n",
    "plot.py": "import sys\nheights = [int(line.split()[1]) for line in open(sys.argv[1])]\n"
    'bars = \'\'.join(f\'<rect x="{20 * n}" y="0" width="18" height="{9 * h}"/>\' for n, h in enumerate(heights))\n'
    'open(sys.argv[2], "w").write(f\'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60">{bars}</svg>\')\n',
    "rank.py": "import sys\nfor path in sys.argv[1:]:\n    print(path, *[line.split()[1] for line in open(path)][:2])\n",
}

# A study as many have it: scripts that are run in their own folder, one after the other, and a paper beside them.
STUDY = {
    "paper/manuscript.md": "---\ntitle: Growth\nauthor: Ada\n---\n\n# Result\n\nIt grows, see @fig:growth and @tbl:fit.\n\n"
    "![Growth.](../figures/growth.svg){#fig:growth}\n\n![The fit.](../results/fit.csv){#tbl:fit}\n",
    "README.md": "# A study\n\n![Badge](https://example.org/badge.svg)\n",
    "data/raw.csv": "t,x\n0,1\n1,2\n2,4\n3,8\n",
    "code/1_clean.py": "import csv\nrows = list(csv.DictReader(open('../data/raw.csv')))\n"
    "with open('../results/clean.csv', 'w') as out:\n    out.write('t,x\\n' + ''.join(f\"{r['t']},{r['x']}\\n\" for r in rows[1:]))\n",
    "code/2_fit.py": "import csv, json, math\nrows = list(csv.DictReader(open('../results/clean.csv')))\n"
    "rate = math.log(float(rows[-1]['x']) / float(rows[0]['x'])) / (len(rows) - 1)\n"
    "open('../results/fit.csv', 'w').write(f'rate,n\\n{rate:.3f},{len(rows)}\\n')\n"
    "json.dump({'rate': rate}, open('../results/fit.json', 'w'))\n",
    "code/3_plot.py": "import csv\nfrom pathlib import Path\nhere = Path('..') / 'figures'\nname = 'growth' + '.svg'\n"
    "rows = list(csv.DictReader(open('../results/clean.csv')))\n"
    "heights = [float(row['x']) for row in rows]\n"
    'bars = \'\'.join(f\'<rect x="{20 * n}" y="0" width="18" height="{h}"/>\' for n, h in enumerate(heights))\n'
    '(here / name).write_text(f\'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60">{bars}</svg>\')\n',
    "code/test_fit.py": "raise SystemExit('tests are not run')\n",
    "figures/.keep": "",
    "results/.keep": "",
}


@pytest.fixture
def repository(tmp_path, monkeypatch, capfd):
    """A function that makes a repository of files."""

    def made(files):
        project = Project(tmp_path, monkeypatch, capfd)
        for name, text in files.items():
            project.write(name, text)
        return project

    return made


def texts(project):
    return {str(path.relative_to(project.root)): path.read_bytes() for path in project.root.rglob("*") if path.is_file()}


def targets(project):
    return tomllib.loads(project.read("paperbuild.toml"))["target"]


def pdf_is_there(answer, project, name):
    assert answer.code == 0, answer.err
    assert (project.root / f"_build/{name}.pdf").read_bytes().startswith(b"%PDF")


# --- a Makefile


def test_the_turing_ways_example_renders_at_once(repository):
    project = repository(TURING)
    before = texts(project)
    begun = project.call("init", "--here")
    assert begun.code == 0, begun.err
    assert begun.out.split() == ["paperbuild.toml", ".paperbuild.schema.json", "report/report.md", ".gitignore"]
    assert {name: text for name, text in texts(project).items() if name in before} == before
    assert targets(project) == {
        "figure": {
            "run": "python scripts/generate_histogram.py -i data/input_file_{stem}.csv -o output/figure_{stem}.svg",
            "inputs": ["data/input_file_{stem}.csv", "scripts/generate_histogram.py"],
            "outputs": ["output/figure_{stem}.svg"],
            "matrix": {"stem": ["1", "2"]},
        }
    }
    pdf_is_there(project.call("render"), project, "report")
    page = (project.root / "_build/report.html").read_text()
    assert "The first data set." in page
    assert "Figure <a" in page.replace("\N{NO-BREAK SPACE}", " ") or "Figure" in page
    assert "0 ran" in project.call("render").err


def test_every_line_of_a_proposal_says_where_it_is_known_from(repository):
    project = repository(TURING)
    project.call("init", "--here")
    text = project.read("paperbuild.toml")
    assert "# the rule at Makefile:12.\n[target.figure]" in text
    assert "  # its recipe\n" in text
    assert "  # its prerequisites\n" in text
    assert "  # shown: output/figure_1.svg at line 11, output/figure_2.svg at line 13\n" in text
    assert "# Left out: Makefile:15 makes output/report.pdf: documents are paperbuild's own work.\n" in text


def test_chains_of_pattern_rules_and_no_paper_become_a_paper_that_shows_what_there_is(repository):
    project = repository(WORDS)
    assert project.call("init", "--here").code == 0
    found = targets(project)
    assert {name: table["run"] for name, table in found.items()} == {
        "ranks": "python rank.py counts/abbey.dat counts/isles.dat > ranks.txt",
        "target": "python plot.py counts/{stem}.dat plots/{stem}.svg",
        "target-2": "mkdir -p counts && python count.py books/{stem}.txt > counts/{stem}.dat",
    }
    pdf_is_there(project.call("render"), project, "paper")
    page = (project.root / "_build/paper.html").read_text()
    assert page.count("<figure") == 2
    assert project.call("run").code == 0
    assert project.read("ranks.txt") == "counts/abbey.dat 3 2\ncounts/isles.dat 3 1\n"


def test_what_only_make_can_tell_is_left_to_make(repository):
    project = repository({
        "paper.md": "![A.](a.svg)\n",
        "Makefile": "NOW = $(shell echo now)\n"
        "a.svg: data.txt\n\techo '<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>' > $@ # $(NOW)\n",
        "data.txt": "1\n",
    })  # fmt: skip
    assert project.call("init", "--here").code == 0
    assert targets(project)["a"] == {"run": "make a.svg", "inputs": ["data.txt"], "outputs": ["a.svg"]}
    pdf_is_there(project.call("render"), project, "paper")


def test_nothing_is_run_unasked(repository):
    project = repository({
        "paper.md": "![A.](a.svg)\n",
        "Makefile": "X := $(shell touch ran)\n$(eval Y := $(shell touch ran))\nall: a.svg\n\t+touch ran\na.svg:\n\ttouch ran a.svg\n",
        "a.py": "open('ran', 'w')\nopen('a.svg', 'w')\n",
    })  # fmt: skip
    assert project.call("init", "--here").code == 0
    assert not (project.root / "ran").exists()


# --- scripts alone


def test_scripts_that_were_run_once_tell_everything_and_the_project_stays_as_it_was(repository):
    project = repository(STUDY)
    before = texts(project)
    begun = project.call("init", "--here", "--trace")
    assert begun.code == 0, begun.err
    assert {name: text for name, text in texts(project).items() if name in before} == before
    assert not (project.root / "results/clean.csv").exists()
    found = targets(project)
    assert {name: (table["run"], table["inputs"], table["outputs"]) for name, table in found.items()} == {
        "clean": ("cd code && python 1_clean.py", ["code/1_clean.py", "data/raw.csv"], ["results/clean.csv"]),
        "fit": (
            "cd code && python 2_fit.py",
            ["code/2_fit.py", "results/clean.csv"],
            {"fit_csv": "results/fit.csv", "fit_json": "results/fit.json"},
        ),
        "plot": ("cd code && python 3_plot.py", ["code/3_plot.py", "results/clean.csv"], ["figures/growth.svg"]),
    }
    assert "# code/1_clean.py was run once, in a copy.\n" in project.read("paperbuild.toml")
    pdf_is_there(project.call("render"), project, "manuscript")


def test_what_scripts_say_is_enough_where_they_name_their_files(repository):
    files = dict(STUDY)
    files["code/3_plot.py"] = files["code/3_plot.py"].replace("(here / name)", "Path('../figures/growth.svg')")
    project = repository(files)
    assert project.call("init", "--here").code == 0
    assert {name: table["run"] for name, table in targets(project).items()} == {
        "plot": "cd code && python 3_plot.py",
        "fit": "cd code && python 2_fit.py",
        "clean": "cd code && python 1_clean.py",
    }
    pdf_is_there(project.call("render"), project, "manuscript")


def test_a_script_that_fails_is_told_with_its_last_words(repository):
    project = repository({"paper.md": "![A.](a.svg)\n", "a.py": "import nonexistent_module\nopen('a.svg', 'w')\n"})
    assert project.call("init", "--here", "--trace").code == 0
    text = project.read("paperbuild.toml")
    assert "# Left out: a.py failed when it was run: ModuleNotFoundError: No module named 'nonexistent_module'.\n" in text
    assert 'run = "python a.py"  # a guess\n' in text


def test_results_that_stand_on_the_disk_are_adopted_and_nothing_runs(repository):
    files = {
        **TURING,
        "output/figure_1.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "output/figure_2.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
    }
    project = repository({**files, "scripts/generate_histogram.py": "raise SystemExit('three days of training')\n"})
    begun = project.call("init", "--here")
    assert "  paperbuild adopt figure\n" in begun.err
    (project.root / "paperbuild.toml").unlink()
    (project.root / "report/report.md").unlink()
    assert project.call("init", "--here", "--adopt", "--yes").code == 0
    rendered = project.call("render")
    pdf_is_there(rendered, project, "report")
    assert "ran figure" not in rendered.err
    assert "adopted" in project.call("status").out


# --- the paper


def test_several_documents_can_be_named_the_paper(repository):
    project = repository({"a.md": "---\ntitle: A\n---\n", "b.md": "---\ntitle: B\n---\n"})
    assert project.call("init", "--here", "--paper", "a.md", "--paper", "b.md").code == 0
    assert list(tomllib.loads(project.read("paperbuild.toml"))["document"]) == ["a", "b"]
    assert project.call("render", "--to", "html").code in (0, 1)


def test_of_several_documents_one_with_the_name_of_a_paper_is_it(repository):
    project = repository({"notes.md": "---\ntitle: N\n---\n", "text/paper.md": "---\ntitle: P\n---\n\nText.\n"})
    assert project.call("init", "--here").code == 0
    assert tomllib.loads(project.read("paperbuild.toml"))["paper"]["source"] == "text/paper.md"


def test_an_empty_folder_becomes_a_paper_without_anything(repository):
    project = repository({})
    assert project.call("init", "--here").code == 0
    pdf_is_there(project.call("render"), project, "paper")


def test_a_gitignore_is_changed_only_with_yes_and_the_difference_is_shown(repository):
    project = repository({**WORDS, ".gitignore": "*.pyc\n"})
    assert "+_build/" in project.call("init", "--here", "-n").out
    assert project.call("init", "--here").code == 0
    assert project.read(".gitignore") == "*.pyc\n"


def test_the_answer_in_json_names_files_and_what_can_be_adopted(repository):
    project = repository({**WORDS, "ranks.txt": "old\n"})
    answer = json.loads(project.call("init", "--here", "-n", "--json").out)
    assert (answer["written"], answer["adoptable"]) == (False, ["ranks"])
    assert "paperbuild.toml" not in texts(project)


def test_it_goes_without_a_trace(repository):
    project = repository(TURING)
    before = texts(project)
    answer = json.loads(project.call("init", "--here", "--vscode", "--json").out)
    project.call("render", "--to", "html")
    project.call("clean")
    for file in answer["files"]:
        (project.root / file["path"]).unlink()
    shutil.rmtree(project.root / ".paperbuild")
    shutil.rmtree(project.root / "_build", ignore_errors=True)
    assert texts(project) == before


HOSTILE = {
    "paper.md": "![A.](<out put/a b.svg>)\n\n![B.](%C3%A4.csv)\n",
    "sub folder/make it.py": "open('out put/a b.svg', 'w').write('<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>')\n"
    "print('{braces}', open('ä.csv', 'w').write('a,b\\n1,2\\n'))\n",
    "mean.py": "open('unused.json', 'w').write('{}')\n",
    "unused.json": "{}",
    "broken.py": "\0\xff not python '",
    "Makefile": "%.x: %.x\n\ttouch $@\na: a\n:\n\t\nb: ; echo ${\nifeq (a,b)\nc: $(call f,1)\nendif\ndefine X\n y\nendef\n",
}


@pytest.mark.parametrize("more", [[], ["--trace"]])
def test_names_and_texts_that_are_hard_to_handle_are_handled(repository, more):
    project = repository(HOSTILE)
    begun = project.call("init", "--here", *more)
    assert begun.code == 0, begun.err
    pdf_is_there(project.call("render", "--adopt"), project, "paper")


def test_a_trial_that_is_interrupted_leaves_nothing_behind(repository, monkeypatch, tmp_path_factory):
    place = tmp_path_factory.mktemp("tmp")
    monkeypatch.setenv("TMPDIR", str(place))
    project = repository({"paper.md": "![A.](a.svg)\n", "a.py": "import subprocess\nsubprocess.run(['sleep', '83.25'])\n"})
    before = texts(project)
    process = project.start("init", "--here", "--trace")
    assert process.stderr.readline() == "running a.py, in a copy\n"
    while not asleep():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, "PB198" in said) == (130, True)
    assert not asleep()
    assert texts(project) == before
    assert list(place.iterdir()) == []


def asleep():
    return subprocess.run(["pgrep", "-f", "sleep 83.25"], capture_output=True, check=False).returncode == 0


def test_with_json_there_is_one_object_also_when_results_are_adopted(repository):
    project = repository({**WORDS, "ranks.txt": "old\n"})
    answer = project.call("init", "--here", "--adopt", "--json")
    assert json.loads(answer.out)["command"] == "init"
    assert project.read("ranks.txt") == "old\n"


def test_line_ends_and_bytes_of_a_gitignore_stay(repository):
    project = repository(WORDS)
    (project.root / ".gitignore").write_bytes(b"*.pyc\r\n\xff\r\n")
    assert project.call("init", "--here", "--yes").code == 0
    assert (project.root / ".gitignore").read_bytes() == b"*.pyc\r\n\xff\r\n_build/\n"


def test_two_papers_of_one_name_are_told_apart(repository):
    project = repository({"a/paper.md": "---\ntitle: A\n---\n\nText.\n", "b/paper.md": "---\ntitle: B\n---\n\nText.\n"})
    assert project.call("init", "--here", "--paper", "a/paper.md", "--paper", "b/paper.md").code == 0
    assert project.call("render", "--to", "html").out.split() == ["_build/paper.html", "_build/paper-2.html"]


def test_a_rule_that_makes_no_file_tells_how_its_script_is_run(repository):
    project = repository({
        "paper.md": "![A.](fig/a.svg)\n",
        "src/draw.py": "import sys\nassert sys.argv[1:] == ['--fast']\n"
        "open('fig/a.svg', 'w').write('<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>')\n",
        "Makefile": ".PHONY: figures\nfigures:\n\tpython src/draw.py --fast\n",
    })  # fmt: skip
    assert project.call("init", "--here").code == 0
    assert 'run = "python src/draw.py --fast"  # as Makefile:2 runs it\n' in project.read("paperbuild.toml")
    pdf_is_there(project.call("render"), project, "paper")


def test_scripts_that_make_knows_are_not_tried(repository):
    project = repository({**TURING, "extra.py": "open('extra.csv', 'w').write('a\\n1\\n')\n"})
    begun = project.call("init", "--here", "--trace")
    assert "running extra.py" in begun.err
    assert "generate_histogram" not in begun.err
    assert "extra" in targets(project)


def test_a_template_can_be_chosen_and_what_is_for_new_papers_is_refused(repository):
    project = repository(WORDS)
    assert project.call("init", "--here", "--title", "x").err.startswith("error[PB180]: --title says something only without --here")
    assert project.call("init", "--here", "--template", "nosuch").code == 2
    assert project.call("init", "--here", "--template", "preprint").code == 0
    assert tomllib.loads(project.read("paperbuild.toml"))["paper"]["template"] == "preprint"


LATEX = r"""\documentclass{article}
\newcommand{\pair}[1]{\begin{figure}\centering
  \subfigure[Left of #1.]{\includegraphics[height=3cm]{figs/#1}\label{fig:left-#1}}%
  \quad
  \subfigure[Right.]{\includegraphics{figs/right.svg}}
  \caption{Both of #1.}\label{both-#1}
\end{figure}}
\title{Parts}
\begin{document}
\section{Results}\label{results}
Figure~\ref{both-one} with \ref{fig:left-one}, table~\ref{tab:a}, section~\ref{results}, equation \eqref{eq:x}, and \cite{knuth}.
\pair{one}
\begin{equation}\label{eq:x} x^2 = 1 \end{equation}
\begin{table}\caption{A table.}\label{tab:a}\begin{tabular}{lr}\hline a & b\\ \hline 1 & 2\\ \hline\end{tabular}\end{table}
\input{end}
\bibliography{refs}
\end{document}
"""


def test_a_paper_in_latex_keeps_figures_with_parts_tables_references_and_citations(repository):
    square = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    project = repository({
        "main.tex": LATEX,
        "end.tex": "The very end.\n",
        "refs.bib": "@book{knuth, author={Knuth, Donald}, title={Literate Programming}, year=1992, publisher={CSLI}}\n",
        "figs/one.svg": square,
        "figs/right.svg": square,
    })  # fmt: skip
    assert project.call("init", "--here").code == 0
    rendered = project.call("render", "--to", "html")
    assert rendered.code == 0, rendered.err
    page = (project.root / "_build/main.html").read_text()
    assert page.count("<svg xmlns") + page.count("<img") >= 2
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.replace("&nbsp;", " ").replace("\N{NO-BREAK SPACE}", " ")))
    for words in (
        "Figure 1 with 1a, table 1, section 1, equation (1), and",
        "Left of one.",
        "Both of one.",
        "A table.",
        "The very end.",
        "Knuth",
    ):
        assert words in said, words
