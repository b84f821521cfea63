"""The scoreboard's own tests. Referee: the rules of its docstring, on cases made up for the purpose."""

import json
from collections.abc import Iterable

import pytest

from crmlab import replicate
from crmlab.replicate import Row, half_unit

SEEN = "reference output seen"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch):
    """Return a function that registers a case made of `rows`; the real cases are out of the way."""
    replicate.cases()
    monkeypatch.setattr(replicate, "_CASES", {})

    def register(name: str, *rows: Row | Exception) -> None:
        def made_up() -> Iterable[Row]:
            for row in rows:
                if isinstance(row, Exception):
                    raise row
                yield row

        made_up.__name__ = name
        replicate.case("Nobody (2026), Nothing", data="no data", data_class="simulated")(made_up)

    return register


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (".243", 0.0005),
        ("11.99", 0.005),
        ("1411", 0.5),
        ("-33225.6", 0.05),
        ("−33,225.6", 0.05),
        ("0.80", 0.005),
        ("1.2E4", 500.0),
    ],
)
def test_tolerance_is_half_a_unit_of_the_last_printed_digit(published, expected):
    assert half_unit(published) == expected
    assert Row("q", published, 1.0, "Table 1", SEEN).allowed == expected


@pytest.mark.parametrize(
    ("published", "ours", "expected", "verdict", "code"),
    [
        (".243", 0.2434, "holds", "holds", 0),
        (".243", 0.2425, "holds", "holds", 0),  # the rounding's own edge
        (".243", 0.2436, "holds", "differs", 1),
        (".243", 0.2424, "holds", "differs", 1),
        ("-9582.4", 9582.4, "holds", "differs", 1),
        (".243", float("nan"), "holds", "differs", 1),
        (".243", float("inf"), "holds", "differs", 1),
        (".243", 0.25, "another calibration period", "differs", 0),
        (".243", float("nan"), "another calibration period", "differs", 1),
        (".243", float("-inf"), "another calibration period", "differs", 1),
        (".243", 0.243, "another calibration period", "holds", 1),
    ],
)
def test_only_an_unexpected_verdict_exits_1(toy, capsys, published, ours, expected, verdict, code):
    toy("one", Row("r", published, ours, "Table 1", SEEN, expected))
    assert replicate.scoreboard()["verdict"].tolist() == [verdict]
    assert replicate.main() == code
    assert ("UNEXPECTED" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"quantity": " "}, "needs its 'quantity'"),
        ({"where": ""}, "needs its 'where'"),
        ({"expected": ""}, "needs its 'expected'"),
        ({"published": "about .24"}, "number as printed"),
        ({"published": "nan"}, "number as printed"),
        ({"published": "1_2"}, "number as printed"),
        ({"published": 0.243}, "is a text, the number as printed.*got 0.243"),
        ({"ours": None}, "ours is a number.*got None"),
        ({"ours": "0.243"}, "ours is a number.*got '0.243'"),
        ({"source_checked": "page sen"}, "Did you mean 'page seen'"),
        ({"tolerance": 0.01}, "wider than 0.0005.*reason"),
        ({"tolerance": 0.01, "reason": " "}, "wider than 0.0005.*reason"),
        ({"tolerance": 0.0}, "positive number"),
        ({"tolerance": float("nan"), "reason": "why not"}, "positive number"),
    ],
)
def test_bad_row_is_refused(change, match):
    good = {"quantity": "r", "published": ".243", "ours": 0.243, "where": "Table 1", "source_checked": SEEN}
    Row(**good)
    with pytest.raises(ValueError, match=match):
        Row(**good | change)


def test_wide_tolerance_with_a_reason_shows_its_reason(toy):
    toy("one", Row("r", ".243", 0.25, "Table 1", SEEN, tolerance=0.01, reason="the paper fitted a grid"))
    row = replicate.scoreboard().iloc[0]
    assert (row["verdict"], row["tolerance"]) == ("holds", 0.01)
    assert row["where"] == "Table 1; data: no data; tolerance 0.01: the paper fitted a grid"


