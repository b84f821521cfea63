"""Files of one's own. Referees: what was written into them, byte by byte, and what a spreadsheet would do."""

import builtins
import re
from datetime import datetime

import pandas as pd
import pytest

from crmlab import collect

MAPPING = {"No": "customer_id", "名字": "name", "Tel": "telephone", "On": "recorded_at"}
TEXT = "No,名字,Tel,On\n007,王小明,+999 1234,2026-01-05\n0042,李华,+999 5678,2026/1/6\n"


def read(path, **arguments):
    return collect.read_file(path, MAPPING, **({"dates": ["recorded_at"]} | arguments))


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"),
     ("utf-16-be", "utf-16-be"), ("gb18030", "gb18030")],
)  # fmt: skip
def test_encodings_are_found_out(tmp_path, encoding, found):
    (tmp_path / "a.csv").write_bytes(TEXT.encode(encoding))
    report = read(tmp_path / "a.csv")
    assert report.what == f"a.csv, {found}"
    assert report.table["name"].tolist() == ["王小明", "李华"]
    assert report.table["customer_id"].tolist() == ["007", "0042"]
    assert report.table["recorded_at"].tolist() == [pd.Timestamp(2026, 1, 5), pd.Timestamp(2026, 1, 6)]


def test_latin_letters_are_no_chinese_and_what_may_be_either_is_asked(tmp_path):
    (tmp_path / "a.csv").write_bytes("No,Name\n1,Jörg Müller\n2,Renée Ånäs\n".encode("latin-1"))
    report = collect.read_file(tmp_path / "a.csv", {"Name": "name"})
    assert report.table["name"].tolist() == ["Jörg Müller", "Renée Ånäs"] and "latin-1" in report.what
    (tmp_path / "b.csv").write_bytes("No,Name\n1,Zoë\xe9 Öz\n".encode("latin-1"))
    with pytest.raises(ValueError, match="may be GB18030 or latin-1"):
        collect.read_file(tmp_path / "b.csv", {"Name": "name"})
    with pytest.raises(ValueError, match="a.csv is not utf-8: line 2"):
        collect.read_file(tmp_path / "a.csv", {"Name": "name"}, encoding="utf-8")
    with pytest.raises(ValueError, match="There is no encoding 'gbk9'"):
        collect.read_file(tmp_path / "a.csv", {"Name": "name"}, encoding="gbk9")


def test_curly_quotes_and_the_euro_of_windows_are_neither_chinese_nor_signs_that_nobody_sees(tmp_path):
    def names(text, **how):
        (tmp_path / "a.csv").write_bytes(f"No,Name\n1,{text}\n".encode("cp1252"))
        return collect.read_file(tmp_path / "a.csv", {"Name": "name"}, **how).table["name"].tolist()

    assert names("“Zoë”, 10 €".replace(",", "")) == ["“Zoë” 10 €"]
    with pytest.raises(ValueError, match="may be GB18030 or cp1252"):
        names("Joe’s")  # these two bytes are a Chinese character, too
    assert names("Joe’s", encoding="cp1252") == ["Joe’s"]
    (tmp_path / "b.csv").write_text("No,Name\n1,tea\n", encoding="utf-8-sig")
    for given in ("utf-8", "utf-8-sig"):
        report = collect.read_file(tmp_path / "b.csv", {"No": "number"}, encoding=given)
        assert report.table["number"].tolist() == ["1"]
    with pytest.raises(ValueError, match="There is no encoding 8"):
        collect.read_file(tmp_path / "b.csv", {"No": "number"}, encoding=8)


def test_a_head_may_hold_the_other_delimiter_in_quotes_and_stands_in_one_line(tmp_path):
    (tmp_path / "a.csv").write_text('"No; or a; b; c",Tel\n1,5\n', encoding="utf-8")
    report = collect.read_file(tmp_path / "a.csv", {"No; or a; b; c": "number", "Tel": "telephone"})
    assert report.table.to_numpy().tolist() == [["1", "5"]]
    (tmp_path / "b.csv").write_text('No,"Tel\nhome"\n1,5\n', encoding="utf-8")
    with pytest.raises(ValueError, match="first row names the columns in one line"):
        collect.read_file(tmp_path / "b.csv", {"No": "number"})


