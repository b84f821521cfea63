"""Referees: answers known by hand, in every shape; a forger, who writes plain answers without any form."""

import functools
import json
import math
from decimal import Decimal
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmlab.practice import Choice, Figure, Function, Interval, Number, Selection, Table, Text, forms

SHARE = Number("share", 0, 1, tolerance=0.001)
TIERS = Table({"n": Number("customers", 0, whole=True), "share": SHARE}, key="tier", rows=3)
RIGHT = pd.DataFrame({"tier": ["Core", "rest", "new"], "n": [5, 20, 7], "share": [0.5, 0.2, 0.3]})
FORMS = [
    SHARE,
    Choice("Core", "rest"),
    TIERS,
    Table({"label": Choice(), "x": Number()}),
    Selection(2),
    Interval("share", 0, 1, widest=0.3),
    Function(("x",), returns=SHARE),
    Function(("x",), returns=TIERS),
    *(Figure(kind) for kind in ("lines", "bars", "points")),
    Text({"names a reason": 2, "names a remedy": 1}, words=5),
]


class Spiteful:
    """Equal to all, and refuses to be looked at."""

    def __eq__(self, other):
        return True

    __hash__ = None

    def __float__(self):
        raise RuntimeError("no")

    def __len__(self):
        return -1

    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__

    @property
    def to_pandas(self):
        raise KeyError(self)


def problem(form, answer, cases=None):
    return form.problem(json.loads(json.dumps(form.plain(answer, cases))))


def agrees(form, answer, right, cases=None):
    mine = form.plain(answer, cases)
    found = form.problem(mine)
    return found in (None, "range") and form.agrees(mine, form.plain(right, cases))


@functools.cache
def axes(kind):
    ax = plt.figure().subplots()
    x = np.array([1.0, 2.0, 3.0])
    if kind == "lines":
        ax.plot(x, x**2)
    elif kind == "points":
        ax.scatter(x, x**2)
    elif kind == "bars":
        ax.bar(x, -x)
    ax.set(xlabel="x", ylabel="y")
    plt.close(ax.figure)
    return ax


# ---- answers of every wrong type

WRONG = [
    "0.5", b"12", None, ..., True, np.bool_(True), 1j, np.complex128(1), math.nan, math.inf, -math.inf,
    pd.NA, pd.NaT, 10**400, pd.Timestamp("2025-01-01"), np.timedelta64(1, "ns"),
    np.datetime64("2025-01-01T00:00:00.000000000"), np.ma.masked, np.ma.array([1, 2], mask=[True, False]),
    Spiteful(), [Spiteful()] * 2, {"n": Spiteful()}, pd.Series([Spiteful()] * 3), [], {},
    set(), (), [[1], [2, 3]],
    pd.DataFrame(), pd.Series(dtype=float), pd.Series([1j, 2j]), RIGHT.groupby("tier"), axes("none"), plt,
    pd.DataFrame({"tier": ["a", "b", "c"], "n": [1j, 2, 3], "share": [0.1, 0.2, 0.3]}),
    pd.DataFrame(np.zeros((1_000_000, 1)), columns=["tier"]), range(1_000_000), "Core" * 100_000, int,
    len, max, lambda: 1, lambda x: x.nothing, lambda x: print(x) or ..., lambda *a, **k: a,
    pl.DataFrame({"n": [1]}).lazy(),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.wanted()[:40])
def test_no_wrong_type_is_a_right_form_and_each_is_told_in_words(form, capsys):
    for answer in WRONG:
        if isinstance(form, Choice | Text) and isinstance(answer, str):
            continue
        cases = [{"x": 0.5}]
        found = problem(form, answer, cases)
        if found is None and form.problem(form.plain(answer, cases)) is None:
            # an empty table without a key is a table; whether ids are known is told later
            assert isinstance(form, Selection) or isinstance(form, Table) and not form.key
            continue
        layer, message = found
        assert layer in ("missing", "type", "columns", "range"), message
        assert len(message) < 700 and "0x" not in message and "Traceback" not in message


