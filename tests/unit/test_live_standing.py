"""How the paper stands, from what builds tell."""

from paperbuild.diagnostics import Diagnostic, Severity, Span
from paperbuild.engine.graph import Action, Command, Graph, Output, Step
from paperbuild.events import ActionEnded, ActionStarted, ActionWaits, BuildEnded, BuildStarted, BuildWaits, Noticed, Outcome
from paperbuild.live.epochs import Page, Sheet
from paperbuild.live.hub import Hub, Rendered
from paperbuild.live.pages import split
from paperbuild.live.reporting import Reporter
from paperbuild.live.standing import Phase, Standing, after, ended, fault_of, with_words

GRAPH = Graph(
    (
        Action("train", "train", Command("train"), (Output("0", "a.svg"),)),
        Action("paper.html", "paper", Step("document", ()), (Output("html", "_build/paper.html"),), needs=("train",)),
    )
)
ERROR = Diagnostic("PB400", "it failed", Span("paper.md", 3, 5, 2, "some line"), help=("mend it",))
HELD = Diagnostic("PB431", "train is stale, and heavy")


def stood(*events, standing=None):
    standing = standing or Standing()
    for n, event in enumerate(events):
        standing = after(standing, event, GRAPH, 100.0 + n)
    return standing


def test_what_runs_is_told_with_since_when_and_of_about_how_long():
    standing = stood(BuildStarted(2), ActionStarted("train", "it changed", 12.0))
    (running,) = standing.running
    assert (standing.phase, standing.settled, standing.total) == (Phase.BUILDING, 0, 2)
    assert (running.target, running.outputs, running.since_s, running.estimate_s) == ("train", ("a.svg",), 101.0, 12.0)
    assert not running.document


def test_an_action_that_is_tried_again_runs_once():
    standing = stood(BuildStarted(2), ActionStarted("train", "a", None), ActionStarted("train", "a", None))
    assert [one.since_s for one in standing.running] == [102.0]


def test_what_is_good_neither_runs_nor_waits():
    standing = stood(BuildStarted(2), ActionStarted("train", "a", None), ActionEnded("train", Outcome.RAN, 1.0), BuildEnded((), 1.5))
    assert (standing.running, standing.waiting, standing.settled, standing.duration_s) == ((), (), 1, 1.5)
    assert ended(standing, ()).phase is Phase.FRESH


def test_a_held_target_makes_the_paper_stale_and_is_no_error():
    standing = ended(stood(BuildStarted(2), ActionEnded("train", Outcome.HELD, 0), ActionEnded("paper.html", Outcome.BLOCKED, 0)), (HELD,))
    assert (standing.phase, standing.held, standing.errors, standing.faults) == (Phase.STALE, ("train",), 0, ())
    assert [one.action for one in standing.waiting] == ["train", "paper.html"]


def test_an_error_makes_it_failed_and_stays_until_the_next_build_has_ended():
    failed = ended(stood(BuildStarted(2), ActionEnded("train", Outcome.FAILED, 1.0)), (ERROR,))
    assert (failed.phase, failed.errors) == (Phase.FAILED, 1)
    again = stood(BuildStarted(2), ActionStarted("train", "a", None), standing=failed)
    assert (again.phase, again.faults) == (Phase.BUILDING, failed.faults)
    assert ended(again, ()).faults == ()


def test_a_warning_is_told_and_a_note_is_not():
    warning = Diagnostic("PB416", "w", severity=Severity.WARNING)
    standing = ended(Standing(), (warning, Diagnostic("PB417", "n", severity=Severity.NOTE)))
    assert (standing.phase, [fault.code for fault in standing.faults]) == (Phase.FRESH, ["PB416"])


def test_a_fault_holds_place_line_and_help():
    fault = fault_of(ERROR)
    assert (fault.path, fault.line, fault.column, fault.length, fault.text, fault.help) == ("paper.md", 3, 5, 2, "some line", ("mend it",))
    assert fault_of(HELD).line == 0


def test_the_last_words_of_logs_are_those_of_what_runs():
    standing = with_words(stood(ActionStarted("train", "a", None)), {"train": "epoch 3", "gone": "x"})
    assert [one.words for one in standing.running] == ["epoch 3"]


def test_a_reporter_publishes_each_step_and_the_documents_last(tmp_path):
    hub = Hub("s")
    reporter = Reporter(hub, clock=lambda: 5.0)
    reporter.begin(str(tmp_path), GRAPH, lambda _: "")
    for event in (BuildStarted(2), ActionStarted("train", "a", None), Noticed(ERROR)):
        reporter(event)
    assert [one.action for one in hub.now.standing.running] == ["train"]
    standing = reporter.end((), [Rendered("paper", split('<body><div class="body">\n<p>x</p>\n</div></body>'))], edited=True)
    assert standing.errors == 1
    assert hub.now.standing == standing
    assert hub.now.sheet("paper") == Sheet("paper", Page('<body><div class="body">\n', ("<p>x</p>\n",), "</div></body>"))
    assert hub.now.edited


