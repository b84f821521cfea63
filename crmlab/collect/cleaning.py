"""Clean what channels wrote down: one way of writing for every name, telephone, mail and address."""

from typing import Any

import pandas as pd

from crmlab._tables import as_pandas, extended, require_columns, whole_number

FIELDS = ("name", "telephone", "mail", "address", "birth_date")
_NOTHING = """
test tester testing na none null nil nan unknown anonymous noname customer xxx xx x asdf qwerty abc
notgiven notknown notapplicable nomail noemail nophone 无 不详 未知 没有 测试 匿名 客户
"""
_SURNAMES = set(  # the commonest of one character: where one stands tells which part is which
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范"
    "金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛阎闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞赖"
)
_READ = {
    "曾": "zeng", "单": "shan", "解": "xie", "仇": "qiu", "查": "zha", "朴": "piao", "盖": "ge", "翟": "zhai",
}  # fmt: skip
_HAN = r"[\u3400-\u9fff]"


def clean(
    contacts: Any,
    name: str | None = "name",
    telephone: str | None = "telephone",
    mail: str | None = "mail",
    address: str | None = "address",
    birth_date: str | None = "birth_date",
    shared: int = 100,
) -> pd.DataFrame:
    """Write names, telephones, mails and addresses in one way, so that equal things look equal.

    Parameters
    ----------
    contacts : table
        One row per record, of any engine.
    name, telephone, mail, address, birth_date : str or None
        Columns; None for one that the table does not have.
    shared : int
        A telephone number or mail address on more records than this is nobody's own, and is left out.

    Returns
    -------
    DataFrame
        A new table with the index and the other columns as they were, and these in their place under the
        names ``name``, ``telephone``, ``mail``, ``address``, ``birth_date``: small letters, full-width
        characters and accents made plain, telephones in digits, a date as 1984-09-18; what is no value
        (:func:`worthless_values`) is missing. Added are ``surname`` and ``given_name`` in Latin letters
        (a Chinese name in pinyin), ``name_key`` (both, in the order of the alphabet, which does not hang
        on which was written first), ``mail_user`` and ``mail_domain``.

    Raises
    ------
    ValueError
        If a column is not there or there twice, holds a number where text is needed (a telephone that a
        spreadsheet has rounded), a date is no whole day, or the table has no row or a column to be added.

    Notes
    -----
    Of a Latin name the last word is taken as surname, of a Chinese one the first character, or the last if
    only that is one of the commonest surnames; 小 and 老 beside a surname are no given name. Pinyin here
    has no tones, so different names can share one key.

    Examples
    --------
    >>> cards = pd.DataFrame({"name": ["WOMERSLEY, Leonora", "贾立华", "Test"], "telephone": "2595-2949"})
    >>> clean(cards, mail=None, address=None, birth_date=None)[["telephone", "name_key"]]
      telephone           name_key
    0  25952949  leonora womersley
    1  25952949        jia lihua
    2  25952949                NaN
    """
    table, columns = _checked(contacts, name, telephone, mail, address, birth_date)
    whole_number(shared, "shared", 1)
    made = _standard(table, columns)
    for field, values in made.items():
        made[field] = values.mask(_reason(values, field, shared).notna())
    table = extended(table.drop(columns=[*columns.values()]), **made)
    if name is not None:
        table = extended(table, **_name_parts(table["name"]))
    if mail is not None:
        parts = table["mail"].str.extract(r"^([^@]*)@(.*)$")
        table = extended(table, mail_user=parts[0], mail_domain=parts[1])
    return table


def worthless_values(
    contacts: Any,
    name: str | None = "name",
    telephone: str | None = "telephone",
    mail: str | None = "mail",
    address: str | None = "address",
    birth_date: str | None = "birth_date",
    shared: int = 100,
) -> pd.DataFrame:
    """Return the values that say nothing about who somebody is, and that :func:`clean` leaves out.

    Parameters
    ----------
    contacts, name, telephone, mail, address, birth_date, shared
        As for :func:`clean`.

    Returns
    -------
    DataFrame
        ``field``, ``value`` (as cleaned), ``records`` that hold it, and ``why``; the commonest first.

    Examples
    --------
    >>> cards = pd.DataFrame({"name": ["Test", "N/A", "Bo Li", "TEST"]})
    >>> worthless_values(cards, telephone=None, mail=None, address=None, birth_date=None)
      field value  records           why
    0  name  test        2  no real value
    1  name   n/a        1  no real value
    """
    table, columns = _checked(contacts, name, telephone, mail, address, birth_date)
    whole_number(shared, "shared", 1)
    found = []
    for field, values in _standard(table, columns).items():
        why = _reason(values, field, shared)
        told = pd.DataFrame({"field": field, "value": values, "why": why})[why.notna()]
        found.append(told.groupby(["field", "value", "why"], sort=False).size().reset_index(name="records"))
    everything = pd.concat(found)[["field", "value", "records", "why"]]
    return everything.sort_values("records", ascending=False, kind="stable", ignore_index=True)


def _checked(contacts: Any, *given: str | None) -> tuple[pd.DataFrame, dict[str, str]]:
    table = as_pandas(contacts)
    columns = {field: column for field, column in zip(FIELDS, given, strict=True) if column is not None}
    require_columns(table.columns, columns.values())
    if not len(table):
        raise ValueError("There is not a single record: the table has columns and no row.")
    if not columns:
        raise ValueError(f"Name at least one column: {', '.join(FIELDS)}.")
    for field, column in columns.items():
        held = table[column].dropna()
        if field != "birth_date" and not held.map(lambda one: isinstance(one, str)).all():
            raise ValueError(
                f"The {field} in {column!r} must be text and is {table[column].dtype}: leading zeros and "
                "what a spreadsheet rounded (9.99E+11) are lost. Read the file again, this column as text."
            )
    return table, columns