def test_a_complex_or_masked_number_or_a_time_is_no_number():
    for answer in (1 + 0j, np.ma.masked, b"12", np.timedelta64(5, "ns"), True):
        assert SHARE.problem(SHARE.plain(answer))[0] == "type"
    complex_share = RIGHT.assign(share=RIGHT["share"] + 0j)
    assert problem(TIERS, complex_share)[0] == "columns"


# ---- forged plain answers

PIECES = [
    None, True, 0, 10**400, -1.5, math.nan, math.inf, "", "Core", "\ud800", [], {}, [None], [[]], [{}],
    {"refused": {}}, {"refused": "\ud800"}, {"outputs": 5}, {"outputs": []}, {"outputs": [0.5, {}]},
    {"has": 1},
]  # fmt: skip


def forged():
    columns = [
        {"tier": a, "n": b, "share": c, "label": a, "x": b}
        for a in (["a", "b", "c"], [1, "b", "c"], "abc", ["\ud800", "b", "c"], [[], {}, None], {})
        for b in ([1, 2, 3], [1, {}, 3], [-5.0, [], 1], [math.nan] * 3, ["1", "2", "3"], [10**400] * 3, {}, 7)
        for c in ([0.1, 0.2, 0.3], [5.0, None, {}], [True] * 3)
    ]
    yield from PIECES
    yield from ([a, b] for a in PIECES for b in PIECES)
    yield from ({"columns": one, "has": []} for one in [*columns, *PIECES])
    yield from ({"columns": columns[0], "has": one} for one in PIECES)
    yield from ({"outputs": [{"columns": one, "has": []}]} for one in columns)
    yield from ({"outputs": [one]} for one in PIECES)
    for drawn in (
        [[[1, 2], [3]]],
        [[["1", "2"]]],
        [[[1, 2, 3]]],
        [[1, 2]],
        [[[math.nan, 1]]],
        [[]],
        [],
        {},
        "12",
    ):
        yield from ({"drawn": drawn, "labels": one} for one in (["x", "y"], ["x"], [1, 2], "xy", {}, None))
    deep = []
    for _ in range(100_000):
        deep = [deep]
    yield deep


RIGHTS = [
    0.123, "rest", RIGHT, {"label": ["u"] * 3, "x": [4, 5, 6]}, ["c1", "c2"], (0.111, 0.123), lambda x: x,
    lambda x: RIGHT, *map(axes, ("lines", "bars", "points")), "Prices rose.",
]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "answer"), [*zip(FORMS, RIGHTS, strict=True)], ids=lambda one: type(one).__name__
)
def test_no_forged_answer_raises_or_agrees(form, answer):
    right = form.plain(answer, [{"x": 0.123}])
    assert form.problem(right) is None
    right = 0.123 if isinstance(form, Interval) else right
    assert form.agrees(form.plain(answer, [{"x": 0.123}]), right)
    for plain in forged():
        found = form.problem(plain)
        if found:
            assert found[0] in ("missing", "type", "columns", "range")
            found[1].encode()  # a file can hold the message
        if not found or found[0] == "range":
            assert not form.agrees(plain, right)
            form.difference(plain, right)


# ---- a right answer in another sensible shape


@pytest.mark.parametrize(
    "answer",
    [np.float32(0.5), np.array(0.5), Decimal("0.5"), Fraction(1, 2), 0.5009, np.float64(0.4991)],
    ids=str,
)
def test_a_right_number_is_right_in_any_type(answer):
    assert agrees(SHARE, answer, 0.5)


def test_rounding_is_forgiven_and_no_more():
    assert agrees(Number(), 0.1 + 0.2, 0.3) and agrees(Number(), 1e-17, 0.0)
    assert not agrees(Number(), 0.300001, 0.3) and not agrees(SHARE, 0.5011, 0.5)
    assert not Number().agrees(5.0, math.inf)


