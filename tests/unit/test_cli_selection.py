import pytest

from paperbuild.cli.selection import selected
from paperbuild.engine.graph import Action, Command, Graph, Output
from paperbuild.errors import UsageError


def cell(lr, seed):
    return Action(
        id=f"train[lr={lr},seed={seed}]",
        target="train",
        recipe=Command("true"),
        outputs=(Output("m", f"build/{lr}-{seed}.json"),),
        params=(("lr", lr), ("seed", seed), ("fast", True)),
    )


GRAPH = Graph(
    [
        *(cell(lr, seed) for lr in (0.1, 0.2) for seed in (0, 1)),
        Action(id="roc", target="roc", recipe=Command("true"), outputs=(Output("f", "figures/roc.svg"), Output("d", "data/"))),
        Action(id="paper.pdf", target="paper", recipe=Command("true"), outputs=(Output("pdf", "_build/paper.pdf"),)),
    ]
)


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("roc", ["roc"]),
        ("paper.pdf", ["paper.pdf"]),
        ("paper", ["paper.pdf"]),
        ("train[lr=0.1,seed=1]", ["train[lr=0.1,seed=1]"]),
        ("train[seed=1,lr=0.1]", ["train[lr=0.1,seed=1]"]),
        ("train[seed=0]", ["train[lr=0.1,seed=0]", "train[lr=0.2,seed=0]"]),
        ("train[seed=0, fast=true]", ["train[lr=0.1,seed=0]", "train[lr=0.2,seed=0]"]),
        ("figures/roc.svg", ["roc"]),
        ("roc.svg", ["roc"]),
        ("./roc.svg", ["roc"]),
        ("data/inner.csv", ["roc"]),
    ],
)
def test_a_word_means_a_target_some_cells_an_action_or_an_output(word, ids):
    assert list(selected([word], GRAPH, "/p", "/p/figures")) == ids


def test_an_action_named_twice_is_wanted_once():
    assert selected(["roc", "figures/roc.svg"], GRAPH, "/p", "/p") == ("roc",)


@pytest.mark.parametrize(
    ("word", "advice"), [("rok", "did you mean roc?"), ("figure/roc.svg", "figures/roc.svg"), ("zzz", "the targets are")]
)
def test_a_word_that_means_nothing_is_told_with_what_was_meant(word, advice):
    with pytest.raises(UsageError) as caught:
        selected([word, "train[seed=7]"], GRAPH, "/p", "/p")
    first, second = caught.value.diagnostics
    assert advice in first.help[0]
    assert "train[seed=7]" in second.message
