"""What a user does with the company: draw, look, change, commit, write, read; and what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from crmlab import cli, company
from crmlab.company import (
    Company,
    World,
    contacts,
    history,
    loyalty,
    network,
    voices,
)
from crmlab.company._draft import Draft
from crmlab.company._draws import Draws, choose
from crmlab.company._schema import declared
from crmlab.company.company import STEPS
from crmlab.company.levers import Levers, policy


@pytest.fixture(scope="module")
def small() -> Company:
    return company.simulate(300, rng=1)


# ---- chance


def test_numbers_of_a_key_are_uniform_and_independent_between_purposes_and_keys():
    draws, keys = Draws(7), np.arange(200_000)
    first, second = draws.uniform("a", keys), draws.uniform("b", keys)
    third = draws.uniform("a", keys, 1)
    for one in (first, second, third):
        assert kstest(one, "uniform").pvalue > 0.001
        assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.01
    assert np.abs(np.corrcoef([first, second, third]) - np.eye(3)).max() < 0.01


def test_a_number_belongs_to_its_key_whoever_else_is_there():
    draws = Draws(7)
    assert draws.uniform("a", np.array([5, 9]))[1] == draws.uniform("a", np.array([9]))[0]
    assert draws.uniform("a", np.array([9]))[0] != Draws(8).uniform("a", np.array([9]))[0]


def test_choose_gives_each_index_its_share():
    shares = np.bincount(choose((np.arange(1000) + 0.5) / 1000, [1, 2, 7]), minlength=3) / 1000
    assert shares.tolist() == [0.1, 0.2, 0.7]


# ---- the same seed, the same company


def test_the_same_seed_gives_the_same_company_and_another_seed_another():
    one, same, other = (company.simulate(200, rng=seed).hashes() for seed in (1, 1, 2))
    assert one.equals(same)
    # a table of constant size and content may agree
    constant = {"products", "prices", "campaigns", "questions", "features", "codes"}
    assert set(one.index[one == other]) <= constant


def test_a_generator_gives_the_seed():
    one, two = (company.simulate(50, rng=np.random.default_rng(3)).hashes() for _ in range(2))
    assert one.equals(two)


def test_the_standard_company_is_the_one_on_record():
    """Promised under constraints.txt: what a lesson prints today it prints tomorrow."""
    record = json.loads((Path(__file__).parent / "hashes.json").read_text())
    assert company.simulate().hashes().to_dict() == record


@pytest.mark.parametrize(
    "left_out",
    [
        contacts.add_contacts,
        network.add_community,
        loyalty.add_memberships,
        voices.add_surveys,
    ],
)
def test_a_table_more_or_less_changes_no_other(left_out):
    """Each step draws from streams of its own, so leaving it out changes nothing else."""
    whole = company.simulate(200, rng=1)
    base = company.world()
    draft = Draft(base, policy(Levers(), base), Draws(1), 200)
    for step in STEPS:
        if step is not left_out:
            step(draft)
    made = set(draft.tables)
    assert made < set(whole.tables)
    for name in made:
        pd.testing.assert_frame_equal(draft.tables[name], whole.tables[name])


# ---- worlds and levers


def test_worlds_have_one_schema():
    worlds = [
        company.simulate(50, world) for world in ("base", "textbook", "seasonal", "promo_driven", "clockwork")
    ]
    types = [
        {name: table.dtypes.astype(str).to_dict() for name, table in one.tables.items()} for one in worlds
    ]
    assert all(one == types[0] for one in types)


def test_a_world_prints_as_a_table_and_says_what_differs():
    assert company.world("base").table().loc["rate_shape", "value"] == 0.9
    assert repr(company.world("clockwork", season=0.5)) == "World 'clockwork' with season=0.5"
    assert company.world("base", season=0.5) == World(season=0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sesaon": 0.5}, "Did you mean 'season'"),
        ({"season": 5}, "from 0 to 0.9"),
        ({"season": "much"}, "a number from 0"),
        ({"season": float("nan")}, "a number from 0"),
        ({"season": None}, "a number from 0"),
        ({"campaigns": 2.5}, "a whole number"),
        ({"campaigns": True}, "a whole number"),
        ({"days": 100, "campaigns": 6}, "leave 14 days to each"),
        ({"rate_shape": 50, "rate_scale": 1}, "mean orders a day, is 1 at most"),
        ({"loading": 0.9, "method_variance": 0.3}, "exceed 1"),
    ],
)
def test_a_wrong_parameter_is_refused_with_the_valid_ones(changes, message):
    with pytest.raises(ValueError, match=message):
        company.world("base", **changes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"world": "bsae"}, "Did you mean 'base'"),
        ({"world": None}, "There is no world None"),
        ({"customers": 0}, "at least 1"),
        ({"customers": 2.5}, "whole number"),
        ({"customers": 10**9}, "2,000,000 at most"),
        ({"rng": -1}, "rng"),
        ({"rng": "seven"}, "rng"),
        ({"rng": True}, "rng"),
        ({"customers": True}, "whole number"),
    ],
)
def test_a_wrong_company_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        company.simulate(**arguments)


@pytest.mark.parametrize(
    ("lever", "message"),
    [
        (
            {"price": 1},
            "There is no lever 'price'. Valid: attribute, campaign, campaign_discount",
        ),
        ({"complaint_response_days": -1}, "a number from 0 to 60"),
        ({"complaint_response_days": "soon"}, "a number from 0 to 60"),
        ({"campaign": "some"}, "'none', 'random' or 'all'"),
        ({"experienced_handlers": 1}, "True or False"),
        ({"redesign_day": 1.5}, "a whole number"),
        ({"campaign_discount": 0.5}, "a number from 0 to 0.45"),
        ({"programme": "all"}, "'own' or 'none'"),
        ({"follow_up": 7}, "a dict of first_days"),
        ({"follow_up": {}}, "a dict of first_days"),
        ({"follow_up": {"first_day": 7}}, "a dict of first_days"),
        ({"follow_up": {"times": 1.5}}, "times .a whole number from 0 to 6"),
        ({"follow_up": {"gap_days": 1}}, "gap_days .5 to 120"),
        ({"referral_reward": -1}, "cents, a number from 0 to 10000"),
        ({"influence": 3.1}, "a factor, a number from 0 to 3"),
        ({"influence": float("nan")}, "a factor, a number from 0 to 3"),
        ({"influence": {}}, "or a dict of customer ids to such factors"),
        ({"influence": {0: 1}}, "or a dict of customer ids to such factors"),
        ({"influence": {7: 4}}, "or a dict of customer ids to such factors"),
        ({"influence": {"Ann": 0}}, "or a dict of customer ids to such factors"),
        ({"samples": "all"}, "a list of customer ids, a whole number of customers, or 'none'"),
        ({"samples": [1, 2.5]}, "a list of customer ids"),
        ({"samples": [0]}, "a list of customer ids"),
        ({"service_level": {"top": 1}}, "a dict of 'high', 'middle', 'low'"),
        ({"service_level": {"high": 3}}, "numbers from -2 to 2"),
        ({"attribute": {"colour": 1}}, "'taste', 'price', 'packaging', 'delivery', 'staff'"),
        ({"attribute": {"taste": True}}, "numbers from -2 to 2"),
    ],
)
def test_a_wrong_lever_is_refused_with_the_valid_ones(small, lever, message):
    with pytest.raises(ValueError, match=message):
        small.do(**lever)


def test_no_campaign_lever_where_there_is_no_campaign():
    with pytest.raises(ValueError, match="has no campaigns"):
        company.simulate(20, "textbook").do(campaign="all")


def test_every_lever_is_listed_and_levers_add_up(small):
    assert list(company.levers().index) == list(vars(small.levers))
    twin = small.do(campaign="none").do(redesign_day=0)
    assert (twin.levers.campaign, twin.levers.redesign_day) == ("none", 0)
    assert twin.hashes().equals(small.do(redesign_day=0, campaign="none").hashes())
    assert not twin.treatments["treated"].any()


def test_doing_nothing_gives_the_same_company(small):
    assert small.do().hashes().equals(small.hashes())


# ---- cards


def test_cards_tell_every_table_and_column(small):
    assert list(small.card().index) == list(declared()["company"]) == list(small.tables)
    for name, table in small.tables.items():
        assert list(small.card(name).index) == list(table.columns)
    with pytest.raises(ValueError, match="Did you mean 'complaints'"):
        small.card("complaint")
    with pytest.raises(AttributeError, match="Did you mean 'complaints'"):
        small.complaint  # noqa: B018


def test_every_table_and_column_has_a_meaning_and_every_quantity_a_unit():
    for side, tables in declared().items():
        for name, table in tables.items():
            assert table.one_row.strip(), (side, name)
            for column in table.columns.values():
                assert len(column.meaning.split()) > 1, (side, name, column)
                if column.kind.strip("?") in ("integer", "number", "score") and not column.key:
                    assert column.unit, (side, name, column)


def test_every_money_column_says_so():
    for side in declared().values():
        for table in side.values():
            for column in table.columns.values():
                assert column.name.endswith("_cents") == column.unit.startswith("cents"), column


# ---- the envelope


def test_commit_then_open(small):
    with pytest.raises(ValueError, match=r"company.commit\('purchase_rate', low, high\). Then open"):
        small.open_envelope("purchase_rate")
    small.commit("purchase_rate", 0, 1)
    small.commit("purchase_rate", 0.5, 1)  # still closed: the later one counts
    opened = small.open_envelope("purchase_rate")
    assert opened.index.tolist() == small.customers["customer_id"].tolist()
    line = small.calibration().loc["purchase_rate"]
    assert line["low"] == 0.5 and line["truth"] == opened.mean() and not line["inside"]
    small.plot_calibration()


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("alive", lambda t: t["customers"]["alive"].mean()),
        ("segment: gift", lambda t: (t["customers"]["segment"] == "gift").mean()),
        ("contacts.customer_id", lambda t: t["contacts"]["customer_id"].nunique()),
        ("left_on", lambda t: t["customers"]["left_on"].notna().mean()),
        ("adoptions.told_by_id", lambda t: t["adoptions"]["told_by_id"].notna().mean()),
        ("orders.experience", lambda t: t["orders"]["experience"].mean()),
        ("treatments.expected_treated_cents", lambda t: t["treatments"]["expected_treated_cents"].mean()),
        ("news.leads_ever", lambda t: t["news"]["leads_ever"].mean()),
        ("people.decider", lambda t: t["people"]["decider"].mean()),
    ],
)
def test_each_kind_of_question_has_its_number(small, what, number):
    small.commit(what, 0, 1)
    small.open_envelope(what)
    assert small.calibration().loc[what, "truth"] == number(small._truth)


@pytest.mark.slow
def test_every_question_can_be_asked(small):
    asked = company.simulate(300, rng=1)
    for question, number in company.questions()["number"].items():
        labels = [
            "",
            *(
                f": {one}"
                for one in (
                    "gift",
                    "left",
                    "client",
                    "typing",
                    "product",
                    "taste",
                    "must_be",
                    "club",
                    "plain",
                    "need",
                    "tin",
                    "late_payment",
                )
            ),
        ]
        done = 0
        for label in labels:
            try:
                asked.commit(question + label, 0, 1)
                asked.open_envelope(question + label)
                done += 1
            except ValueError as error:
                assert "Valid" in str(error) or "no labels" in str(error)
        assert done == 1, (question, number)


@pytest.mark.parametrize(
    ("what", "low", "high", "message"),
    [
        ("happiness", 0, 1, "There is no question 'happiness'"),
        ("segment", 0, 1, "segment: gift"),
        ("segment: gfit", 0, 1, "segment: gift"),
        ("alive: yes", 0, 1, "no labels"),
        ("alive", 1, 0, "from low to high"),
        ("alive", 0, float("inf"), "finite"),
        ("alive", float("nan"), 1, "finite"),
        ("alive", "low", "high", "two numbers"),
        ("alive", "0.3", "0.6", "two numbers"),
        ("alive", 10**400, 1, "finite"),
        ("alive", None, 1, "two numbers"),
        ("alive", 60, 80, r"a share, between 0 and 1; got 60 to 80. .*commit\('alive', 0.6, 0.8\)"),
        ("segment: gift", 0, 2.5, r"commit\('segment: gift', 0, 0.025\)"),
        ("left_on", 35, 60, r"commit\('left_on', 0.35, 0.6\)"),
        ("share_of_wallet", 30, 70, r"commit\('share_of_wallet', 0.3, 0.7\)"),
        ("alive", -0.1, 0.5, "between 0 and 1; got -0.1 to 0.5.$"),
        ("alive", 60, 800, "between 0 and 1; got 60 to 800.$"),
    ],
)
def test_a_wrong_commitment_is_refused(small, what, low, high, message):
    with pytest.raises(ValueError, match=message):
        small.commit(what, low, high)


def test_a_bet_after_opening_is_kept_apart_under_any_name_and_does_not_count(capsys):
    one = company.simulate(300, rng=1)
    one.commit(" alive", 0, 1)
    one.commit("segment: gift", 0, 1)
    one.open_envelope("alive ")
    one.open_envelope("segment:gift")
    before = one.calibration()
    assert capsys.readouterr().out == ""
    for what in ("alive", "alive:", "segment: trade"):
        one.commit(what, 0.25, 0.5)
        assert "0.25 to 0.5, is kept apart and does not count in calibration()" in capsys.readouterr().out
        one.open_envelope(what)
    pd.testing.assert_frame_equal(one.calibration(), before)
    late = one.calibration(late=True)
    assert list(late.index) == ["alive", "segment: trade"] and (late["high"] == 0.5).all()
    assert late.loc["alive", "truth"] == before.loc["alive", "truth"]


def test_running_a_bet_and_its_opening_again_unchanged_says_and_changes_nothing(capsys):
    one = company.simulate(300, rng=1)
    for _ in range(2):
        one.commit("alive", 0.2, 0.9)
        one.open_envelope("alive")
    assert capsys.readouterr().out == "" and one.calibration(late=True).empty and len(one.calibration()) == 1


def test_there_is_nothing_to_ask_about_a_table_without_rows():
    with pytest.raises(ValueError, match="nothing to ask about 'complaints.gain'"):
        company.simulate(1, rng=1).commit("complaints.gain", 0, 1)


def test_a_point_may_be_committed_to_and_the_empty_ledger_drawn():
    one = company.simulate(50, rng=1)
    assert one.calibration().empty
    one.plot_calibration()
    one.commit("news.homophily", 0.6, 0.6)
    one.open_envelope("news.homophily")
    assert one.calibration()["inside"].all()
    one.plot_calibration()


def test_what_is_opened_is_a_copy(small):
    small.commit("engagement", -1, 1)
    opened = small.open_envelope("engagement")
    opened.iloc[:] = 99
    assert small.open_envelope("engagement").abs().max() < 10


# ---- folders


def test_a_folder_brings_back_the_same_tables_without_the_truth(small, tmp_path):
    small.write(tmp_path / "tea")
    back = Company.read(tmp_path / "tea")
    for name, table in small.tables.items():
        pd.testing.assert_frame_equal(back.tables[name], table)
    for closed in (lambda: back.commit("alive", 0, 1), lambda: back.open_envelope("alive"), back.do):
        with pytest.raises(LookupError, match="without its envelope"):
            closed()
    with pytest.raises(LookupError, match="without its envelope"):
        back.write(tmp_path / "more", truth=True)


def test_a_folder_without_the_truth_does_not_tell_how_to_draw_it(small, tmp_path):
    small.write(tmp_path / "tea")
    told = json.loads((tmp_path / "tea" / "company.json").read_text())
    assert set(told) == {"schema_version", "view", "customers", "levers", "hashes"} and set(
        told["hashes"]
    ) == {""}
    assert {path.stem for path in (tmp_path / "tea").rglob("*.parquet")} == set(small.tables)
    secret = {column for table in declared()["truth"].values() for column in table.columns}
    public = {column for table in declared()["company"].values() for column in table.columns}
    for name in small.tables:
        columns = set(pd.read_parquet(tmp_path / "tea" / f"{name}.parquet").columns)
        assert not columns & (secret - public)


def test_a_folder_with_the_truth_brings_back_the_twin(small, tmp_path):
    twin = small.do(campaign="none")
    twin.write(tmp_path / "tea", truth=True)
    back = Company.read(tmp_path / "tea")
    for name, table in twin._truth.items():
        pd.testing.assert_frame_equal(back._truth[name], table)
    assert back.do(redesign_day=0).hashes().equals(twin.do(redesign_day=0).hashes())


def test_a_folder_keeps_the_policy_and_numbers_of_any_kind(tmp_path):
    own = company.world(days=np.int16(400), campaigns=np.int64(1), season=np.float32(0.5))
    twin = company.simulate(30, own, 1).do(campaign="none", redesign_day=np.int64(3))
    twin.write(tmp_path / "with", truth=True)
    twin.write(tmp_path / "without")
    assert Company.read(tmp_path / "without").levers == twin.levers == Company.read(tmp_path / "with").levers
    assert (
        company.simulate(30, company.world(days=400, campaigns=1, season=0.5), 1)
        .hashes()
        .equals(company.simulate(30, own, 1).hashes())
    )


def test_an_interrupted_write_leaves_nothing_behind(small, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(pd.DataFrame, "to_parquet", interrupted)
        with pytest.raises(KeyboardInterrupt):
            small.write(tmp_path / "tea")
    assert list(tmp_path.iterdir()) == []
    small.write(tmp_path / "tea")


@pytest.mark.parametrize(
    "about",
    [
        "[]",
        "null",
        "{",
        '{"schema_version": 1}',
        '{"schema_version": 1, "view": "company", "customers": -1, "levers": {}, "hashes": {}}',
    ],
)
def test_a_changed_description_is_refused(small, tmp_path, about):
    small.write(tmp_path / "tea")
    (tmp_path / "tea" / "company.json").write_text(about)
    with pytest.raises(ValueError, match=r"company.json is not as it was written"):
        Company.read(tmp_path / "tea")


def test_a_changed_table_is_refused(small, tmp_path):
    small.write(tmp_path / "tea")
    orders = tmp_path / "tea" / "orders.parquet"
    small.orders.iloc[1:].to_parquet(orders, index=False)
    with pytest.raises(ValueError, match="not the table that was written"):
        Company.read(tmp_path / "tea")
    small.customers.to_parquet(orders, index=False)
    with pytest.raises(ValueError, match="cannot be read"):
        Company.read(tmp_path / "tea")
    orders.write_bytes(b"PAR1 no longer")
    with pytest.raises(ValueError, match="cannot be read"):
        Company.read(tmp_path / "tea")


def test_a_customer_who_would_order_too_often_is_refused_and_not_cut_short(monkeypatch):
    monkeypatch.setattr(history, "MOST_ORDERS", 20)
    with pytest.raises(ValueError, match="more than 20 times: raise rate_scale"):
        company.simulate(300, rng=1)


def test_folders_are_refused_with_a_reason(small, tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        small.write(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep me"
    with pytest.raises(FileNotFoundError, match="no company"):
        Company.read(tmp_path)
    small.write(tmp_path / "tea")
    (tmp_path / "tea" / "orders.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"orders.parquet is missing"):
        Company.read(tmp_path / "tea")
    (tmp_path / "tea" / "company.json").write_text('{"schema_version": 99, "customers": 1}')
    with pytest.raises(ValueError, match="of version 99"):
        Company.read(tmp_path / "tea")


def test_the_command_writes_a_company_and_refuses_to_overwrite(tmp_path, capsys):
    words = [
        "company",
        "--customers",
        "50",
        "--world",
        "clockwork",
        "--seed",
        "3",
        "--out",
        str(tmp_path / "tea"),
    ]
    same = company.simulate(50, "clockwork", 3)
    assert cli.main(words) == 0
    assert f"50 customers, {len(same.tables)} tables" in capsys.readouterr().out
    assert Company.read(tmp_path / "tea").hashes().equals(same.hashes())
    assert cli.main(words) == 2
    assert "not an empty folder" in capsys.readouterr().err
    assert cli.main([*words[:-1], str(tmp_path / "with"), "--with-truth"]) == 0
    assert Company.read(tmp_path / "with").do().hashes().equals(same.hashes())


@pytest.mark.parametrize("wrong", [["--customers", "0"], ["--world", "bsae"], ["--seed", "-1"]])
def test_the_command_refuses_with_the_valid_choices(tmp_path, capsys, wrong):
    assert cli.main(["company", *wrong, "--out", str(tmp_path / "tea")]) == 2
    assert not (tmp_path / "tea").exists() and capsys.readouterr().err.startswith("crmlab company:")