def test_case_that_breaks_off_is_shown_and_the_others_run(toy, capsys):
    toy("broken", Row("r", "1", 1.0, "Table 1", SEEN), RuntimeError("no such column"))
    toy("empty")
    toy("sound", Row("r", "1", 1.0, "Table 1", SEEN))
    board = replicate.scoreboard()
    assert board["case"].tolist() == ["broken", "broken", "empty", "sound"]
    assert board["verdict"].tolist() == ["holds", "error", "error", "holds"]
    assert replicate.main() == 1
    assert "ERROR: RuntimeError: no such column" in capsys.readouterr().out
    assert replicate.main(["sound"]) == 0


@pytest.mark.parametrize("no_number", [float("nan"), float("inf")])
def test_json_has_exactly_the_promised_columns(toy, tmp_path, no_number):
    toy("one", Row("r", ".243", no_number, "Table 1", "from memory"), ValueError("broke"))
    file = tmp_path / "new" / "folder" / "scoreboard.json"
    assert replicate.main(json=file) == 1
    first, second = json.loads(file.read_text(encoding="utf-8"))
    assert first == {
        "case": "one",
        "quantity": "r",
        "published": ".243",
        "ours": None,
        "difference": None,
        "tolerance": 0.0005,
        "verdict": "differs",
        "expected": "holds",
        "source_checked": "from memory",
        "data_class": "simulated",
        "citation": "Nobody (2026), Nothing",
        "where": "Table 1; data: no data",
    }
    assert list(second) == list(first)
    assert second["verdict"] == "error"


def test_published_values_from_memory_are_shown_as_such(toy, capsys):
    toy("one", Row("r", "1", 1.0, "Table 1", "from memory"), Row("s", "2", 2.0, "Table 1", "page seen"))
    replicate.main()
    out = capsys.readouterr().out
    assert "0 are quoted elsewhere and 1 are from memory" in out
    assert [("from memory" in line) for line in out.splitlines() if line.startswith(("  r ", "  s "))] == [
        True,
        False,
    ]


def test_unknown_case_lists_the_valid_ones(toy):
    toy("sound", Row("r", "1", 1.0, "Table 1", SEEN))
    with pytest.raises(ValueError, match="no case 'suond'. Did you mean 'sound'"):
        replicate.main(["suond"])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"citation": ""}, "needs its citation"),
        ({"data": " "}, "name of its data"),
        ({"data_class": "real"}, "no class of data 'real'"),
    ],
)
def test_case_without_source_is_refused(change, match):
    with pytest.raises(ValueError, match=match):
        replicate.case(**{"citation": "Someone", "data": "a set", "data_class": "simulated"} | change)


def test_second_case_of_one_name_is_refused(toy):
    toy("one", Row("r", "1", 1.0, "Table 1", SEEN))
    with pytest.raises(ValueError, match="already a case 'one'"):
        toy("one")


def test_a_case_that_is_named_twice_runs_once(toy):
    toy("one", Row("r", "1", 1.0, "Table 1", SEEN))
    toy("two", Row("r", "1", 1.0, "Table 1", SEEN))
    assert replicate.scoreboard(["two", "one", "two"])["case"].tolist() == ["two", "one"]


def test_page_shows_every_row(toy, tmp_path):
    toy(
        "one", Row("rate | r", "1", 1.0, "Table 1", SEEN), Row("s", "2", 3.0, "Table 2", SEEN, "rounded data")
    )
    text = replicate.page()
    assert "| rate / r | 1 | 1 | +0 | reference output seen | holds | Table 1; data: no data |" in text
    assert "differs (expected to differ: rounded data)" in text
    assert "2 rows: 1 hold, 1 differ as expected, 0 unexpected" in text
    file = tmp_path / "new" / "page.md"
    assert replicate.main(page_file=file) == 0
    assert file.read_text(encoding="utf-8") == text
