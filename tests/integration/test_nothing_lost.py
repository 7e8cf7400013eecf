"""Five papers in the manner of JOSS, Quarto, Manubot, plain pandoc and LaTeX in Markdown: nothing of them is lost in PDF or page.

The words of the source are counted by other means than the renderer's: pandoc's plain reading of the Markdown, with raw TeX and HTML
stripped of their commands by hand. Each word must occur in the PDF's text and in the page as often as in the source. Each figure has a
colour of its own, which must be seen on a page. Each citation must have an entry, and nothing may be warned of.
"""

import html
import io
import json
import re
import shutil
import subprocess
import unicodedata
from collections import Counter
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from paperbuild.cli.main import main
from paperbuild.render.pandoc import _program

PAPERS = Path(__file__).parent.parent / "papers"

FIGURES = {
    "joss": {"reach.png": "#e6194b", "bed.svg": "#3cb44b"},
    "quarto": {"morning.svg": "#4363d8", "evening.svg": "#f58231"},
    "manubot": {"shelves.tif": "#911eb4"},
    "pandoc": {"drop.png": "#46b8b8", "wave.svg": "#f032e6", "plain.gif": "#9a6324"},
    "tex": {"tongue.pdf": "#808000", "above.jpg": "#469990", "below.bmp": "#a05080"},
}
AUTHORS = {
    "joss": ["Marit Ødegård", "Ludovico della Rovere", "Jean van der Meer Jr."],
    "quarto": ["Anneliese von Brandt", "Tomasz Wójcik", "Solveig Lund"],
    "manubot": ["Ibrahim Çelik", "Ngozi Adeyemi"],
    "pandoc": ["Fionn Ó Braonáin", "Greta Holm"],
    "tex": ["Kaspar Zurbriggen", "Léa Müller"],
}
PLACES = {
    "joss": [
        "Institute of Rivers, Northern University, Norway",
        "Laboratory of Sand, Coastal College",
        "Independent Researcher, Netherlands",
    ],
    "quarto": ["Museum of Insects, Hamburg", "Society of Clocks", "Statistics, Beekeepers' Union, Kraków, Poland", "Deceased."],
    "manubot": ["Department of Small Things, University of Izmir", "Centre for Libraries"],
    "pandoc": [],
    "tex": [],
}
CITED = {
    "joss": ["Shields", "Bagnold", "Parker", "Einstein"],
    "quarto": ["Lindauer", "Frisch"],
    "manubot": ["Okafor", "Tanaka", "Moreau", "Haddad", "Silva", "Grünwald"],
    "pandoc": [],
    "tex": ["Glen", "Nye", "Paterson", "Quiet"],
}
REFERRED = {
    "joss": ["see Figure 1 and Table 1", "by Equation (1) or Equation 1", "from Equation (2)", "stand in Table 2", "in Figure 2 was made"],
    "quarto": ["In Figure 1, and in Figure 1a most", "Table 1 has", "By Theorem 1 itself", "in Section 2 of"],
    "manubot": ["As Figure 1 shows", "Table 1 counts", "until Equation (1) meets"],
    "pandoc": ["See Section 1, Section 1, Table 1, Figure 1 and the wave"],
    "tex": ["See §1, Flow, Figures 1 and 2 and (1)", "as Theorem 1 demands", "Algorithm 3 needs Table 1"],
}
WORD = re.compile(r"[^\W\d_]{3,}")


def words(text):
    text = unicodedata.normalize("NFKC", text.replace("\u00ad", ""))
    return Counter(word.lower() for word in WORD.findall(text))


def picture(name, colour):
    """Return a picture of one colour; one file is not what its name says."""
    kind = {"png": "PNG", "tif": "TIFF", "gif": "GIF", "bmp": "BMP", "jpg": "PNG"}.get(name.rpartition(".")[2])
    if kind:
        out = io.BytesIO()
        Image.new("RGB", (120, 80), colour).save(out, kind)
        return out.getvalue()
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="120" height="80"><rect width="120" height="80" fill="{colour}"/></svg>'.encode()
    if name.endswith(".svg"):
        return svg
    import typst

    return typst.compile(b'#set page(width: 120pt, height: 80pt, fill: rgb("' + colour.encode() + b'"))\n')