@pytest.mark.parametrize(
    ("cell", "kept"),
    [("8.6E+12", 0), (" 8.6E+12 ", 0), ("-8.6E+12", 0), ("8,6e12", 0), ("12E3", 1), ("8.6E+12x", 1)],
)
def test_digits_that_a_spreadsheet_lost_are_seen_beside_spaces_and_signs(tmp_path, cell, kept):
    (tmp_path / "a.csv").write_text(f'No,Tel\n1,"{cell}"\n', encoding="utf-8")
    assert collect.read_file(tmp_path / "a.csv", {"Tel": "telephone"}).counts["taken"] == kept


def test_ragged_rows_and_open_quotes_cost_their_own_row_only(tmp_path):
    good = [f"{one:03},Al {one},+999 {one},2026-01-05" for one in range(60)]
    lines = ["No,名字,Tel,On", *good]
    lines[11], lines[21], lines[31] = "010,Al 10,+999 10", '020,"Al 20,+999 20,2026-01-05', "030,a,b,c,d,e"
    lines[41] = '040,"Al ""the quay""\n40, too",+999 40,2026-01-05'
    lines[51] = '050,5" pot,+999 50,2026-01-05'
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    report = read(tmp_path / "a.csv")
    assert report.rejected["row"].tolist() == [12, 22, 32]
    assert report.rejected["given"].tolist() == ["010, Al 10, +999 10", lines[21], "030, a, b, c, d, e"]
    assert "a quote is opened and not closed" in report.rejected["reason"].tolist()
    assert len(report.table) == 57 and report.counts["offered"] == 60
    assert report.table.at[42, "name"] == 'Al "the quay"\n40, too' and report.table.at[53, "name"] == '5" pot'


def test_ten_million_characters_in_one_cell_cost_one_row(tmp_path):
    (tmp_path / "a.csv").write_text(f"No,Name\n1,Al\n2,{'x' * 10_000_000}\n3,{'y' * 10_001}\n4,Bo\n")
    report = collect.read_file(tmp_path / "a.csv", {"No": "customer_id", "Name": "name"})
    assert report.table["name"].tolist() == ["Al", "Bo"]
    assert len(report.rejected.at[0, "given"]) > 10_000_000
    assert report.rejected["reason"].tolist() == [
        "a row too long to be read",
        "name has more than 10,000 characters",
    ]


def test_columns_that_are_there_twice_or_not_at_all(tmp_path):
    (tmp_path / "a.csv").write_text("No;Mail;Mail\n1;a@b;c@d\n")
    with pytest.raises(ValueError, match="Columns 2 and 3 of the file are all called 'Mail'"):
        collect.read_file(tmp_path / "a.csv", {"Mail": "mail"})
    assert collect.read_file(tmp_path / "a.csv", {"No": "customer_id"}).table["customer_id"].tolist() == ["1"]
    with pytest.raises(ValueError, match="There is no column 'Malt'. Valid: Mail, Mail, No"):
        collect.read_file(tmp_path / "a.csv", {"Malt": "mail"})
    with pytest.raises(ValueError, match="There is no new name in the mapping 'day'"):
        collect.read_file(tmp_path / "a.csv", {"No": "customer_id"}, dates=["day"])


@pytest.mark.parametrize("day", ["03/04/2026", "2026-02-30", "45000", "yesterday"])
def test_days_that_are_none_are_told(tmp_path, day):
    (tmp_path / "a.csv").write_text(f"No,On\n1,{day}\n2,2026年3月4日\n", encoding="utf-8")
    report = collect.read_file(
        tmp_path / "a.csv", {"No": "customer_id", "On": "recorded_at"}, dates=["recorded_at"]
    )
    assert report.rejected["reason"].tolist() == [f"recorded_at {day} is no day: write 2026-11-27"]
    assert report.table["recorded_at"].tolist() == [pd.Timestamp(2026, 3, 4)]


def test_what_is_required_and_empty(tmp_path):
    (tmp_path / "a.csv").write_text("No,Name\n,Al\n2,\n")
    report = collect.read_file(
        tmp_path / "a.csv", {"No": "customer_id", "Name": "name"}, required=["customer_id"]
    )
    assert report.rejected["reason"].tolist() == ["no customer_id"] and report.table[
        "name"
    ].isna().tolist() == [True]
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(ValueError, match="The file is empty"):
        collect.read_file(tmp_path / "b.csv", {"No": "customer_id"})
    with pytest.raises(OSError, match="There is no file"):
        collect.read_file(tmp_path / "c.csv", {"No": "customer_id"})