SHAPES = {
    "index": RIGHT.set_index("tier"),
    "index without a name": RIGHT.set_index("tier").rename_axis(None),
    "another order": RIGHT.iloc[::-1],
    "floats": RIGHT.astype({"n": float}),
    "objects": RIGHT.astype(object),
    "nullable": RIGHT.convert_dtypes(),
    "pyarrow": RIGHT.convert_dtypes(dtype_backend="pyarrow"),
    "categories": RIGHT.astype({"tier": "category", "n": "category"}),
    "further columns": RIGHT.assign(more=1, other=[[], {}, None])[["other", "share", "more", "tier", "n"]],
    "capital letters": RIGHT.assign(tier=RIGHT["tier"].str.upper()),
    "two levels": RIGHT.assign(year=2025).set_index(["year", "tier"]),
    "Polars": pl.from_pandas(RIGHT),
    "recarray": RIGHT.to_records(index=False),
    "a dict of lists": RIGHT.to_dict("list"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_right_table_is_right_in_any_sensible_shape(shape):
    assert problem(TIERS, SHAPES[shape]) is None
    assert agrees(TIERS, SHAPES[shape], RIGHT)


def test_labels_are_the_same_as_numbers_texts_days_and_categories():
    one = Table({"x": Number()}, key="id")
    for keys in [[1, 2], [1.0, 2.0], ["1", "2"], pd.Categorical([1, 2]), pd.array([1, 2], "Int64")]:
        assert agrees(one, pd.Series([5, 6], index=keys), {1: 5, 2: 6})
    days = pd.to_datetime(["2025-01-01", "2025-02-01"])
    for keys in [
        days.astype(str),
        days.date,
        days.to_period("M"),
        days.astype(object),
        days.tz_localize("UTC"),
    ]:
        assert agrees(one, pd.Series([5, 6], index=keys), pd.Series([5, 6], index=days))


@pytest.mark.parametrize(
    ("answer", "layer", "said"),
    [
        (RIGHT.rename(columns={"n": "N"}), "columns", "no column 'n'; this table has tier, N, share"),
        (pd.concat([RIGHT, RIGHT[["n"]]], axis=1), "type", "Two columns of this table are called 'n'"),
        (pd.concat({"a": RIGHT}, axis=1), "type", "two names each"),
        (RIGHT.iloc[:2], "type", "has 2 rows"),
        (RIGHT.assign(tier="core"), "columns", "twice"),
        (RIGHT.assign(tier=[None, "rest", "new"]).astype({"tier": object}), "columns", "missing"),
        (RIGHT.assign(n=[5, 20.5, 7]), "columns", "not a whole number"),
        (RIGHT.assign(share=["a", 0.2, 0.3]), "columns", "row 'Core': This is a text."),
        (RIGHT.assign(share=[0.5, 7, 0.3]), "range", "row 'rest': 7 is not plausible"),
        (RIGHT.assign(share=[7, "a", 0.3]), "columns", "This is a text."),
        (RIGHT["n"], "type", "This is a Series with 3 rows. Wanted: a table"),
        (RIGHT.assign(n=..., share=...), "missing", "no answer yet"),
    ],
)
def test_a_table_of_another_form_is_told_so(answer, layer, said):
    found = problem(TIERS, answer)
    assert found[0] == layer and said in found[1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"tier": ["Core", "rest", "old"]},
            "Rows missing: 1; rows that do not belong there: 1 (first: 'old')",
        ),
        ({"n": [5, 21, 7]}, "Column 'n': off in 1 of 3 rows, first in row 'rest'"),
        ({"n": [-5, -20, -7]}, "Column 'n': its unit or sign"),
        ({"share": [50, 20, 30]}, "Column 'share': its unit or sign"),
        ({"share": [math.nan, 0.2, 0.3]}, "Column 'share': off in 1 of 3 rows"),
    ],
)
def test_a_wrong_table_is_told_where_and_not_what_is_right(changed, said):
    mine, right = TIERS.plain(RIGHT.assign(**changed)), TIERS.plain(RIGHT)
    told = TIERS.difference(mine, right)
    assert said in told and not TIERS.agrees(mine, right)


# ---- other forms