@pytest.fixture(scope="module", params=sorted(FIGURES))
def rendered(request, tmp_path_factory):
    """The paper's name, its source, the text of its PDF and page, the colours on its pages, and what was told on the way."""
    name = request.param
    folder = tmp_path_factory.mktemp("paper") / name
    shutil.copytree(PAPERS / name, folder)
    (folder / "figures").mkdir()
    for figure, colour in FIGURES[name].items():
        (folder / "figures" / figure).write_bytes(picture(figure, colour))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        code = main(["-q", "render", "-j1", "--to", "pdf,html", "paper.md"])
    return name, folder, code


def pdf_text(folder):
    """Return the PDF's text as it stands, and once more with the words joined that a line end divides."""
    with pypdfium2.PdfDocument(folder / "_build" / "paper.pdf") as pdf:
        text = "\n".join(page.get_textpage().get_text_range() for page in pdf)
    return text, re.sub(r"(\w)(?:-|\u2010|\u00ad|\ufffe|\x02)\s*(\w)", r"\1\2", text)


def page_text(folder):
    text = (folder / "_build" / "paper.html").read_text()
    text = re.sub(r"(?s)<(script|style|svg|annotation)\b.*?</\1>", " ", text)
    text = re.sub(r"</?(em|strong|span|a|sub|sup|code|mark|cite|wbr|b|i)\b[^>]*>", "", text)
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def flat(text):
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


TEX_ARGUMENTS = re.compile(
    r"\\(?:label|[a-zA-Z]*ref|[a-zA-Z]*cite[a-zA-Z]*\*?|includegraphics|usepackage|vspace|multirow|cmidrule|url|caption|SI|newtheorem)"
    r"(?P<options>(?:\s*\[[^\]]*\]|\([^)]*\))*)\s*(?P<argument>\{[^{}]*\})"
)


def tex_words(text):
    """Return the words that TeX shows: commands, their arguments that are no words, formulas and column types taken out."""
    text = re.sub(r"(?s)\\begin\{(align|equation)\*?\}.*?\\end\{\1\*?\}|\$[^$]*\$", " ", text)
    text = re.sub(r"\\newcommand.*|\\newtheorem.*|\\usepackage.*", " ", text)
    text = re.sub(r"\\multicolumn\{\d\}\{\w\}|\\multirow\{\d\}\{\*\}|\\begin\{tabular\}\{[^\n]*|\\begin\{algorithmic\}\[1\]", " ", text)
    text = re.sub(r"\\href\{[^}]*\}|\\hspace\{[^}]*\}|\\(?:begin|end)\{\w+\*?\}(?:\[[htbp!]+\]|\{\d\})?", " ", text)
    text = TEX_ARGUMENTS.sub(lambda found: found["argument"] if found[0].startswith("\\caption") else " ", text)
    text = re.sub(r"(?m)(?<!\\)%.*", " ", text)
    return re.sub(r"\\[a-zA-Z]+|\\.|[{}&~\[\]]", " ", text)


INSIDE_WORDS = {"Emph", "Strong", "Span", "Superscript", "Subscript", "Strikeout", "SmallCaps", "Underline"}
UNSEEN = {"Math", "Cite", "Image"}  # the text of an image is for those who do not see it


def raw_words(form, text):
    return tex_words(text) if form in {"tex", "latex"} else re.sub(r"<!--.*?-->|<[^>]+>", " ", text)


def shown(node):
    """Yield the pieces of text of a part of pandoc's tree."""
    if isinstance(node, list):
        for child in node:
            yield from shown(child)
            yield " " if isinstance(child, list) else ""
    elif isinstance(node, dict):
        kind, content = node.get("t"), node.get("c")
        gap = "" if kind in INSIDE_WORDS or kind == "Str" else " "
        yield gap
        if kind == "Str":
            yield content
        elif kind in {"Code", "CodeBlock"}:
            yield content[1]
        elif kind in {"RawInline", "RawBlock"}:
            yield raw_words(*content)
        elif kind not in UNSEEN:
            yield from shown(content[1] if kind in {"Link", "Figure"} else content)
        yield gap


