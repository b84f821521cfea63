"""Rosters as spreadsheets and learning platforms write them."""

import csv
import io
import re
import unicodedata
from itertools import zip_longest
from pathlib import Path
from typing import Any

from crmlab._tables import unknown

ALPHABETS = "äöüß àâæçéèêëîïôœùûüÿ áéíñóúüç áâãàçéêíóôõúü àéèìòóù àçèéíïòóúü åäöæøéü áéëïöüèó"
"""The letters beyond a to z of German, French, Spanish, Portuguese, Italian, Catalan, the North and Dutch: no
word takes some of one and some of another. Iceland's are left out: in the next code page they are Turkish."""

HANZI, PINYIN = "\u3400-\u9fff\U00020000-\U0003ffff", "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńň"

SURNAMES = frozenset(
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁沈任姚卢"
    "傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万覃武钱严莫孔向常汤欧阳"
)
"""With one of these begin the names of more than nine in ten Chinese."""

ALIKE = {"cp949": "가-힣", "koi8_r": "а-яёА-ЯЁ", "euc_jp": "\u3400-\u9fffぁ-ヿ\u3000", "cp874": "ก-๛"}
"""Korean, Russian, Japanese and Thai letters whose bytes are Chinese characters as well."""

ODD = (
    "õ(?!e)|ã(?![eo]|\\b)|ñ(?![aeiouáéíóú])|è[aeiouí]|œ(?!u)|[ÈÌÙ][a-z]|[a-zß-ÿ][À-ÞŒŸ]|"
    "[A-Z][À-ÞŒŸ][a-z]|[^\\W\\d_]{2}’[a-z]|[–\\xa0][a-z]"
)
"""What no word of Western Europe has, and some have that another code page wrote."""

PLATFORM_IDS = "sis login id,sis user id,username,id number,email address,email,identifier,id"
"""What Canvas and Moodle call the ids of a student, those first that a person would choose for a folder."""


NOBODY = re.compile(r"points possible|student, test$|test student$|$", re.IGNORECASE)
"""Rows of Canvas that are no student."""


def roster(path: str | Path) -> dict[str, str]:
    """Read who takes part.

    Parameters
    ----------
    path : str or Path
        A CSV file with a column ``student`` (a short id, which names the student's folder) and, if you like,
        ``name``; or what Canvas (Gradebook, Export) or Moodle (Participants, or an assignment's grading
        worksheet) writes. Separated by commas, semicolons or tabs; in UTF-8, UTF-16, GB18030 or the code
        page of Western Europe.

    Returns
    -------
    dict of str
        The name of each student, by id.

    Raises
    ------
    ValueError
        No such column, no row, a student who is there twice, an id that cannot name a folder, or letters
        that can be read in more than one way: the message tells the row.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "roster.csv"
    >>> _ = file.write_text("student,name\\ns1,Ann\\ns2,李雷\\n", encoding="gb18030")
    >>> roster(file)
    {'s1': 'Ann', 's2': '李雷'}
    """
    return {student: about["name"] for student, about in read_roster(path).items()}