def test_a_choice_is_one_of_its_options_and_goes_through_resolved():
    form = Choice("Core", "rest").resolved({"budget": 5})
    assert agrees(form, " core ", "Core") and not agrees(form, "rest", "Core")
    assert "Valid: Core, rest." in problem(form, "cor")[1]
    table = Table({"tier": Choice("Core", "Rest")}, key="id").resolved({})
    assert agrees(table, {1: "core", 2: "REST"}, {1: "Core", 2: "Rest"})


def test_ids_in_any_shape_and_none_twice():
    form, ids = Selection("seats").resolved({"seats": 3}), [3, 1, 2]
    table = pd.DataFrame({"customer_id": ids, "x": 1.5})
    shapes = [
        ids,
        tuple(ids),
        set(ids),
        np.array(ids),
        pd.Index(ids),
        ["1", "2", "3"],
        np.array(ids, float),
        table,
    ]
    shapes += [table.set_index("customer_id"), table.set_index("customer_id")["x"], table["customer_id"]]
    shapes += [pl.Series(ids), pl.from_pandas(table), table["customer_id"].astype("category")]
    assert all(problem(form, one) is None and agrees(form, one, ids) for one in shapes)
    assert "In your list twice: 1 of the ids" in problem(form, [1, 1.0, 2])[1]
    assert "has 2 ids. Wanted: a list of 3" in problem(form, [1, 2])[1]
    assert problem(form, [..., ..., ...])[0] == "missing"


def test_an_interval_is_right_when_it_holds_the_truth_and_says_something():
    form = Interval("share", 0, 1, widest=0.3)
    assert form.agrees([0.2, 0.4], 0.4) and not form.agrees([0.2, 0.4], 0.41)
    assert not form.agrees([0.0, 1.0], 0.5) and not form.agrees([0.6, 0.4], 0.5)
    assert problem(form, (0.0, 1.0))[0] == problem(form, (0.6, 0.4))[0] == "range"
    assert problem(form, (..., ...))[0] == "missing" and problem(form, (0.2, ...))[0] != "range"
    # another interval, a known mistake's, is recognised by the middle
    assert form.agrees([0.1, 0.5], [0.2, 0.4]) and not form.agrees([0.3, 0.6], [0.2, 0.4])


def test_one_value_for_all_rows_earns_nothing_in_a_column_that_is_not_flat():
    right = TIERS.plain(RIGHT.assign(n=[0, 0, 7]))
    zeros = TIERS.plain(RIGHT.assign(n=0))
    assert TIERS.part(zeros, right) == (0.5, "Right: 'share'.")
    assert TIERS.part(TIERS.plain(RIGHT.assign(n=[0, 1, 7])), right)[0] == pytest.approx(5 / 6)
    flat = TIERS.plain(RIGHT.assign(n=0, share=[0.5, 0.2, 0.2]))  # all zeros are right here
    assert TIERS.part(zeros, flat)[0] == pytest.approx(5 / 6)


def test_a_function_is_called_with_copies_and_judged_on_every_input():
    form, cases = Function(("x", "table"), returns=Number()), [{"x": [3, [4]], "table": RIGHT.copy()}] * 2

    def spoils(x, table):
        x[1].append(1)
        table["n"] = 0
        return len(x[1])

    def half(x, table, seen=[]):  # noqa: B006
        seen.append(1)
        return 2 if len(seen) == 1 else 3

    right = form.plain(lambda x, table: 2, cases)
    assert form.agrees(form.plain(spoils, cases), right)
    assert cases[0]["x"] == [3, [4]] and RIGHT["n"].tolist() == [5, 20, 7]
    wrong = form.plain(half, cases)
    assert not form.agrees(wrong, right) and form.part(wrong, right) == (0.5, "Right on 1 of 2 inputs.")
    assert not form.agrees({"outputs": []}, right) and not form.agrees({"outputs": [2.0]}, right)
    assert not form.agrees({"outputs": [2.0] * 3}, right) and not form.agrees(
        {"outputs": []}, {"outputs": []}
    )


