"""How records are compared: the levels of each kind of column, and the blocks, as SQL for splink."""

from typing import Any

ANOTHER_NAME = 1e-9
"""Chance that one person bears another name on the next record: set and not learned, see `Linkage`."""
LEAST = 1e-4  # a level that EM sees in no true pair may still occur
OTHER = "another name"
_EDITS = "abs(length({0}_l) - length({0}_r)) <= {1} AND levenshtein({0}_l, {0}_r) <= {1}"
JARO = "jaro_winkler_similarity"  # as DuckDB calls it
_ALIKE = f"{JARO}({{0}}_l, {{1}}_r) >= 0.8"
# two Chinese names that sound nearly alike may share no character
_NOT_TWO_CHINESE = "(name_l < '\u3400' OR name_r < '\u3400' OR levenshtein(name_l, name_r) <= 1)"
_GIVEN_ALIKE = (
    "(given_name_l IS NULL OR given_name_r IS NULL OR (right(given_name_l, 3) = right(given_name_r, 3) "
    f"OR {JARO}(given_name_l, given_name_r) >= 0.7) AND {_NOT_TWO_CHINESE})"
)
_DIGITS = "regexp_replace({{0}}_{0}, '[^0-9]', '', 'g')"  # ann.lee2@ is another person than ann.lee@
# of each kind: the column it is equal in, then levels from the best to the last but one, as (label, SQL)
KINDS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "name": (
        "name_key",
        [
            ("same", "name_key_l = name_key_r"),
            ("a letter or two apart", f"{_EDITS.format('name_key', 2)} AND {_NOT_TWO_CHINESE}"),
            (
                "alike",
                f"({_ALIKE.format('surname', 'surname')} AND {_GIVEN_ALIKE} OR "
                f"{_ALIKE.format('surname', 'given_name')} AND {_ALIKE.format('given_name', 'surname')})",
            ),
            ("given name same, surname another", "given_name_l = given_name_r"),
        ],
    ),
    "mail": (
        "{}",
        [
            ("same", "{0}_l = {0}_r"),
            (
                "a letter or two apart",
                f"{_EDITS.format('{0}', 2)} AND {_DIGITS.format('l')} = {_DIGITS.format('r')}",
            ),
            ("same domain", "split_part({0}_l, '@', 2) = split_part({0}_r, '@', 2)"),
        ],
    ),
    "digits": (
        "{}",
        [
            ("same", "{0}_l = {0}_r"),
            ("a digit apart", _EDITS.format("{0}", 1)),
            ("two digits apart", _EDITS.format("{0}", 2)),
        ],
    ),
    "text": (
        "{}",
        [
            ("same", "{0}_l = {0}_r"),
            ("a letter or two apart", _EDITS.format("{0}", 2)),
            ("begins the same", "left({0}_l, 6) = left({0}_r, 6)"),
        ],
    ),
    "exact": ("{}", [("same", "{0}_l = {0}_r")]),
}
STANDARD = {"name": "name", "telephone": "digits", "mail": "mail", "address": "text", "birth_date": "exact"}
NAMED = ("name", "name_key", "surname", "given_name")
BLOCKS: list[str | tuple[str, ...]] = [
    "telephone", "mail", "name_key", "birth_date", "address", ("surname", "right(telephone, 4)"),
    ("left(given_name, 3)", "left(surname, 3)"),
]  # fmt: skip


def parts(block: str | tuple[str, ...]) -> tuple[str, ...]:
    return (block,) if isinstance(block, str) else tuple(block)


def column_of(part: str) -> str:
    """Return the column of a block's part: of ``left(surname, 3)`` the surname."""
    return part.partition("(")[2].partition(",")[0].strip(" )") if "(" in part else part


def as_rule(block: str | tuple[str, ...], source: str | None) -> Any:
    from splink.blocking_rule_library import CustomRule

    texts = [f"{_side(part, 'l')} = {_side(part, 'r')}" for part in parts(block)]
    texts += ["l._source <> r._source"] * (source is not None)
    return CustomRule(" AND ".join(texts), sql_dialect="duckdb")  # splink translates it for other engines


def _side(part: str, side: str) -> str:
    column = column_of(part)
    return (
        part.replace(column, f'{side}."{column}"', 1)
        if column == part
        else part.replace(column, f'{side}."{column}"')
    )


def as_comparison(column: str, kind: str, equal: str, jaro: str = JARO) -> Any:
    from splink import comparison_level_library as levels
    from splink import comparison_library as comparisons

    made: list[Any] = [levels.NullLevel(equal)]
    for label, condition in KINDS[kind][1]:
        level: Any = levels.CustomLevel(condition.format(column).replace(JARO, jaro), label, "duckdb")
        if label == "same":
            level = level.configure(tf_adjustment_column=equal)
        made.append(level)
    other = levels.ElseLevel().configure(label_for_charts="different")
    if kind == "name":
        other = other.configure(m_probability=ANOTHER_NAME, fix_m_probability=True, label_for_charts=OTHER)
    return comparisons.CustomComparison(output_column_name=column, comparison_levels=[*made, other])
