"""What `nbtrack.compare` says of runs: groups, the verdict, and what the page gets."""

import json
import math

import pytest

import nbtrack
from nbtrack.errors import QueryError, RunNotFound, UsageError
from nbtrack.evaluate import compare

A = [0.906, 0.914, 0.909, 0.915, 0.907]
B = [0.915, 0.922, 0.916, 0.921, 0.917]


@pytest.fixture
def sweep(run):
    for lr, finals in ((0.005, A), (0.002, B)):
        for seed, final in enumerate(finals):
            run([0.1, final], {"lr": lr, "dropout": 0.1 if lr > 0.003 else 0.2}, seed)


def detail(comparison):
    return "".join(text for text, _ in comparison.detail)


def test_runs_that_differ_in_the_seed_are_a_group(sweep, store):
    found = compare(store=store)
    assert [(g.letter, g.n, g.seeds) for g in found.groups] == [
        ("A", 5, [0, 1, 2, 3, 4]),
        ("B", 5, [0, 1, 2, 3, 4]),
    ]
    assert [g.params["lr"] for g in found.groups] == [0.005, 0.002]


def test_the_sentence_is_the_one_of_the_mockup_and_names_what_else_differs(sweep, store):
    found = compare(store=store)
    assert found.verdict.kind == "better"
    # means 91.02 and 91.82; errors by hand: half = 2.33 * sqrt((0.165 + 0.0967) / 5) = 0.53
    assert found.sentence == "B is better than A by 0.8 points (95 % CI 0.3 to 1.3; 5 seeds each)"
    assert "lr 0.002 against 0.005" in detail(found)
    assert "also differ in dropout, so lr alone may not be the cause" in detail(found)
    assert found.params_diff().to_dict() == {
        "A": {"lr": 0.005, "dropout": 0.1},
        "B": {"lr": 0.002, "dropout": 0.2},
    }


def test_a_seed_is_also_found_among_the_parameters(run, store):
    for seed in range(3):
        run(0.9 + seed / 100, {"lr": 0.1, "random_state": seed})
    (group,) = compare(store=store).groups
    assert group.seeds == [0, 1, 2]


@pytest.mark.parametrize("seed_call", ["torch.manual_seed({})", "set_seed({})", "seed = {}"])
def test_a_seed_in_the_code_is_no_other_code(run, store, seed_call):
    for seed in range(3):
        run(0.9, {"lr": 0.1}, seed, source=f"{seed_call.format(seed)}\nfit(lr=0.1)")
    assert len(compare(store=store).groups) == 1


def test_a_sweep_in_several_cells_is_one_sweep(run, store):
    """The loops that call the training say no more than the parameters of each run."""
    sources = [
        "for lr in (0.1, 0.2):\n    train(lr, seed=0)\n\nnbtrack.compare()",
        "for seed in range(1, 5):\n    for lr in (0.1, 0.2):\n        train(lr, seed)\nfound",
        "for lr in (0.3,):\n    for seed in range(5):\n        train(lr, seed)",
    ]
    for seed, source in enumerate(sources):
        run(0.9 + seed / 100, {"lr": 0.1}, seed, source=source)
    assert [g.n for g in compare(store=store).groups] == [3]
    run(0.9, {"lr": 0.1}, 7, source="for lr in (0.1,):\n    train(lr, seed=0, epochs=9)")
    assert [g.n for g in compare(store=store).groups] == [3, 1]


def test_other_code_is_another_group(run, store):
    run(0.9, {"lr": 0.1}, 0, source="model = small()")
    run(0.9, {"lr": 0.1}, 1, source="model = large()")
    found = compare(store=store)
    assert [g.n for g in found.groups] == [1, 1]
    assert found.groups[0].label != found.groups[1].label
    assert found.code_diff().cells[0].kind == "edited"
    assert "code" in detail(found)


def test_one_run_each_cannot_be_told(run, store):
    run(0.90, {"lr": 0.1}, 0)
    run(0.95, {"lr": 0.2}, 0)
    found = compare(store=store)
    assert found.verdict.kind == "unknown"
    assert found.sentence.startswith("Cannot know whether B is better: one run each. Run 4 more")
    assert found.verdict.interval is None
    assert "B is ahead by 5.0 points, which may be the luck of a seed" in detail(found)