def read_roster(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read a roster (:func:`roster`); return by id ``name``, and ``also``, the student's other ids.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "canvas.csv"
    >>> _ = file.write_text('Student,ID,SIS Login ID,Section\\n"Smith, Ann",1203,ann7,A\\n')
    >>> read_roster(file)
    {'ann7': {'name': 'Smith, Ann', 'also': ['1203']}}
    """
    text = decode(Path(path).read_bytes())
    if text is None:
        raise ValueError(
            f"{path} is neither UTF-8 nor GB18030 nor of a Western code page, or its letters can be read as "
            "two of them. Save it again as UTF-8: in Excel “CSV UTF-8”, in LibreOffice the character set."
        )
    columns, rows = _rows(path, text)
    ids, name = _dialect(path, columns)
    if ids[0] != "student":  # a platform's: its rows that are nobody's, its id columns that it left empty
        rows = [row for row in rows if not NOBODY.match(row[1][name[0]].strip())]
        full = [one for one in ids if all(row[one].strip() for _, row in rows)]
        ids = [*full, *(one for one in ids if one not in full)]
    students: dict[str, dict[str, Any]] = {}
    seen: dict[str, int] = {}
    for line, row in rows:
        found = [unicodedata.normalize("NFC", row[one].strip()) for one in ids]
        found = [re.sub(r"^Participant (\d+)$", r"\1", one) for one in found]
        student, said = found[0], " ".join(row[one] for one in name)
        if not names_a_folder(student) or re.fullmatch(r"\d(\.\d+)?E\+\d+", student):
            raise ValueError(
                f"{path}, line {line}: {student!r} cannot name a folder. An id has 1 to 64 letters or "
                "digits, with blanks and . @ + - _ between them; one such as 1.23E+12 a spreadsheet has cut."
            )
        if "\n" in said or "\r" in said:
            raise ValueError(f"{path}, line {line}: a quotation mark opens in this line and does not close.")
        if alike(student) in seen:
            raise ValueError(f"{path}: {student!r} is in line {seen[alike(student)]} and in line {line}.")
        seen[alike(student)] = line
        said = " ".join("".join(one if one.isprintable() else " " for one in said).split())
        students[student] = {"name": said, "also": [one for one in found[1:] if one]}
    if not students:
        raise ValueError(f"{path} names no student.")
    return students


def same(name: str) -> str:
    """Return a name as names are compared: archives change how é is written, blanks, and capitals."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def names_a_folder(student: str) -> bool:
    """Return whether an id may name a folder, on every system."""
    plain = re.fullmatch(r"\w([\w .@+-]{0,62}\w)?", student)
    device = r"(con|nul|aux|prn|(com|lpt)[\d¹²³])(\..*)?"  # to Windows
    others = r"__macosx|thumbs\.db|desktop\.ini|.*\.(zip|ipynb)"
    return bool(plain) and not re.fullmatch(f"(?i){device}|{others}", student)


def alike(student: str) -> str:
    """Return an id without what nobody sees: a file system may take two such ids for one."""
    return unicodedata.normalize("NFKC", student).casefold()


def decode(raw: bytes) -> str | None:
    """Return the text that some bytes hold, or None where none or more than one is plausible.

    Examples
    --------
    >>> decode("Müller".encode("cp1252")), decode("李雷".encode("gb18030"))
    ('Müller', '李雷')
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _decoded(raw, "utf-16")
    if 8 * raw.count(0) > len(raw):  # UTF-16 without its mark
        return _decoded(raw, "utf-16-le" if raw[1::2].count(0) > raw[::2].count(0) else "utf-16-be")
    unicode = _decoded(raw, "utf-8-sig")
    readings = [unicode] if unicode is not None else [_chinese(raw), _western(raw)]
    plausible = [one for one in readings if one is not None]
    return plausible[0] if len(plausible) == 1 else None


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _chinese(raw: bytes) -> str | None:
    """Return a text if it is one in GB18030."""
    text = _decoded(raw, "gb18030")
    if text is None or re.search(rf"[^\x00-\x7f{HANZI}{PINYIN}\u3000-\u303f\uff00-\uff65·—‘’“”…]", text):
        return None
    found = [*re.finditer(f"[{HANZI}]", text)]
    rare = [one for one in found if one[0].encode("gb18030")[1] < 0xA1]
    # "ü" and the letter behind it are read as one rare character, in the middle of a word
    around = [text[max(one.start() - 1, 0)] + text[one.end() : one.end() + 1] for one in rare]
    frequent = [one for one in found if 0xB0 <= one[0].encode("gb18030")[0] <= 0xD7]
    if 3 * len(rare) > len(found) or 2 * len(frequent) < len(found):
        return None
    other = [_decoded(raw, one) or "\0" for one in ALIKE]
    alike = [
        re.fullmatch(f"[\x01-\x7f{letters}]*", one)
        for one, letters in zip(other, ALIKE.values(), strict=True)
    ]
    words = re.findall(f"[{HANZI}]+", text)
    if any(alike) and 2 * sum(word[0] in SURNAMES for word in words) < len(words):
        return None
    return None if re.search("[A-Za-z]", "".join(around)) else text


def _western(raw: bytes) -> str | None:
    """Return a text if it is one in the code page of Western Europe."""
    text = _decoded(raw, "cp1252")
    if text is None or set(re.findall(r"[^\x00-\x7f]", text.lower())) - set(f"{ALPHABETS}’–\xa0"):
        return None
    if re.search(ODD, text):
        return None
    for word in re.findall(r"[^\W\d_]*[^\W\d_a-zA-Z][^\W\d_]*", text):
        foreign = {one for one in word.lower() if not one.isascii()}
        likely = any(foreign <= set(letters) for letters in ALPHABETS.split()) and re.search("[a-zA-Z]", word)
        capitals = "" if word.isupper() else "|.[À-ÞŸ]|[ß-ÿ][A-Z]"
        if not likely or re.search(rf"[^\x00-\x7f]{{3}}{capitals}", word):
            return None
    return text


def _rows(path: str | Path, text: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Return the columns, and by the number of its line each row."""
    lines = text.splitlines() or [""]
    first = lines[re.match(r"sep=.$", lines[0]) is not None :][:1] or [""]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first[0].count), strict=True)
    columns: list[str] = []
    rows: list[tuple[int, dict[str, str]]] = []
    line = 1
    try:
        for cells in reader:
            at, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells) or at == 1 and re.match("sep=", lines[0]):
                continue
            if not columns:
                last = max(number for number, cell in enumerate(cells) if cell.strip())
                columns = [cell.strip().lower() for cell in cells[: last + 1]]
                _dialect(path, columns)  # of the rows below a title nothing needs to be said
                continue
            if any(cell.strip() for cell in cells[len(columns) :]):
                raise ValueError(
                    f"{path}, line {at} has {len(cells)} cells, and there are {len(columns)} columns "
                    f"({', '.join(columns)}). A name with a {reader.dialect.delimiter!r} in it must stand in "
                    'quotation marks: "Smith, Ann".'
                )
            rows.append((at, dict(zip_longest(columns, cells[: len(columns)], fillvalue=""))))
    except csv.Error as error:
        raise ValueError(f"{path} is no table: line {line}, {error}.") from None
    if not columns:
        raise ValueError(f"{path} is no table: it is empty.")
    return columns, rows


def _dialect(path: str | Path, columns: list[str]) -> tuple[list[str], list[str]]:
    """Return the columns with a student's ids, and those with the name."""
    known = [one for one in PLATFORM_IDS.split(",") if one in columns]
    canvas = "id" in known and any(one == "section" or one.startswith("sis ") for one in columns)
    last = next((one for one in ("surname", "last name") if one in columns), "")
    if "student" in columns and canvas:
        ids, name = known, ["student"]
    elif "student" in columns:
        ids, name = ["student", *known], ["name" if "name" in columns else "student"]
    elif known and ("full name" in columns or "first name" in columns and last):
        ids, name = known, ["full name"] if "full name" in columns else ["first name", last]
    else:
        raise ValueError(f"{path}: {unknown('column', 'student', columns)}")
    for one in (*ids, *name):
        if columns.count(one) > 1:
            raise ValueError(f"{path} has two columns {one!r}.")
    return ids, name
