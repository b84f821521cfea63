"""What a proof finds. Referee: a small exercise that holds, and one break at a time of which it is known."""

import json

import numpy as np
import pandas as pd
import pytest
from test_check import write

from crmlab import practice
from crmlab.cli import main
from crmlab.grading import release
from crmlab.grading.assignment import read_key
from crmlab.grading.handout import draw
from crmlab.practice.proof import known_beforehand

CELLS = """# A trial

One of {size}.
@@
# inputs
import numpy as np
import pandas as pd
from crmlab import practice


def inputs(variant):
    rng = variant.rng("paid")
    ids = [f"c{number}" for number in range(20)]
    paid = pd.DataFrame({"id": ids, "cents": rng.integers(100, 100_000, 20)})
    worth = paid.set_index("id")["cents"] + 30_000 * rng.random(20)
    level = variant.integer("level", 0, 1_000_000) / 1000
    return {"paid": paid, "size": len(ids), "near": level + 5.5}, {"worth": worth, "level": level}
@@
# set-up
paid, size = given.paid, given.size
@@
## P1.1 Mean

What is it?
@@
# starter
answer_1 = ...
@@
# form
form = practice.Number("cents", 0, tolerance=0.5)
@@
**Hint.** Add.
@@
# solution
def solution(paid):
    return paid["cents"].mean()
@@
# wrong
def total(paid):
    \"""That is the sum.\"""
    return paid["cents"].sum()


def half(paid):
    \"""That is half of it.\"""
    return paid["cents"].mean() / 2
@@
## P1.2 Whom

What is it?
@@
# starter
answer_2 = ...
@@
# form
form = practice.Selection(4, of="id", enough=0.5)
@@
# truth
def truth(worth):
    return worth
@@
**Hint.** Sort.
@@
# solution
def solution(paid):
    return paid.nlargest(4, "cents")["id"]
@@
# wrong
def smallest(paid):
    \"""These paid least.\"""
    return paid.nsmallest(4, "cents")["id"]
@@
## P1.3 Between

What is it?
@@
# starter
answer_3 = (..., ...)
@@
# form
form = practice.Interval("cents", -100, 2_000, widest=10)
@@
# truth
def truth(level):
    return level
@@
**Hint.** Take off what is too much.
@@
# solution
def solution(near):
    return near - 9, near - 1
@@
# wrong
def as_it_stands(near):
    \"""That is too high.\"""
    return near, near + 2"""


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, CELLS.split("\n@@\n"), "P1_trial")
    return tmp_path


def proof(folder, old="", new="", variants=1):
    assert CELLS.count(old) >= 1
    write(folder, CELLS.replace(old, new, 1).split("\n@@\n") if old else CELLS.split("\n@@\n"), "P1_trial")
    return practice.prove(practice.load("P1", folder), variants)


def test_an_exercise_that_holds_has_no_row(folder):
    assert proof(folder, variants=12).empty