def test_sheets_keep_days_telephones_and_leading_zeros(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    page = book.active
    page.append(["No", "名字", "Tel", "On"])
    page.append([7, "王小明", 99912345678.0, 46027])
    page.append(["008", "李华", 9.9912345678e10, datetime(2026, 1, 6)])
    page.append([9, "Al", 1.23456789012345678e18, "2026-01-07"])
    page.append([10, "Bo", None, 3.5])
    page["A2"].number_format = "00000"
    page["C3"].number_format = "0.00E+00"
    book.save(tmp_path / "a.xlsx")
    report = read(tmp_path / "a.xlsx")
    assert report.table["customer_id"].tolist() == ["00007", "008"]
    assert report.table["telephone"].tolist() == ["99912345678", "99912345678"]
    assert report.table["recorded_at"].tolist() == [pd.Timestamp(2026, 1, 5), pd.Timestamp(2026, 1, 6)]
    assert [one.split()[0] for one in report.rejected["reason"]] == ["telephone", "recorded_at"]
    with pytest.raises(ValueError, match="There is no sheet 'Cards'"):
        read(tmp_path / "a.xlsx", sheet="Cards")
    (tmp_path / "b.xlsx").write_bytes(b"No,Name\n")
    with pytest.raises(ValueError, match="cannot be read as an Excel file"):
        read(tmp_path / "b.xlsx")


def test_without_openpyxl_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "a.xlsx").write_bytes(b"")
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "openpyxl":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ImportError, match=re.escape("Excel files need openpyxl: pip install 'crmlab[excel]'")
    ):
        collect.read_file(tmp_path / "a.xlsx", MAPPING)


def test_no_cell_that_is_written_is_a_formula(tmp_path):
    table = pd.DataFrame(
        {"=name": ["=1+1", "+999 1", "-2", "@x", "\tx", "tea", None, "'=1"], "n": range(-4, 4)}
    )
    written = collect.write_csv(table, tmp_path / "a.csv").read_text(encoding="utf-8-sig").splitlines()
    assert written[0] == "'=name,n"
    assert [line[0] for line in written[1:7]] == ["'"] * 5 + ["t"]
    assert [line.rpartition(",")[2] for line in written[1:]] == [str(one) for one in range(-4, 4)]
    assert written[8].startswith("''=1")
    wide = pd.DataFrame({"note": ["＝1+1", "＋1", "－1", "＠x", "\n=1", "茶＝1"]})
    written = collect.write_csv(wide, tmp_path / "b.csv").read_text(encoding="utf-8-sig")
    assert written.count("'") == 5 and "\n茶＝1" in written


def test_a_file_goes_into_the_base_and_nothing_is_lost(tmp_path):
    (tmp_path / "a.csv").write_text(TEXT + "9,N/A,x\n", encoding="gb18030")
    report = read(tmp_path / "a.csv")
    with collect.open_base(":memory:") as base:
        counts = collect.load(base, report.table.assign(source="shop"), ["name", "telephone"]).counts
    assert counts["new"] == 4 and report.counts["rejected"] == 1


def test_a_row_with_a_cell_too_many_and_one_that_opens_a_quote_swallow_nothing(tmp_path):
    (tmp_path / "a.csv").write_text('No,Name,Tel\n1,"a,7\n2,b,8\n3,c"\n4,d,9,more\n', encoding="utf-8")
    report = collect.read_file(tmp_path / "a.csv", {"No": "number", "Name": "name"})
    assert report.table["name"].to_dict() == {3: "b"}
    reasons = ["a quote is opened and not closed", "2 cells in place of 3", "4 cells in place of 3"]
    assert report.rejected["reason"].tolist() == reasons
    assert report.rejected["row"].tolist() == [2, 4, 5]


def test_rows_of_a_sheet_have_its_numbers_and_days_begin_in_march_1900(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["No", "On"], [1, 61], [None, None], [2, 60], [3, 46_027], [4, 46_027.5]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    report = collect.read_file(tmp_path / "a.xlsx", {"No": "number", "On": "day"}, dates=["day"])
    assert report.table["day"].dt.strftime("%Y-%m-%d").to_dict() == {2: "1900-03-01", 5: "2026-01-05"}
    assert report.rejected["row"].tolist() == [4, 6]


def test_a_file_read_in_the_wrong_encoding_is_no_text_full_of_zeros(tmp_path):
    (tmp_path / "a.csv").write_bytes("No\n1\n".encode("utf-16-le"))
    with pytest.raises(ValueError, match="holds characters 0 when read as latin-1"):
        collect.read_file(tmp_path / "a.csv", {"No": "number"}, encoding="latin-1")