def test_a_new_figure_is_in_the_page_before_the_build_is_over(tmp_path):
    (tmp_path / "a.svg").write_bytes(b"<svg/>")
    hub = Hub("s")
    reporter = Reporter(hub)
    data = '<script type="application/json" id="provenance">[{"index": 1, "output": "a.svg"}]</script>'
    html = f'<div class="body"><figure data-pb="1"><img src="data:image/svg+xml;base64,AAAA"></figure></div>{data}'
    reporter.end((), [Rendered("paper", split(html))])
    reporter.begin(str(tmp_path), GRAPH, lambda _: "")
    reporter(ActionEnded("train", Outcome.RAN, 1.0, ("a.svg", "gone.png")))
    assert "PHN2Zy8+" in hub.now.sheet("paper").page.text
    reporter.end((), None)


def test_what_waits_for_another_build_says_so():
    standing = stood(BuildWaits("4711"))
    assert (standing.phase, standing.note) == (Phase.BUILDING, "waits for another build of this project")
    standing = stood(BuildStarted(2), ActionWaits("train"), standing=standing)
    assert standing.note == ""
    assert [(one.action, one.words) for one in standing.running] == [("train", "another build runs it; this one takes its result")]


def test_the_same_fault_of_two_documents_is_told_once(tmp_path):
    reporter = Reporter(Hub("s"))
    reporter.begin(str(tmp_path), GRAPH, lambda _: "")
    for name in ("paper.html", "paper.pdf"):
        reporter(Noticed(Diagnostic("PB211", "no target nope", needed_by=(name,))))
    (fault,) = reporter.end((), None).faults
    assert fault.needed_by == ("paper.html", "paper.pdf")


def test_what_is_wrong_in_a_text_that_is_edited_meanwhile_is_told_at_once_and_taken_back_at_once():
    hub = Hub("s")
    reporter = Reporter(hub)
    other = Diagnostic("PB401", "train failed", Span("train.py", 1, 1))
    reporter.end((ERROR, other), None)
    reporter(BuildStarted(2))
    slip = Diagnostic("PB211", "no such value", Span("paper.md", 9, 1))
    reporter.drafted(("paper.md",), (slip, Diagnostic("PB299", "by the way", severity=Severity.WARNING)))
    assert [fault.code for fault in hub.now.standing.faults] == ["PB401", "PB211"], "of the text, what is wrong now"
    assert hub.now.standing.phase is Phase.BUILDING
    reporter.drafted(("paper.md",), (slip,))
    assert [fault.code for fault in hub.now.standing.faults] == ["PB401", "PB211"]
    reporter.drafted(("paper.md",), ())
    assert [fault.code for fault in hub.now.standing.faults] == ["PB401"]


def test_a_block_of_a_page_that_somebody_still_shows_is_found_in_the_present_one():
    hub = Hub("s")
    page = '<html><head></head><body><div class="body">\n{}\n</div></body></html>'
    hub.publish(Standing(), [Rendered("paper", split(page.format("<p>a</p>\n<p>b</p>\n<p>c</p>")))])
    then = hub.now.epoch
    assert hub.block("paper", then, 1)[1] == 1
    hub.publish(Standing(), [Rendered("paper", split(page.format("<p>new</p>\n<p>a</p>\n<p>b</p>\n<p>x</p>")))])
    assert hub.block("paper", then, 1)[1] == 2
    assert hub.block("", then, -1)[1] == -1, "what stands around the blocks"
    for name, epoch, number in (("paper", then, 2), ("paper", then, 3), ("paper", 99, 0), ("other", then, 0)):
        assert hub.block(name, epoch, number) is None


def test_a_sketch_stands_in_the_place_of_the_pdf_until_there_is_one():
    hub = Hub("session")
    hub.publish(Standing(), [Rendered("paper", Page("", ("<p>x</p>",), ""), b"%PDF old"), Rendered("other", None, b"%PDF other")])
    before = hub.now
    hub.sketch("paper", "token")
    assert hub.now.sheet("paper").pdf == "token"
    assert hub.file("token") == b"%PDF old"
    assert hub.now.sheet("other") == before.sheet("other")
    update = hub.update("paper", before.epoch)
    assert (update.pdf, update.page, update.edited) == ("token", None, True)
    hub.publish(Standing(), [Rendered("paper", Page("", ("<p>x</p>",), ""), b"%PDF new")])
    assert hub.file("token") is None
    assert hub.file(hub.now.sheet("paper").pdf) == b"%PDF new"