@pytest.mark.parametrize(
    ("old", "new", "question", "answer", "outcome", "said"),
    [
        ('variant.rng("paid")', "np.random.default_rng()", "", "inputs", "differs", "take it from variant"),
        (
            'return paid["cents"].mean()',
            'return paid["cents"].mean() + np.random.default_rng().normal()',
            "P1.1",
            "solution",
            "differs",
            "give its generator a seed",
        ),
        ("given.paid,", "given.bills,", "", "set-up", "stopped", "no given thing 'bills'"),
        ("answer_1 = ...", "answer_1 = total(paid)", "P1.1", "starter", "stopped", "nothing has that name"),
        ("answer_1 = ...", "answer_1 = 5", "P1.1", "starter", "wrong", "counts as an answer"),
        ('paid["cents"].mean() / 2', 'paid["cents"].mean() + 0.3', "P1.1", "half", "right", "Right."),
        ('["cents"].mean() / 2', '["cents"].sum()', "P1.1", "half", "same", "cannot be told from total"),
        ("near, near + 2", "near - 1, near", "P1.3", "as_it_stands, as wide as is allowed", "right", ""),
        ('"near": level', '"told": level, "near": level', "P1.3", "told", "given", "holds the right answer"),
        ('+ 30_000 * rng.random(20)', "+ 0", "P1.2", "paid.cents", "given", "holds the right answer"),
        ('"size": ', '"mean": paid["cents"].mean(), "size": ', "P1.1", "mean", "given", "holds"),
        ('"size": ', '"mean": {"of": [paid["cents"].mean() / 100]}, "size": ', "P1.1", "mean", "given", ""),
        ('"size": ', '"a": pd.DataFrame({"b": [level, 2, 1]}), "size": ', "P1.3", "a.b, max", "given", ""),
        ('"size": ', '"a": pd.DataFrame({"b": [level - 3, 3]}), "size": ', "P1.3", "a.b, sum", "given", ""),
        ('of="id"', 'of="customer"', "P1.2", "form", "columns", "No given table has"),
        ("answer_1 = ...", "# answer_1\nx = 5", "P1.1", "starter", "missing", "It sets no answer_1"),
        ("One of {size}", "One of {Size_2}", "", "introduction", "broken", "no given"),
        ("One of {size}", "One of {paid}", "", "introduction", "broken", "cannot be written"),
        ('P1.1 Mean\n\nWhat is it?', "P1.1 Mean\n\n{nope}", "P1.1", "task", "broken", "no given"),
        ('Number("cents", 0,', 'Number("cents", "paid",', "", "exercise", "broken", "P1.1, # form: low"),
        ("return worth", "return 5", "", "exercise", "broken", "P1.2 is a Series"),
        ("return level", "return None", "", "exercise", "broken", "The truth of P1.3 is one number"),
        ('{"worth": worth,', '{"worth": worth, "size": 5,', "", "exercise", "broken", "keeps it back"),
        ('"cents"].mean() / 2', '"cents"].mean() / nothing', "P1.1", "half", "type", "nothing has that name"),
        ("paid, size =", '# paid["cents"].mean()\npaid, size =', "P1.1", "solution", "shown", ""),
    ],
)  # fmt: skip
def test_each_break_is_named(folder, old, new, question, answer, outcome, said):
    failed = proof(folder, old, new)
    found = failed[(failed["question"] == question) & (failed["answer"] == answer)]
    assert found["outcome"].tolist() == [outcome] and said in found["message"].item()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('pd.DataFrame({"id": ids,', 'pd.DataFrame({"id": [*{*ids}],', "In another process, folder"),
        ("paid = pd.", "ids[0] = f\"c{hash('c') % 10**9}\"\n    paid = pd.", "In another process, folder"),
        ('"size": len(ids)', '"size": pd.Timestamp.today().day', "In another process, folder"),
        ('"size": len(ids)', '"size": len(np.fromfile("sizes.csv", "u1"))', "Name files by their whole path"),
    ],
)  # fmt: skip
def test_what_hangs_on_this_process_day_or_folder_is_found(folder, old, new, said, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "sizes.csv").write_text("a" * 20)
    assert proof(folder, old, new, variants=1).empty  # of one variant this is not asked
    failed = proof(folder, old, new, variants=2)
    assert said in failed["message"].iloc[0]


def test_the_ranks_of_a_table_are_no_secret(folder):
    """Rows in the order of what they are worth, or a column that falls as it rises, tell whom to choose."""
    sort = "paid = paid.iloc[np.argsort(-worth.to_numpy())].reset_index(drop=True)\n    level ="
    assert "paid, its first rows" in [*proof(folder, "level =", sort)["answer"]]
    assert "paid.risk, the least" in [
        *proof(folder, "level =", 'paid["risk"] = -worth.to_numpy()\n    level =')["answer"]
    ]


def test_what_is_given_takes_no_notes_along(folder):
    given = practice.Given({"paid": pd.DataFrame({"id": [1]}).rename_axis(None)})
    noted = pd.DataFrame({"id": [1]})
    noted.attrs["truth"] = 5
    assert practice.Given({"paid": noted}).paid.attrs == {} and noted.attrs == {"truth": 5}
    assert practice.Given({"paid": noted}).fingerprint() == given.fingerprint()