def _standard(table: pd.DataFrame, columns: dict[str, str]) -> dict[str, pd.Series]:
    made = {}
    for field, column in columns.items():
        values = table[column]
        if field == "birth_date":
            made[field] = _dates(values, column)
            continue
        text = values.astype("str").str.normalize("NFKC").str.lower().str.strip()
        if field == "telephone":
            text = text.str.replace(r"(?<=\d)\W*(?:ext|x)\.? *\d+$|(?<=\d{5})\.0$", "", regex=True)
            digits = text.str.replace(r"^\+|^00(?=[1-9])|[^\d]", "", regex=True)
            told = text.str.contains(r"\d", na=False) & ~text.str.contains(r"\de[+]?\d", na=False)
            text = digits.where(told, text)  # "n/a" stays what it says, and so does 9.99e+11
        elif field == "mail":
            text = text.str.replace(r"\s|^mailto:|^.*<|>$", "", regex=True)
        else:
            plain = text.str.normalize("NFKD").str.replace(r"[\u0300-\u036f]", "", regex=True)
            if field == "name":  # "Family, Given" is turned round
                plain = plain.str.replace(r"^([^,]+), *(.+)$", r"\2 \1", regex=True)
                plain = plain.str.replace(r"^(?:mr|mrs|ms|miss|dr|prof)\.? +", "", regex=True)
                plain = plain.str.replace(r"[^\w\s/]|_", "", regex=True)
            text = plain.str.replace(r"\s+", " ", regex=True).str.strip()
            text = text.str.replace(rf"(?<={_HAN}) | (?={_HAN})", "", regex=True)
        made[field] = text.mask(text == "")
    return made


def _dates(values: pd.Series, column: str) -> pd.Series:
    given = values.where(values.astype("str").str.strip() != "")
    numeric, day = given.dtype.kind in "iufb", given.dtype.kind == "M"
    texts = given if day else given.astype("str")
    if not day:  # a year or a month alone is no day
        texts = texts.where(texts.str.strip().str.fullmatch(r"\d{4}(-?)\d\d\1\d\d([T ][\d:.]+)?", na=False))
    dates = pd.to_datetime(texts, errors="coerce", format=None if day else "ISO8601")
    wrong = given.notna() & (dates.isna() | numeric)
    if wrong.any():
        first = int(wrong.to_numpy().argmax())
        raise ValueError(
            f"{int(wrong.sum())} values of {column!r} are no dates; the first is {given.iloc[first]!r} in "
            f"row {given.index[first]!r}. Write dates as 1984-09-18 (a spreadsheet keeps days as numbers)."
        )
    return dates.dt.strftime("%Y-%m-%d").astype("str")


def _reason(values: pd.Series, field: str, shared: int) -> pd.Series:
    """Return why a value tells nothing, missing where it does tell something."""
    bare = values.str.replace(r"[^\w]|_", "", regex=True)
    nothing = bare.isin(_NOTHING.split()) | (bare == "") | bare.str.fullmatch(r"(\w)\1{3,}", na=False)
    why = pd.Series("no real value", values.index, dtype="str").where(nothing & values.notna())
    if field == "mail":
        why = why.mask(
            why.isna() & values.notna() & ~values.str.contains(r".@.", na=False), "no mail address"
        )
    if field == "telephone":
        why = why.mask(why.isna() & ~values.str.fullmatch(r"\d{5,}", na=True), "too few digits")
    if field in ("telephone", "mail"):
        records = values.map(values.value_counts())
        why = why.mask(why.isna() & (records > shared), f"on more than {shared} records")
    return why


def _name_parts(names: pd.Series) -> dict[str, pd.Series]:
    """Return surname, given name and key in Latin letters."""
    unique = pd.Series(names.dropna().unique(), dtype="str")
    chinese = unique.str.contains(_HAN, na=False)
    latin = unique.str.rpartition(" ").reindex(columns=range(3)).astype("str")  # no name at all has no parts
    surname, given = latin[2].where(latin[2] != "", latin[0]), latin[0]
    first, last = unique.str[0], unique.str[-1]
    turned = chinese & last.isin(_SURNAMES) & ~first.isin(_SURNAMES)
    read = _pinyin("".join(unique[chinese]))
    surname = surname.mask(chinese, first.mask(turned, last)).map(lambda text: text.translate(read))
    rest = unique.str[1:].mask(turned, unique.str[:-1])
    given = given.mask(chinese, rest.mask(rest.isin(["小", "老"]), "")).map(lambda text: text.translate(read))
    low = surname.where(surname <= given, given)
    high = given.where(surname <= given, surname)
    parts = {
        "surname": surname,
        "given_name": given.mask(given == ""),
        "name_key": (low + " " + high).str.strip(),
    }
    return {
        part: names.map(dict(zip(unique, told, strict=True))).astype("str") for part, told in parts.items()
    }


def _pinyin(text: str) -> dict[int, str]:
    """Return how each Chinese character of the text is read, without tones."""
    from pypinyin import lazy_pinyin

    characters = sorted(set(text))
    return {ord(one): _READ.get(one, lazy_pinyin(one)[0]) for one in characters if one >= "\u3400"}
