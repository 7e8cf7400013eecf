"""What ``watch`` shows of an edit before it builds."""

from msgspec import structs

from paperbuild.cli.following import Followed
from paperbuild.engine.graph import Output
from paperbuild.live.drafting import DiskReader
from paperbuild.paper.manifest import default_manifest
from paperbuild.paper.plan import plan_of
from tests.integration.following import SVG, Unset, action

TEXT = """---
title: A paper
bibliography: refs.bib
---

# One

Some words.

![A picture.](a.svg)

# Two

More words, as in @sec:x.

# Three {#sec:x}
"""
PDF = structs.replace(action(format="pdf"), id="paper.pdf", outputs=(Output("pdf", "_build/paper.pdf"),))


class Recording(DiskReader):
    """Remembers what was read."""

    def __init__(self, root):
        super().__init__(root)
        self.paths = set()

    def read(self, path):
        self.paths.add(path)
        return super().read(path)


def test_an_edit_is_shown_from_its_text_alone_and_the_run_that_follows_reads_all(tmp_path):
    (tmp_path / "paper.md").write_text(TEXT)
    (tmp_path / "refs.bib").write_text("")
    (tmp_path / "a.svg").write_bytes(SVG)
    pages, jobs = [], []
    followed = Followed(Unset(), lambda name, blocks: pages.append((name, blocks.page)), lambda name, job: jobs.append((name, job.source)))
    try:
        followed.look(action(), DiskReader(str(tmp_path)))
        assert (pages, followed.blocks("paper.html")) == ([], None)  # nothing was shown before
        runner = followed.runner(plan_of(default_manifest("paper.md")), str(tmp_path), fetches=False)
        for document in (action(), PDF):
            runner.run(document, DiskReader(str(tmp_path)))
        (tmp_path / "paper.md").write_text(TEXT.replace("Some words", "Some other words"))
        (tmp_path / "a.svg").write_bytes(SVG.replace(b"teal", b"navy"))
        reader = Recording(str(tmp_path))
        for document in (action(), PDF):
            followed.look(document, reader)
        assert reader.paths == {"paper.md"}
        assert [name for name, _ in jobs] == ["paper"]
        assert "Some other words" in jobs[0][1]
        assert b"Some other words" in pages[-1][1]
        early = len(pages)
        result = runner.run(action(), reader)
        assert reader.paths >= {"paper.md", "a.svg", "refs.bib"}
        assert [page for _, page in pages[early:]] == [result.outputs["html"]] == [followed.blocks("paper.html").page]
        assert pages[-1] != pages[early - 1]  # with the new picture
        (tmp_path / "paper.md").write_text(TEXT.replace("# Two", "# Two, renamed"))
        count = len(pages)
        followed.look(action(), reader)
        assert len(pages) == count  # that takes all of the page
    finally:
        followed.close()