def test_within_noise_it_says_how_many_more_seeds_would_do(run, store):
    for seed, (a, b) in enumerate([(0.90, 0.91), (0.92, 0.94), (0.91, 0.92)]):
        run(a, {"lr": 0.1}, seed)
        run(b, {"lr": 0.2}, seed)
    found = compare(store=store)
    assert found.verdict.kind == "noise"
    assert found.verdict.more == 13  # n = 16: (t(26) 2.056 + 0.856) sqrt(3.33 / 16) = 1.33
    assert "within seed noise" in found.sentence
    assert f"about {found.verdict.more} more seeds each would settle it" in found.sentence


def test_of_a_loss_lower_is_better(run, store):
    for seed in range(4):
        run(0.5 + seed / 100, {"lr": 0.1}, seed, key="loss")
        run(0.3 + seed / 100, {"lr": 0.2}, seed, key="loss")
    found = compare(store=store)
    assert found.sentence.startswith("B is better than A by 0.2")
    assert found.verdict.interval.mean == pytest.approx(0.2)
    assert "lower is better" in detail(found)
    assert compare(store=store, better="higher").sentence.startswith("A is better than B")


def test_runs_that_do_not_count_are_told_and_left_out(run, store):
    for seed in range(3):
        run(0.9 + seed / 100, {"lr": 0.1}, seed)
        run(0.8 + seed / 100, {"lr": 0.2}, seed)
    run(math.nan, {"lr": 0.2}, 3)
    run(0.99, {"lr": 0.2}, 4, status="failed")
    found = compare(store=store)
    assert [group.n for group in found.groups] == [3, 3]
    told = " ".join(found.verdict.excluded)
    assert "the value is NaN; that flatters the group" in told
    assert "failed" in told
    assert found.table()["why not"].tolist()[:2] == ["failed", "NaN"]


def test_a_repeated_seed_is_no_new_evidence(run, store):
    for seed in (0, 0, 0, 1):
        run(0.9 + seed / 100, {"lr": 0.1}, seed)
        run(0.8 + seed / 100, {"lr": 0.2}, seed)
    found = compare(store=store)
    assert [group.n for group in found.groups] == [2, 2]
    assert "4 runs of 2 seeds" in detail(found)


def test_seeds_that_change_nothing_give_no_interval(run, store):
    for seed in range(3):
        run(0.9, {"lr": 0.1}, seed)
        run(0.95, {"lr": 0.2}, seed)
    found = compare(store=store)
    assert found.verdict.kind == "equal"
    assert "in every run" in found.sentence


def test_of_three_groups_the_best_is_held_against_the_next(run, store):
    for seed in range(5):
        for lr, level in ((0.1, 0.7), (0.2, 0.9), (0.3, 0.8)):
            run(level + seed / 1000, {"lr": lr}, seed)
    found = compare(store=store)
    assert found.sentence.startswith("B is better than C by 10")
    assert "B is better than A too." in detail(found)
    assert "3 pairs of 3 groups" in found.verdict.method
    chosen = found.choose({"a": "A", "b": "C"})
    assert chosen.sentence.startswith("C is better than A by 10")


def test_pairs_of_seeds_when_asked_for(run, store):
    for seed, base in enumerate([0.1, 0.5, 0.9, 0.3]):
        run(base, {"lr": 0.1}, seed, key="score")
        run(base + 0.01 + seed / 1000, {"lr": 0.2}, seed, key="score")
    assert compare(store=store).verdict.kind == "noise"
    found = compare(store=store, paired=True)
    assert found.verdict.kind == "better"
    assert "4 pairs of seeds" in found.sentence


@pytest.mark.parametrize("statistic", ["last", "best", "min"])
def test_the_statistic_that_was_asked_for(run, store, statistic):
    run([0.1, 0.9, 0.5], {"lr": 0.1}, 0)
    want = {"last": 50.0, "best": 90.0, "min": 10.0}[statistic]
    assert compare(store=store, statistic=statistic).groups[0].mean == pytest.approx(want)