def test_numbers_of_questions_that_skip_are_told(folder):
    write(folder, CELLS.replace("P1.3", "P1.4").replace("answer_3", "answer_4").split("\n@@\n"), "P1_trial")
    failed = practice.prove(practice.load("P1", folder), 1)
    assert failed[["question", "answer", "outcome"]].to_numpy().tolist() == [["P1.4", "number", "skipped"]]


@pytest.mark.parametrize(
    ("old", "new", "question"),
    [
        ("variant.integer(\"level\", 0, 1_000_000)", "variant.integer(\"level\", 0, 9_000)", "P1.3"),
        ("rng.integers(100, 100_000, 20)", "np.arange(1, 21) * 1000", "P1.1"),
        ("rng.integers(100, 100_000, 20)", "np.arange(1, 21) * 1000", "P1.2"),
    ],
)  # fmt: skip
def test_one_answer_for_all_is_found(folder, old, new, question):
    failed = proof(folder, old, new, variants=3)
    told = failed[failed["answer"] == "fixed answer"].set_index("question")
    assert told.loc[question, "outcome"] == "same for all" and "100%" in told.loc[question, "message"]


@pytest.mark.parametrize(
    ("more", "beside", "found"),
    [
        (0, '"price": range(20)', False),
        (300_000, '"price": range(20)', True),
        (300_000, '"price": range(20), "shelf": rng.permutation(20)', True),  # dealt out by lot
        (300_000, '"price": [*range(19), None]', True),
        (300_000, '"size": 1', True),  # by its row alone
    ],
)
def test_one_choice_under_other_names_is_found(folder, more, beside, found):
    """Ids of their own hide nothing where what costs 6 to 11 dollars is right for all students."""
    old = CELLS.partition('    ids = [f"c')[2].partition("    worth")[0]
    failed = proof(
        folder,
        old,
        f"""{{variant.integer('first', 100, 900) + number}}" for number in range(20)]
    cents = rng.integers(100, 100_000, 20) + {more} * (np.arange(20) // 6 == 1)
    paid = pd.DataFrame({{"id": ids, {beside}, "cents": cents}})
""",
        variants=4,
    )
    rows = failed[["question", "answer"]].to_numpy().tolist()
    assert (["P1.2", "fixed answer"] in rows) == found


def test_a_coincidence_among_the_given_is_no_leak(folder):
    # the size is the right answer for one of the variants tried, and not for the next
    first = practice.Drawn(practice.load("P1", folder), "trial", "trial 0").key("P1.1").right
    assert proof(folder, '"size": len(ids)', f'"size": {first}').empty


def test_rows_of_a_public_log_are_found_whatever_their_customers_are_called(folder):
    public = """log = datasets.load("cdnow_master").query("amount > 0").sample(20, random_state=rng)
    paid = pd.DataFrame({"id": ids, "cents": 100 * log["amount"].array, "day": log["date"].array})"""
    text = CELLS.replace('paid = pd.DataFrame({"id": ids, "cents": rng.integers(100, 100_000, 20)})', public)
    write(
        folder, text.replace("import practice\n", "import datasets, practice\n").split("\n@@\n"), "P1_trial"
    )
    failed = practice.prove(practice.load("P1", folder), 1)
    found = failed[failed["outcome"] == "public"]
    assert found["question"].tolist() == ["P1.2"] and "draw new customers" in found["message"].item()


def test_what_is_known_beforehand_is_tried_on_others():
    rng = np.random.default_rng(1)
    assert known_beforehand(rng.random(4_000), 0.2) == pytest.approx(0.2, abs=0.03)
    assert known_beforehand([0.5] * 5, 0.01) == 1


