"""The page that tells how a repetition compares with its run."""

import math
import re
import shutil
from html.parser import HTMLParser

import pytest

from nbtrack.records import ComparedSeries, Difference, Reproduction
from nbtrack.views import reproduction_html

LOSSES = [2.0 / (step + 1) for step in range(60)]
VOID = {"circle", "path", "br", "hr", "img"}


class Page(HTMLParser):
    """A page as a person reads it: its visible text, its tags, and whether all are closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.items, self.open = [], "", [], []
        self.titles = []
        self.feed(html)
        assert self.open == [], f"not closed: {self.open}"
        self.text = " ".join(self.text.split())
        self.items = [" ".join(item.split()) for item in self.items]

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.titles += [value for name, value in attrs if name == "title"]
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("li", "tr"):
            self.items.append("")

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open or "svg" in self.open:
            return
        self.text += data
        if self.items and ("li" in self.open or "tr" in self.open):
            self.items[-1] += data + (" " if "tr" in self.open else "")


def bare(html):
    """A page as GitHub shows it: without style and pictures."""
    return re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", html, flags=re.DOTALL)


def at(key, step, size=1e-7, recorded=1.0, again=2.0):
    return Difference(what="series", name=key, step=step, recorded=recorded, again=again, size=size)


def same(key, num_points):
    return ComparedSeries(key=key, num_points=num_points)


@pytest.fixture
def pair(finished):
    """A run, and one that differs from it from step 37 on."""

    def _pair(start=37, size=1e-6, **fields):
        recorded = finished(60, losses=LOSSES, **fields)
        again = finished(
            60,
            losses=[loss + (size if step >= start else 0) for step, loss in enumerate(LOSSES)],
            reproduces=recorded.id,
        )
        return recorded, again

    return _pair


def identical(recorded, again, **fields):
    return Reproduction(
        verdict="identical",
        sentence="Identical. Every point and every weight is the same, bit for bit.",
        original=recorded.id,
        run=again,
        **{
            "series": (same("loss", 2000), same("lr/group0", 2000)),
            "num_weights": 22,
            "weights": ("9f2c41d07be803aa" * 4, "9f2c41d07be803aa" * 4),
            "restored": {"code": "6 of 19 cells", "environment": "same"},
            "folder": "/data/reproductions/7k3qf2",
            "duration_s": 314.0,
            **fields,
        },
    )


def different(recorded, again, **fields):
    first = at("loss", 37, 3.2e-7)
    return Reproduction(
        verdict="different",
        sentence="Different from step 37: series loss, by 3.2e-07.",
        original=recorded.id,
        run=again,
        **{
            "first_difference": first,
            "series": (
                ComparedSeries(key="lr/group0", num_points=60),
                ComparedSeries(key="val/loss", num_points=6, first=at("val/loss", 39)),
                ComparedSeries(key="loss", num_points=60, first=first, largest=1e-6),
            ),
            **fields,
        },
    )


def test_an_identical_one_shows_points_digests_and_what_was_put_back(pair):
    recorded, again = pair(name="resnet-tiny")
    page = Page(reproduction_html(identical(recorded, again)))
    assert page.text.startswith("Identical. Every point and every weight is the same, bit for bit.")
    assert "4,000 points in 2 series and 22 weight tensors compared." in page.text
    assert f"Run {recorded.id} resnet-tiny of " in page.text
    assert f"again as {again.id} in a fresh kernel, 5:14." in page.text
    assert {"loss 2,000", "lr/group0 2,000", "code 6 of 19 cells"} <= set(page.items)
    assert "again 9f2c 41d0 7be8 03aa … 7be8 03aa" in page.items
    assert "digest of 22 tensors same" in page.text
    assert "/data/reproductions/7k3qf2" in page.text
    assert "Likely reason" not in page.text


def test_series_of_many_parameters_are_one_row(pair):
    series = (
        same("grad_norm/total", 2000),
        *(same(f"grad_norm/layer{i}.weight", 200) for i in range(10)),
        *(same(f"update_ratio/layer{i}.weight", 200 - i) for i in range(3)),
        *(same(f"mine/{i}", 7) for i in range(9)),
        same("weight_norm/only.weight", 5),
        same("val/loss", 40),
        same("every/layer", 0),
    )
    page = Page(reproduction_html(identical(*pair(), series=series)))
    listed = [item for item in page.items if item.split()[0].count("/")]
    assert listed == [
        "grad_norm/total 2,000",
        "grad_norm/* 10 × 200",
        "update_ratio/* 3 series, 597",
        "mine/* 9 × 7",
        "weight_norm/only.weight 5",
        "val/loss 40",
    ]


def test_five_hundred_series_are_counted_and_not_all_listed(pair):
    series = tuple(same(f"metric{i}", 10) for i in range(500))
    page = Page(reproduction_html(identical(*pair(), series=series)))
    assert sum(item.startswith("metric") for item in page.items) == 24
    assert "and 476 more rows" in page.text


def test_a_different_one_lists_the_earliest_series_first_and_equal_ones_last(pair):
    page = Page(reproduction_html(different(*pair())))
    assert page.text.startswith("Different from step 37: series loss, by 3.2e-07.")
    assert "All points before step 37 are identical." in page.text
    assert page.items[:3] == [
        "loss by 3.2e-7 step 37",
        "val/loss by 1e-7 step 39",
        "lr/group0 equal",
    ]
    assert "digest of" not in page.text, "no weights were kept"


def test_the_chart_begins_at_the_first_difference(pair):
    html = reproduction_html(different(*pair(start=37, size=1e-3)))
    chart = next(
        svg for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL) if "Difference" in svg
    )
    assert 'aria-label="Difference in loss from step 0 to 59, at most 0.001"' in chart
    line = re.search(r'<path d="M([\d.]+) [^"]*" fill="none" stroke="var\(--curve', chart)
    # by hand: the plot is 46 to 570 px wide and step 37 is 37/59 of the way
    assert float(line[1]) == pytest.approx(46 + 37 / 59 * 524, abs=0.1)
    shade = re.search(r'<path d="M46 8L([\d.]+) 8', chart)
    assert float(shade[1]) == pytest.approx(46 + 37 / 59 * 524, abs=0.1)
    assert "step 37, 3.2e-7" in chart


def test_an_identical_one_has_no_chart(pair):
    html = reproduction_html(identical(*pair()))
    assert "Size of the difference" not in html
    assert "nbtrack.diff" not in html


def test_of_a_long_series_the_largest_difference_of_each_share_is_drawn(finished):
    losses = [1.0] * 5000
    recorded = finished(5000, losses=losses)
    losses[4321] = 1.5  # a spike of one step
    again = finished(5000, losses=losses)
    html = reproduction_html(different(recorded, again))
    assert "at most 0.500" in html
    assert "The largest of each 18 points." in Page(html).text


def test_values_that_are_not_finite_are_ticks_and_not_gaps_without_a_word(pair, finished):
    recorded, _ = pair()
    broken = [*LOSSES[:50], *([math.nan] * 10)]
    again = finished(60, losses=broken)
    unequal = ComparedSeries(
        key="loss", num_points=60, first=at("loss", 50, None, 0.039, math.nan), largest=math.inf
    )
    html = reproduction_html(different(recorded, again, series=(unequal,)))
    assert "one of the two is not finite" in Page(html).text
    assert "loss 0.039 → NaN step 50" in Page(html).items
    both = finished(60, losses=broken)
    assert "not finite" not in Page(reproduction_html(different(again, both))).text


def test_the_end_of_both_runs_is_told(pair):
    recorded, again = pair(size=0.5)
    text = Page(reproduction_html(different(recorded, again))).text
    assert "At the end: loss 0.03333 and 0.5333, val/accuracy 0.9889 and 0.8222." in text


def test_a_reason_is_told_with_the_command_that_tests_it(pair):
    threads = "2 threads instead of 4: sums in parallel are added in another order"
    html = reproduction_html(
        different(*pair(), reason=threads, environment=(("threads", 4, 2), ("kernel", "a", "b")))
    )
    page = Page(html)
    assert f"Likely reason: {threads}." in page.text
    assert "%env OMP_NUM_THREADS=4 and then %reproduce" in page.text
    assert {"threads 4 2", "kernel a b"} <= set(page.items)
    package = (("package pandas", "2.2.0", "2.3.0"),)
    html = reproduction_html(
        different(*pair(), reason="pandas 2.3.0 instead of 2.2.0", environment=package)
    )
    assert "--env repeats it with the recorded packages" in Page(html).text


def test_a_reason_without_a_command_offers_none(pair):
    html = reproduction_html(
        different(
            *pair(),
            reason="data.csv changed since",
            environment=(("package pandas", "2.2.0", "2.3.0"),),
        )
    )
    assert "Likely reason: data.csv changed since." in Page(html).text
    assert "%reproduce" not in html


def test_a_tensor_that_differs_is_told_where_all_points_are_equal(pair):
    tensor = Difference(what="weights", name="fc.weight", recorded="9f2c", again="77aa")
    page = Page(
        reproduction_html(
            different(
                *pair(),
                first_difference=tensor,
                series=(same("loss", 60),),
                num_weights=2,
                weights=("9f2c" * 16, "77aa" * 16),
            )
        )
    )
    assert "All points are identical." in page.text
    assert page.items[:2] == ["tensor fc.weight 9f2c → 77aa", "loss equal"]
    assert "digest of 2 tensors different" in page.text


def test_digests_that_were_not_compared_are_not_called_different(pair):
    """With ``--steps`` the repetition stops early, and its weights are others on purpose."""
    html = reproduction_html(identical(*pair(), num_weights=0, weights=("9f2c" * 16, "77aa" * 16)))
    assert "Weights" not in Page(html).text


def test_a_failed_one_says_which_cell_and_why_and_where_to_look(store, pair, finished):
    recorded, _ = pair()
    error = {"name": "ValueError", "message": "got 1 channel", "line": 7}
    again = finished(3, "failed", error=error)
    failed = Reproduction(
        verdict="failed",
        sentence=f"Failed. Run {recorded.id} could not be repeated: cell 4: ValueError: "
        "got 1 channel.",
        original=recorded.id,
        run=again,
        reason="data.csv changed since",
        folder="/data/reproductions/x",
    )
    text = Page(reproduction_html(failed)).text
    assert "cell 4: ValueError: got 1 channel." in text
    assert "Likely reason: data.csv changed since." in text
    assert "Raised by line 7 of the cell." in text
    assert "/data/reproductions/x" in text
    assert text.count("ValueError") == 1


def test_a_failed_one_without_a_run_has_no_empty_parts():
    failed = Reproduction(
        verdict="failed",
        sentence="Failed. Run 7k3qf2 could not be repeated: data.csv is missing.",
        original="7k3qf2",
        reason="data.csv is missing",
    )
    html = reproduction_html(failed)
    assert Page(html).text == "Failed. Run 7k3qf2 could not be repeated: data.csv is missing."
    assert 'aria-label="Reproduction of 7k3qf2: failed"' in html


def test_a_message_of_many_lines_is_cut_in_the_head_and_whole_below():
    message = "x" * 300 + "\nthe end of it"
    failed = Reproduction(verdict="failed", sentence=f"Failed. {message}", original="7k3qf2")
    html = reproduction_html(failed)
    assert "…" in html.partition("<pre")[0]
    assert f"{message}</pre>" in html


def test_runs_that_were_erased_since_leave_the_verdict(store, pair):
    recorded, again = pair()
    shutil.rmtree(recorded.path)
    page = Page(reproduction_html(different(recorded, again)))
    assert "loss by 3.2e-7 step 37" in page.items
    assert "Size of the difference" not in page.text
    shutil.rmtree(again.path)
    assert "Different from step 37" in Page(reproduction_html(different(recorded, again))).text


def test_every_text_is_text(pair):
    evil = "<script>alert('x')</script>"
    recorded, again = pair(name=evil)
    first = Difference(what="series", name=evil, step=3, recorded=evil, again=evil)
    html = reproduction_html(
        Reproduction(
            verdict="different",
            sentence=f"Different from step 3: series {evil}.",
            original=recorded.id,
            run=again,
            first_difference=first,
            reason=evil,
            series=(ComparedSeries(key=evil, num_points=60, first=first),),
            num_weights=1,
            weights=(evil, evil),
            environment=((evil, evil, evil),),
            restored={evil: evil},
            folder=evil,
        )
    )
    page = Page(html)
    assert "script" not in page.tags
    assert page.text.count(evil) >= 6
    assert "<script" not in html


def test_the_page_can_be_read_without_style_and_pictures(pair):
    html = bare(reproduction_html(different(*pair())))
    assert "<svg" not in html
    page = Page(html)
    assert "Different from step 37" in page.text
    assert "loss by 3.2e-7 step 37" in page.items, "words are apart without a style too"


def test_no_heading_of_the_page_gets_into_the_table_of_contents(pair):
    tags = Page(reproduction_html(different(*pair()))).tags
    assert not {"h1", "h2", "h3", "h4", "h5", "h6", "script"} & set(tags)
