"""The pages of a PDF as drawings."""

import hashlib

from paperbuild.live.drawing import NotingTypesetter, PageDrawer
from paperbuild.render.typst import Job, Typesetter


def job(*pages):
    return Job("#set page(width: 200pt, height: 100pt)\n" + "\n#pagebreak()\n".join(pages), {})


def drawn(drawer, pdf):
    return drawer.pages(hashlib.sha256(pdf).hexdigest(), pdf)


def test_only_the_drawing_of_the_page_that_changed_is_another():
    drawer = PageDrawer()
    typesetter = NotingTypesetter(drawer)
    before = drawn(drawer, typesetter.pdf(job("one", "two", "three")).data)
    after = drawn(drawer, typesetter.pdf(job("one", "TWO", "three")).data)
    assert [(page.width, page.height) for page in before] == [(200, 100)] * 3
    assert [a.digest == b.digest for a, b in zip(before, after, strict=True)] == [True, False, True]
    for page in (*before, *after):
        assert drawer.drawing(page.digest).startswith(b"<svg")


def test_a_pdf_that_was_there_before_is_drawn_from_itself():
    pdf = Typesetter().pdf(job("one", "two")).data
    pages = drawn(PageDrawer(), pdf)
    assert [(round(page.width), round(page.height)) for page in pages] == [(200, 100)] * 2
    assert pages[0].digest != pages[1].digest


def test_what_is_no_pdf_has_no_pages():
    assert drawn(PageDrawer(), b"no PDF") == ()


def test_old_drawings_are_forgotten():
    drawer = PageDrawer()
    typesetter = NotingTypesetter(drawer)
    (first,) = drawn(drawer, typesetter.pdf(job("0")).data)
    for n in range(1, 9):
        drawn(drawer, typesetter.pdf(job(str(n))).data)
    assert drawer.drawing(first.digest) is None


def test_what_is_sketched_needs_not_be_drawn_again_when_its_pdf_is_there(monkeypatch):
    drawer = PageDrawer()
    typesetter = NotingTypesetter(drawer)
    asked = job("one", "two")
    token = drawer.sketch(asked)
    sketched = drawer.pages(token, b"")
    assert drawer.is_asked(token)
    assert len(sketched) == 2
    pdf = typesetter.pdf(asked).data
    monkeypatch.setattr(drawer, "_typesetter", None)  # nothing could be drawn now
    assert drawn(drawer, pdf) == sketched
    assert not drawer.is_asked(token)


def test_what_typst_refuses_has_no_sketch():
    assert PageDrawer().sketch(job("#unknown()")) == ""