def test_attempts_are_drawn_anew_and_come_to_an_end():
    ann, seeds = practice.variant("key", "P1", "ann"), []
    with pytest.raises(ValueError, match="In 3 attempts nothing was drawn that bears every question of P1"):
        for one in ann.attempts(3):
            seeds.append(one.seed())
    assert seeds[0] == ann.seed() and len(set(seeds)) == 3


def test_a_release_names_the_student_with_whose_data_a_solution_is_not_right(folder, tmp_path, monkeypatch):
    fails = CELLS.replace(
        'return paid["cents"].mean()', 'return paid["cents"].mean() if near < 900 else None', 1
    )
    fails = fails.replace("def solution(paid)", "def solution(paid, near)", 1)
    write(folder, fails.split("\n@@\n"), "P1_trial")
    exercise, told = practice.load("P1", folder), []
    for number in range(40):
        drawn = practice.Drawn(exercise, "key", f"s{number}")
        if drawn.given.near < 900:
            practice.stand(drawn)
            continue
        with pytest.raises(ValueError, match=f"P1_trial.ipynb cannot be given to s{number}: .* of P1.1"):
            practice.stand(drawn)
        told.append(number)
    assert 0 < len(told) < 20
    roster = tmp_path / "roster.csv"
    roster.write_text("student\n" + "".join(f"s{number}\n" for number in range(60)))
    write(folder, fails.replace("900", "990").split("\n@@\n"), "P1_trial")
    # by another key it may be that nobody's number is so large
    monkeypatch.setattr("secrets.token_hex", lambda size: "a1" * size)
    release(["P1"], roster, tmp_path / "key.json", tmp_path / "out", folder)
    about = read_key(tmp_path / "key.json")
    again = [student for student, held in about["students"].items() if "drawn_again" in held]
    assert 0 < len(again) < 10
    for student in again:
        held = about["students"][student]
        assert held["drawn_again"] == {"P1_trial": 1}
        drawn = draw(exercise, about, student)
        assert drawn.given.fingerprint() == held["given"]["P1_trial"]  # of these data it is marked
        assert drawn.given.near < 990 and practice.Drawn(exercise, about["key"], student).given.near >= 990
    monkeypatch.setattr("crmlab.grading.handout.DRAWS", 1)
    with pytest.raises(ValueError, match=rf"cannot be given to {again[0]}:"):
        release(["P1"], roster, tmp_path / "other.json", tmp_path / "other", folder)


def test_an_interval_that_misses_the_truth_stops_no_release(folder):
    write(folder, CELLS.replace("near - 9, near - 1", "near - 5, near - 4").split("\n@@\n"), "P1_trial")
    practice.stand(practice.Drawn(practice.load("P1", folder), "key", "ann"))


def test_the_command_says_what_does_not_hold_and_shows_the_notebook(folder, tmp_path, capsys):
    typed = ["prove", "P1", "--exercises", str(folder), "--variants", "1"]
    assert main([*typed, "--preview", str(tmp_path / "look")]) == 0
    assert "It holds." in capsys.readouterr().out
    notebook = json.loads((tmp_path / "look" / "preview" / "P1_trial.ipynb").read_text(encoding="utf-8"))
    text = "".join(cell["source"] for cell in notebook["cells"])
    assert 'practice.read("P1_trial_data")' in text and "def solution" not in text and "One of 20." in text
    write(folder, CELLS.replace('["cents"].mean() / 2', '["cents"].sum()').split("\n@@\n"), "P1_trial")
    assert main(typed) == 1
    said = capsys.readouterr().out
    assert "P1_trial, P1.1, half, trial 0: same. It cannot be told from total." in said


def test_the_command_says_what_is_broken_before_it_shows_the_notebook(folder, tmp_path, capsys):
    write(folder, CELLS.replace("return level", "return None").split("\n@@\n"), "P1_trial")
    typed = ["prove", "P1", "--exercises", str(folder), "--variants", "1"]
    assert main([*typed, "--preview", str(tmp_path / "look")]) > 0  # there is none without right answers
    assert "The truth of P1.3 is one number" in capsys.readouterr().out