def test_a_function_that_fails_is_told_how():
    form, cases = Function(("x",), returns=SHARE), [{"x": 0}]

    def for_ever(x):
        return for_ever(x)

    for answer, said in [
        (lambda x: 1 / x, "The function stopped: ZeroDivisionError"),
        (lambda x: exit(), "The function stopped: SystemExit"),
        (for_ever, "RecursionError"),
        (lambda y: y, "missing a required argument: 'y'. Wanted: a function of `x`"),
        (lambda x: None, "returns nothing: does it end with a return?"),
        (lambda x: "a", "What it returns: This is a text."),
        (lambda x: 5.0, "What it returns: 5 is not plausible"),
        (max, "The function stopped: TypeError"),
    ]:
        assert said in problem(form, answer, cases)[1]
    assert problem(form, lambda *a, **k: 0.5, cases) is problem(form, lambda x, more=1: 0.5, cases) is None


def drawn(draw, **labels):
    ax = plt.figure().subplots()
    draw(ax)
    ax.set(**{"xlabel": "x", "ylabel": "y"} | labels)
    plt.close(ax.figure)
    return ax


def test_the_same_curve_drawn_at_other_points_is_right_and_one_that_leaves_it_is_not():
    lines, x = Figure("lines"), np.linspace(0, 1, 2)
    straight, fine = drawn(lambda ax: ax.plot(x, x)), np.linspace(0, 1, 101)
    assert agrees(lines, drawn(lambda ax: ax.plot(fine, fine)), straight)
    assert agrees(
        lines,
        drawn(lambda ax: (ax.plot(fine, 1 - fine), ax.plot(fine, fine), ax.set_xscale("log"))),
        straight,
    )
    assert not agrees(lines, drawn(lambda ax: ax.plot(fine, fine + np.sin(2 * np.pi * fine))), straight)
    assert not agrees(lines, drawn(lambda ax: ax.plot(fine / 2, fine / 2)), straight)
    assert agrees(lines, straight.figure, straight)


def test_bars_reach_below_zero_and_may_lie():
    bars, up = Figure("bars"), drawn(lambda ax: ax.bar([0, 1], [-3, 2]))
    assert agrees(bars, drawn(lambda ax: ax.barh([0, 1], [-3, 2])), up)
    assert not agrees(bars, drawn(lambda ax: ax.bar([0, 1], [-4, 2])), up)
    assert agrees(bars, drawn(lambda ax: ax.bar(["a", "b"], [-3, 2])), up)


def test_points_are_those_of_scatter_or_plot_and_seaborn():
    import seaborn as sns

    points, table = Figure("points"), pd.DataFrame({"a": [1, 2, 3], "b": [3.0, 1, 2]})
    right = drawn(lambda ax: ax.scatter(table["a"], table["b"]))
    assert agrees(points, drawn(lambda ax: ax.plot(table["a"], table["b"], "o")), right)
    assert agrees(points, drawn(lambda ax: sns.scatterplot(table[::-1], x="a", y="b", ax=ax)), right)
    assert not agrees(points, drawn(lambda ax: ax.scatter([1, 2], [3, 1])), right)


def test_a_figure_needs_something_drawn_and_labels():
    assert problem(Figure(), drawn(lambda ax: None))[0] == "missing"
    assert "There are no lines on the Axes" in problem(Figure(), drawn(lambda ax: ax.bar([1], [2])))[1]
    assert "y axis has no label" in problem(Figure(), drawn(lambda ax: ax.plot([1, 2]), ylabel=" "))[1]


# ---- words and round trips


def test_what_is_wanted_is_said_in_words():
    assert (
        SHARE.wanted() == "one number (share), between 0 and 1, right to within 0.001 (3 decimals are enough)"
    )
    assert Number(high=5).wanted() == "one number, at most 5"
    assert Number("cents", 0, relative=0.005, whole=True).wanted() == (
        "one whole number (cents), at least 0, right to within 0.5 % (3 digits are enough)"
    )
    assert Number("share", 0, 1).difference(50.0, 0.5).startswith("Its digits are right")
    assert SHARE.difference(0.05, 0.001) == ""  # within the tolerance after division, and still no unit


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.wanted()[:40])
def test_a_form_comes_back_from_its_file(form):
    again = forms.read(json.loads(json.dumps(form.to_dict())))
    assert again == form and again.wanted() == form.wanted()


