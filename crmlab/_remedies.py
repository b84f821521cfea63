"""What to do about a column of the wrong type, in the words of the table engine the caller uses."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import narwhals as nw

Frame = nw.DataFrame[Any] | nw.LazyFrame[Any]
FORMATS: tuple[str, ...] = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d",
    "%Y%m%d",
)
FORMATS += ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y")
FORMATS += ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M")
AROUND = r"[^\d.,()-]*"  # a currency, which is no part of the number; brackets may be a minus
MONEY = {
    "money": rf"{AROUND}-?{AROUND}(\d+|\d{{1,3}}([, '\u00a0\u202f]\d{{3}})+)(\.\d+)?{AROUND}",
    "money with a comma": rf"{AROUND}-?{AROUND}(\d+|\d{{1,3}}([. '\u00a0\u202f]\d{{3}})+)(,\d+)?{AROUND}",
}
SETTING = {
    "pandas": "table[{name!r}] = {value}",
    "Polars": "table = table.with_columns({value})",
    "pyarrow": "table = table.set_column(table.column_names.index({name!r}), {name!r}, {value})",
    "DuckDB": "table = table.select('''* replace ({value} as {quoted})''')",
}
COLUMN = {
    "pandas": "table[{name!r}]",
    "Polars": "polars.col({name!r})",
    "pyarrow": "table[{name!r}]",
    "DuckDB": "{quoted}",
}
VALUES = {  # how to make dates, or numbers, of a column; its place is {0}
    "text": {
        "pandas": "pandas.to_datetime({0}, format={how!r})",
        "Polars": "{0}.str.to_datetime(format={how!r})",
        "pyarrow": "pyarrow.compute.strptime({0}, format={how!r}, unit='s')",
        "DuckDB": "strptime({0}, {how!r})",
    },
    "dates": {"pandas": "pandas.to_datetime({0})"},
    "digits": {
        "pandas": "pandas.to_datetime({0}.astype('Int64').astype(str), format='%Y%m%d')",
        "Polars": "{0}.cast(polars.Int64).cast(polars.String).str.to_datetime(format='%Y%m%d')",
        "pyarrow": "pyarrow.compute.strptime({0}.cast('int64').cast('string'), format='%Y%m%d', unit='s')",
        "DuckDB": "strptime({0}::bigint::varchar, '%Y%m%d')",
    },
    "clock": {
        "pandas": "pandas.to_datetime({0}, unit={how!r})",
        "Polars": "polars.from_epoch({0}.cast(polars.Int64), time_unit={how!r})",
        "pyarrow": "{0}.cast('int64').cast(pyarrow.timestamp({how!r}))",
        "DuckDB": "make_timestamp_ms(({0} * {thousands})::bigint)",
    },
    "zone": {
        "pandas": "{0}.dt.tz_convert('Europe/London').dt.tz_localize(None)",
        "Polars": "{0}.dt.convert_time_zone('Europe/London').dt.replace_time_zone(None)",
        "pyarrow": "pyarrow.compute.local_timestamp({0}.cast(pyarrow.timestamp('us', 'Europe/London')))",
        "DuckDB": "timezone('Europe/London', {0})",
    },
    "periods": {"pandas": "{0}.dt.to_timestamp()"},
    "date64": {"pandas": "{0}.astype('date32[pyarrow]')", "pyarrow": "{0}.cast('date32')"},
    "truth": {
        "pandas": "{0}.astype(int)",
        "Polars": "{0}.cast(polars.Int64)",
        "pyarrow": "{0}.cast('int64')",
        "DuckDB": "{0}::bigint",
    },
    "duration": {
        "pandas": "{0} / pandas.Timedelta(days=1)",
        "Polars": "{0}.dt.total_seconds() / 86_400",
        "DuckDB": "epoch({0}) / 86400",
    },
    "objects": {"pandas": "pandas.to_numeric({0})"},
    "money": {
        "pandas": "pandas.to_numeric({0}.str.replace(r'[^0-9.-]', '', regex=True))",
        "Polars": "{0}.str.replace_all('[^0-9.-]', '').cast(polars.Float64)",
        "pyarrow": "pyarrow.compute.replace_substring_regex({0}, '[^0-9.-]', '').cast('float64')",
        "DuckDB": "regexp_replace({0}, '[^0-9.-]', '', 'g')::double",
    },
    "money with a comma": {
        "pandas": "pandas.to_numeric({0}.str.replace(r'[^0-9,-]', '', regex=True).str.replace(',', '.'))",
        "Polars": "{0}.str.replace_all('[^0-9,-]', '').str.replace(',', '.').cast(polars.Float64)",
        "pyarrow": "pyarrow.compute.replace_substring(pyarrow.compute.replace_substring_regex"
        "({0}, '[^0-9,-]', ''), ',', '.').cast('float64')",
        "DuckDB": "replace(regexp_replace({0}, '[^0-9,-]', '', 'g'), ',', '.')::double",
    },
}


def remedy(frame: Frame, name: str, kind: str, **parts: Any) -> str:
    """Return a line of code for this engine that mends the column, or nothing if the engine has no such line.

    Examples
    --------
    >>> import polars
    >>> remedy(nw.from_native(polars.DataFrame({"paid": [True]})), "paid", "truth")
    " In Polars: `table = table.with_columns(polars.col('paid').cast(polars.Int64))`."
    """
    known = frame.implementation
    checks = {"pandas": known.is_pandas_like, "Polars": known.is_polars, "pyarrow": known.is_pyarrow}
    engine = next((one for one, check in (checks | {"DuckDB": known.is_duckdb}).items() if check()), "")
    if engine not in VALUES[kind]:
        return ""
    quoted = '"' + str(name).replace('"', '""') + '"'
    column = COLUMN[engine].format(name=name, quoted=quoted)
    value = VALUES[kind][engine].format(column, **parts)
    return f" In {engine}: `{SETTING[engine].format(name=name, quoted=quoted, value=value)}`."


def check_dates(frame: Frame, name: str, dtype: nw.dtypes.DType) -> None:
    """Raise ValueError, with what to do, unless the column holds dates or moments without a time zone."""
    held = _held(frame, name, dtype)
    zone = re.search(r"(?:tz=|datetime64\[\w+, |time_zone=')([^\])']+)", held)
    if zone:
        raise ValueError(
            f"Column {name!r} has the time zone {zone[1]}, and which day a moment belongs to depends on the "
            f"place. Say which local day you mean.{remedy(frame, name, 'zone')}"
        )
    if isinstance(dtype, nw.Date | nw.Datetime) and not held.startswith("date64"):
        return
    seen = _some(frame, name)
    advice = "Convert it, and say how the dates are written (format='%Y-%m-%d', say)."
    if held.startswith("date64"):
        advice = f"Cast it to date32.{remedy(frame, name, 'date64')}"
    elif held.startswith("period"):
        first = remedy(frame, name, "periods")
        advice = f"Say which day stands for a period, for example its first.{first}"
    elif dtype.is_numeric():
        advice = _numbered(frame, name, seen)
    elif all(isinstance(one, str) for one in seen) and seen:
        fits = [how for how in FORMATS if all(_reads(one, how) for one in seen)]
        if fits:
            line, other = remedy(frame, name, "text", how=fits[0]), " and ".join(map(repr, fits[1:]))
            doubt = f" These texts can also be read as {other}: know which it is." if other else ""
            advice = f"Convert it, and say how the dates are written.{line}{doubt}"
        else:
            advice += f" One is {seen[0]!r}."
    elif held == "object" or dtype == nw.Object:
        advice = f"Convert it.{remedy(frame, name, 'dates')}"
    raise ValueError(f"Column {name!r} must hold dates and holds {held}. {advice}")


def check_numbers(frame: Frame, name: str, dtype: nw.dtypes.DType) -> None:
    """Raise ValueError, with what to do, unless the column holds numbers."""
    if dtype.is_numeric():
        return
    seen, line = _some(frame, name), ""
    if isinstance(dtype, nw.Boolean):
        line = remedy(frame, name, "truth")
    elif isinstance(dtype, nw.Duration):
        line = f" Say in which unit of time.{remedy(frame, name, 'duration')}"
    elif seen and all(isinstance(one, str) for one in seen):
        line = _written(frame, name, seen)
    elif seen:
        line = remedy(frame, name, "objects")
    raise ValueError(f"Column {name!r} must hold numbers and holds {_held(frame, name, dtype)}.{line}")


def _written(frame: Frame, name: str, seen: Sequence[str]) -> str:
    """Return how to read numbers from texts that can be read in one way, or which text tells of two ways."""
    wrong = {kind: [one for one in seen if not re.fullmatch(how, one)] for kind, how in MONEY.items()}
    fits = [kind for kind, others in wrong.items() if not others]
    marked = [one for one in seen if re.search("[.,]", one)]
    if len(fits) == 2 and marked:
        return f" {marked[0]!r} may have a decimal mark or a mark of thousands: know which, and take it out."
    if fits:
        return remedy(frame, name, fits[0])
    return f" One is {min(wrong.values(), key=len)[0]!r}: is it the right column? What does it mean?"


def check_one_type(frame: Frame, customer: str) -> None:
    """Raise ValueError if a pandas column of Python objects holds ids of several types."""
    # narwhals guesses the type of such a column from its first rows, so look at all of them
    if not frame.implementation.is_pandas_like() or frame.to_native()[customer].dtype != object:
        return
    kinds = frame.to_native()[customer].dropna().map(lambda value: type(value).__name__).value_counts()
    if len(kinds) > 1:
        held = ", ".join(f"{kind} ({rows} rows)" for kind, rows in kinds.items())
        raise ValueError(
            f"Column {customer!r} mixes types: {held}; 7 and '7' would be two customers. Make them one type, "
            f"for example `table[{customer!r}] = table[{customer!r}].astype(str)`."
        )


def _held(frame: Frame, name: str, dtype: nw.dtypes.DType) -> str:
    """Return the type of a column by the name that the engine has for it, where narwhals knows none."""
    if isinstance(frame, nw.LazyFrame) or dtype not in (nw.Unknown, nw.Datetime, nw.Date):
        return str(dtype)
    native = frame.to_native()[name]
    return str(native.dtype if hasattr(native, "dtype") else native.type)


def _some(frame: Frame, name: str) -> list[Any]:
    """Return the different values that are there, or many of them."""
    column = frame.lazy().select(nw.col(name)).filter(~nw.col(name).is_null()).unique().head(100_000)
    return sorted((one for one in column.collect()[name].to_list() if one is not None), key=str)


def _numbered(frame: Frame, name: str, seen: Sequence[Any]) -> str:
    """Return what to do with dates that are numbers: 20060131, or seconds since 1970."""
    whole = [str(int(one)) for one in seen if one == one and abs(one) < 1e18]
    if whole and all(_reads(one, "%Y%m%d") and len(one) == 8 for one in whole):
        return f"The numbers look like year, month and day.{remedy(frame, name, 'digits')}"
    for unit, thousands, least in (("s", 1000, 1e8), ("ms", 1, 1e11)):
        if whole and all(least <= abs(int(one)) < 100 * least for one in whole):
            line = remedy(frame, name, "clock", how=unit, thousands=thousands)
            return f"The numbers may be {unit} since 1970.{line}"
    return f"Say what the numbers count, and from which day; one is {seen[0] if seen else None!r}."


def _reads(text: str, how: str) -> bool:
    try:
        datetime.strptime(text, how)
    except ValueError:
        return False
    return True
