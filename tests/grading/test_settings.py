"""The settings of an assignment. Referee: what the page says they mean, and the lines of what is wrong."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crmlab.grading.settings import Settings, read_settings
from crmlab.grading.term import days_late, subtotals, totals
from crmlab.practice import load

EXERCISES, STUDENTS = ["41", "44"], ["s1", "s2", "s3", "José"]
GOOD = """title = "Week 1"
points = 20
deadline = "2026-03-02 23:59 Europe/Berlin"
penalty_per_day = 0.1
handed_in = "file times"

[weights]
41 = 2
"44.3" = 3

[extensions]
s1 = 2026-03-05T23:59:00+01:00

[excused]
S2 = ["44"]

[groups]
tea = ["s3", "José"]
"""


@pytest.fixture(scope="module")
def exercises():
    return [load(one) for one in EXERCISES]


@pytest.fixture
def read(tmp_path, exercises):
    def read(text, encoding="utf-8"):
        (tmp_path / "settings.toml").write_bytes(text.encode(encoding))
        return read_settings(tmp_path, exercises, STUDENTS)

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_settings_are_what_was_written(read, encoding, end):
    found = read(GOOD.replace("\n", end), encoding)
    assert found.deadline.astimezone(UTC) == datetime(2026, 3, 2, 22, 59, tzinfo=UTC)
    assert found.weights == {"41_value_tiers": 2.0, "44.3": 3.0} and found.file_times
    assert found.excused == {"s2": frozenset({"44_buy_till_you_die"})}
    assert found.group("José") == "tea" and found.group("s1") == ""


def test_a_number_with_a_point_needs_no_quotes(read):
    assert read("[weights]\n44.3 = 2\n44.2 = 0").weights == {"44.3": 2.0, "44.2": 0.0}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('Week 1"', "Week 1", 1, "cannot be read: "),
        ("points", "poinst", 2, "There is no setting 'poinst'. Did you mean 'points'?"),
        ("= 20", "= 0", 2, "It is a number from 0"),
        ("= 20", "= true", 2, "It is a number from 0"),
        ("= 20", "= nan", 2, "It is a number from 0"),
        ("Europe/Berlin", "Europe/Berln", 3, "Did you mean Europe/Berlin?"),
        (" Europe/Berlin", "", 3, "is no moment in a time zone. Write a day, a time and a time zone"),
        ("03-02 23:59", "03-29 02:30", 3, "does not exist: clocks are put forward in that hour"),
        ("03-02 23:59", "02-30 23:59", 3, "is no moment"),
        ("0.1", "10", 4, "It is a number from 0 to 1; got 10."),
        ('handed_in = "file times"', "", 3, "it must be known when things were handed in"),
        ('"file times"', '"files"', 5, "it must be known when things were handed in"),
        ("41 =", "43 =", 8, "There is no exercise or question '43'."),
        ("41 = 2", "41 = -1", 8, "It is a number from 0"),
        ("s1 =", "s9 =", 12, "There is no student 's9'. Valid: "),
        ("03-05", "03-01", 12, "It ends before the deadline"),
        ('["44"]', '["45"]', 15, "There is no exercise or question '45'."),
        ('["44"]', '"44"', 15, 'Write S2 = "all", or a list'),
        ('"José"', '"Jose"', 18, "There is no student 'Jose'. Valid: José, s1, s2, s3."),
        ('"José"', '"s3"', 18, "s3 is in two groups, or twice in one."),
        ("tea", "s1", 18, "s1 is there already: call the group otherwise."),
        ("tea =", 'tea = ["s1"]\nTEA =', 19, "TEA is there already: call the group otherwise."),
        ("03-02 23:59", "03-02 23.59", 3, "is no moment"),
        ("2026-03-02 23:59 ", "20260302 23 ", 3, "is no moment"),
        ("2026-03-02 23:59 Europe/Berlin", "", 3, "is no moment"),
        ("2026-03-02", "9999-12-31", 3, "is no moment"),
        ("41 = 2", "41 = 2\n41_value_tiers = 3", 9, "It stands here twice: as 41_value_tiers and as 41."),
        ("s1 =", "S1 = 2026-03-06T23:59:00+01:00\ns1 =", 13, "It stands here twice: as s1 and as S1."),
        ('S2 = ["44"]', 'S2 = ["44"]\ns2 = "all"', 16, "It stands here twice: as s2 and as S2."),
        ('["44"]', "[44.10]", 15, 'Write S2 = "all", or a list'),
        ('["s3", "José"]', '"s3"', 18, "A group is a list of ids"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(read, old, new, line, message):
    assert old in GOOD
    with pytest.raises(ValueError) as told:
        read(GOOD.replace(old, new, 1))
    assert message in str(told.value)
    assert f"line {line}: " in str(told.value) or f"(at line {line}," in str(told.value)


def test_settings_that_mean_nothing_without_a_deadline_or_in_another_encoding_are_told(read):
    with pytest.raises(ValueError, match="line 1: Without a deadline this means nothing"):
        read("penalty_per_day = 0.1")
    with pytest.raises(ValueError, match="is not in UTF-8"):
        read('title = "Müller"', "cp1252")
    with pytest.raises(ValueError, match="stands in quotes"):
        read("[extensions]\nann@x.edu = 1")


def test_a_large_class_is_not_listed(tmp_path, exercises):
    (tmp_path / "settings.toml").write_text('[excused]\nx = "all"')
    with pytest.raises(ValueError, match="There is no student 'x'. The roster names 10,000.$"):
        read_settings(tmp_path, exercises, (f"s{one}" for one in range(10_000)))


# ---- what they do: closed forms


def test_days_are_counted_from_the_deadline_in_whatever_zone():
    deadline = datetime(2026, 3, 28, 23, 59, tzinfo=ZoneInfo("Europe/Berlin"))
    for hours, days in ((-1, 0), (0, 0), (0.25, 0), (0.26, 1), (24, 1), (24.01, 2), (240, 10)):
        at = pd.Timestamp(deadline.astimezone(UTC)) + pd.Timedelta(hours=hours)
        for zone in ("UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"):
            assert days_late(at.tz_convert(zone).to_pydatetime(), deadline, 15) == days, (hours, zone)


def marks(**values):
    """Return marks of one student in two exercises of two questions; None is unmarked."""
    numbers = ["A.1", "A.2", "B.1", "B.2"]
    table = pd.DataFrame({"student": "s", "name": "S", "exercise": ["A", "A", "B", "B"], "question": numbers})
    table["mark"] = pd.Series([values.get(one.replace(".", ""), 1.0) for one in numbers], dtype=float)
    return table.assign(outcome="right")


def total(table, settings):
    return totals(subtotals(table, settings, {})).iloc[0]


def test_weights_and_subtotals_by_hand():
    table = marks(A1=0.0, B2=0.5)
    assert total(table, Settings())["mark"] == pytest.approx((0.5 + 0.75) / 2)
    weighed = Settings(weights={"A.1": 3.0, "B": 0.5})
    assert total(table, weighed)["mark"] == pytest.approx((0.25 + 0.5 * 0.75) / 1.5)
    scaled = Settings(weights={"A.1": 3.0, "A.2": 1.0, "A": 20.0, "B": 10.0})
    assert total(table, scaled)["mark"] == pytest.approx(total(table, weighed)["mark"])
    assert total(table, Settings(weights={"A": 0.0}))["mark"] == 0.75


def test_a_total_is_missing_while_something_that_counts_is_unmarked():
    table = marks(A1=None)
    assert total(table, Settings())["state"] == "unmarked" and total(table, Settings())["B"] == 1
    assert pd.isna(total(table, Settings())["mark"])
    assert total(table, Settings(weights={"A.1": 0.0}))["mark"] == 1
    assert total(table, Settings(weights={"A": 0.0}))["mark"] == 1


def test_excused_from_everything_is_no_mark_and_not_unmarked():
    found = total(marks().assign(outcome="excused", mark=None), Settings())
    assert found["state"] == "excused" and pd.isna(found["mark"])


def test_a_penalty_never_goes_below_zero():
    settings = Settings(deadline=datetime(2026, 3, 2, tzinfo=UTC), penalty_per_day=0.3)
    times = {("s", "A"): datetime(2026, 3, 12, tzinfo=UTC), ("s", "B"): datetime(2026, 3, 4, tzinfo=UTC)}
    assert subtotals(marks(), settings, times)["mark"].tolist() == pytest.approx([0.0, 0.4])