def source_text(folder):
    """Return what the source shows, by pandoc's plain tree of it: text, code, titles, abstract; raw nodes by hand."""
    source = (folder / "paper.md").read_bytes()
    done = subprocess.run([_program(), "-f", "markdown", "-t", "json"], input=source, capture_output=True, check=True)
    tree = json.loads(done.stdout)
    seen = [tree["blocks"], *(tree["meta"].get(key, []) for key in ("title", "subtitle", "abstract", "keywords"))]
    return re.sub(r"\{#\w+:\w+\}", " ", "".join(shown(seen)))


def missing(expected, found):
    assert sum(expected.values()) > 50, "the source was not read"
    return {word: (count, found[word]) for word, count in expected.items() if found[word] < count}


def test_a_paper_of_any_manner_is_rendered_without_a_word_of_warning(rendered, capsys):
    name, folder, code = rendered
    assert code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.rmtree(".paperbuild")
        shutil.rmtree("_build")
        assert main(["-q", "render", "-j1", "--to", "pdf,html", "paper.md"]) == 0, name
    assert capsys.readouterr().err == ""


def test_no_word_is_lost_in_the_pdf(rendered):
    _, folder, _ = rendered
    plain, joined = pdf_text(folder)
    found = words(plain) | words(joined)
    assert missing(words(source_text(folder)), found) == {}


def test_no_word_is_lost_in_the_page(rendered):
    _, folder, _ = rendered
    assert missing(words(source_text(folder)), words(page_text(folder))) == {}


@pytest.mark.parametrize("target", ["pdf", "html"])
def test_no_hole_is_left_and_every_author_and_place_is_named(rendered, target):
    name, folder, _ = rendered
    text = flat(pdf_text(folder)[1] if target == "pdf" else page_text(folder))
    for hole in ("??", "\\ref", "\\label", "\\begin", "[@", "@fig", "@doi", "@tbl", " true", "pb-", "{#"):
        assert hole not in text
    for person in AUTHORS[name]:
        assert person in re.sub(r"[\d†✻§‡*,]+(?=,| |$)", "", text) or person in text
    for place in PLACES[name]:
        assert place in text.replace("\u2019", "'")


@pytest.mark.parametrize("target", ["pdf", "html"])
def test_every_reference_is_resolved_and_every_citation_has_its_entry(rendered, target):
    name, folder, _ = rendered
    text = flat(pdf_text(folder)[1] if target == "pdf" else page_text(folder))
    for expected in REFERRED[name]:
        assert expected in text
    assert len(re.findall(r'class="csl-entry"', (folder / "_build" / "paper.html").read_text())) == len(CITED[name])
    references = text[text.rfind("References") :]
    for author in CITED[name]:
        assert author in references


def test_every_figure_is_seen_on_a_page_of_the_pdf(rendered):
    name, folder, _ = rendered
    seen = set()
    with pypdfium2.PdfDocument(folder / "_build" / "paper.pdf") as pdf:
        for page in pdf:
            image = page.render(scale=1).to_pil().convert("RGB")
            seen |= {colour for count, colour in image.getcolors(1 << 24) if count > 40}
    for figure, colour in FIGURES[name].items():
        wanted = tuple(int(colour[n : n + 2], 16) for n in (1, 3, 5))
        assert any(max(abs(a - b) for a, b in zip(wanted, other, strict=True)) < 6 for other in seen), figure


def test_every_figure_is_a_picture_of_the_page(rendered):
    name, folder, _ = rendered
    sources = re.findall(r'<img[^>]*\bsrc="([^"]*)"', (folder / "_build" / "paper.html").read_text())
    assert len(sources) == len(FIGURES[name])
    assert all(source.startswith("data:image/") for source in sources)