def test_names_of_given_values_are_looked_up():
    form = Table({"x": Number("cents", 0, "top")}, rows="n").resolved({"top": 9, "n": 2})
    assert form.rows == 2 and form.columns["x"].high == 9
    with pytest.raises(ValueError, match="no given value 'top'"):
        Number(high="top").resolved({"n": 2})


def test_a_flood_of_lines_is_not_compared():
    form, point = Figure("lines"), [[0.0, 1.0]]
    forged = {"labels": ["x", "y"], "drawn": [point] * 4_000_000}
    assert form.problem(forged)[0] == "type"
    assert form.problem({"labels": ["x", "y"], "drawn": [point * 200_000]})[0] == "type"
    ax = plt.figure().subplots()
    for height in range(40):
        ax.plot([0, 1], [height, height])
    assert "too much" in form.plain(ax)["refused"]
    plt.close("all")


# ---- texts


def test_a_text_is_held_against_nothing_but_its_form():
    form = Text({"names a reason": 2, "names a remedy": 1}, words=5)
    assert form.plain("  Prices rose; lower them.  ") == "Prices rose; lower them."
    assert problem(form, "Prices rose; lower them.") is None
    assert problem(form, " \n ")[0] == "missing" == problem(form, ...)[0]
    assert "too long (6 words). Wanted: a text of at most 5 words." in problem(form, "one " * 6)[1]
    assert problem(form, "x" * 10**6)[0] == "type" == problem(form, 7)[0]
    assert form.wanted().endswith("What counts, in points: names a reason (2); names a remedy (1)")


def test_a_text_survives_the_file_beside_the_notebook():
    form = Text({"names a reason": 2, "form": 1})
    assert forms.read(json.loads(json.dumps(form.to_dict()))) == form


def test_a_function_that_stops_where_another_is_taken_for_right_agrees_with_nothing():
    """The proof asks whether two mistakes can be told apart, and one of them may stop on an input."""
    form = Function(("x",), returns=Number("ratio", 0, tolerance=0.001))
    cases = [{"x": 4.0}, {"x": -4.0}]
    stops, goes_on = (form.plain(one, cases) for one in (lambda x: 1 / (abs(x) + x), lambda x: abs(x)))
    assert "refused" in stops["outputs"][1]
    assert not form.agrees(goes_on, stops) and not form.agrees(stops, goes_on)
    assert form.difference(goes_on, stops) == "It is right on no input."


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Number(0, 100), "unit is a text, and comes first"),
        (lambda: Number("cents", tolerance=-1), "tolerance is a number of at least 0"),
        (lambda: Number("cents", relative=float("nan")), "relative is a share"),
        (lambda: Number("cents", tolerance="size"), "got 'size'"),
        (lambda: Number("cents", low=None), "low is a number, or the name of a given one"),
        (lambda: Choice("a", "A"), "differ in more than capitals"),
        (lambda: Choice(["a", "b"]), r"Choice\('a', 'b'\)"),
        (lambda: Choice("a", "b "), "without blanks around them"),
        (lambda: Table(["cents"], key="id"), "columns is a dict of forms"),
        (lambda: Table({"cents": Number}, key="id"), "columns is a dict of forms"),
        (lambda: Selection(0), "count is a number of at least 1"),
        (lambda: Selection(5, enough=97), "enough is a share of the solution"),
        (lambda: Interval("cents", widest=-1), "widest is a width above 0"),
        (lambda: Function("rate", Number()), r"names: \('x', 'T'\)"),
        (lambda: Function(("x",), Number), "returns is a form"),
        (lambda: Figure("line"), "draws is 'lines', 'bars' or 'points'"),
        (lambda: Text(["a reason"]), "rubric is what counts"),
        (lambda: Text({"a reason": -2}), "rubric is what counts"),
    ],
)
def test_a_form_that_cannot_be_meant_is_refused_when_it_is_written(made, said):
    with pytest.raises(ValueError, match=said):
        made()


def test_both_tolerances_are_told():
    assert "right to within 0.2 % and 0.06" in Number("", tolerance=0.06, relative=0.002).wanted()