def test_what_runs_are_meant(sweep, store, run):
    first = compare("lr = 0.005", store=store)
    assert [g.n for g in first.groups] == [5]
    assert first.payload(["head"])["head"]["choice"]["query"] == "lr = 0.005"
    assert [g.label for g in compare("lr = 0.005", "lr = 0.002", store=store).groups] == [
        "lr = 0.005",
        "lr = 0.002",
    ]
    assert len(compare(-1, -2, store=store).table()) == 2
    assert len(compare(store.runs("lr = 0.005"), store=store).table()) == 5
    assert len(compare("sweep", store=store).table()) == 10
    run(0.5, name="other")
    assert compare(store=store).groups[0].label == "other"


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ("nothere", RunNotFound, "no run 'nothere'"),
        ("lr <", QueryError, "value is missing"),
        (3.5, UsageError, "compare takes runs"),
    ],
)
def test_what_cannot_be_compared_says_why(sweep, store, what, error, words):
    with pytest.raises(error, match=words):
        compare(what, store=store)


def test_unknown_metrics_and_parameters_are_named_with_the_nearest(sweep, store):
    with pytest.raises(UsageError, match=r"val/acuracy.*val/accuracy"):
        compare(store=store, metric="val/acuracy")
    with pytest.raises(UsageError, match=r"dropot.*dropout"):
        compare(store=store, group_by="dropot")


def test_an_empty_store_says_that_it_holds_no_run(store):
    with pytest.raises(RunNotFound, match="holds no run yet"):
        compare(store=store)


def test_the_payload_is_plain_json_with_markup_as_text(run, store):
    bad = "<img onerror=alert(1)>"
    for seed in range(2):
        run([0.1, math.nan, math.inf, 0.5], {bad: seed * 7, "lr": 0.1}, 0, tags=(bad,))
    found = compare(store=store)
    text = json.dumps(found.payload(), allow_nan=False)
    assert bad in text
    svg = found.static_bundle()["image/svg+xml"]
    assert "<img" not in svg
    assert "&lt;img" in svg


def test_unchecked_runs_do_not_count_and_choices_are_checked(sweep, store):
    found = compare(store=store)
    newest = found.table().index[0]
    assert found.choose({"unchecked": [newest]}).groups[1].n == 4
    assert found.groups[1].n == 5  # a choice changes no comparison
    with pytest.raises(UsageError, match="no choice 'colour'"):
        found.choose({"colour": 1})
    with pytest.raises(UsageError, match="no group 'Z'"):
        found.choose({"a": "Z"})
    assert found.choose({"query": "dropout = 0.2"}).payload(["head"])["head"]["hits"] == 5


def test_a_run_that_is_deleted_while_it_is_compared_is_told(sweep, store):
    found = compare(store=store)
    store.runs.delete(found.table().index[0])
    again = found.choose({"x": "step"})
    assert json.dumps(again.payload(), allow_nan=False)
    assert "deleted" in " ".join(again.verdict.excluded)
    assert json.dumps(found.payload(), allow_nan=False)  # the old picture stays


def test_a_running_run_has_its_curve_and_does_not_count(sweep, store):
    with nbtrack.start("sweep", params={"lr": 0.002, "dropout": 0.2}, seed=9, store=store) as now:
        now.log({"val/accuracy": 0.99})
        found = compare("sweep", store=store)
        told = " ".join(found.verdict.excluded)
    assert f"1 run of C ({now.id}) does not count: still running." in told
    assert now.id in [line["id"] for line in found.overlay()["runs"]]


def test_the_figure_and_the_text_say_the_verdict(sweep, store):
    found = compare(store=store)
    figure = found.figure()
    assert found.sentence.split("(")[0] in figure.get_suptitle().replace("\n", " ")
    assert len(figure.axes[0].lines) == 2
    assert str(found).startswith(found.sentence)
    bundle = found.static_bundle()
    assert set(bundle) == {"text/html", "image/svg+xml", "image/png", "text/plain"}
    assert "<td>A</td><td>lr 0.005, dropout 0.1</td><td>91.02</td>" in bundle["text/html"]
