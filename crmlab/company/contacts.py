"""Contacts: what each channel wrote down about a person, and what went wrong in doing so."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr

from crmlab.company._draft import Draft
from crmlab.company._draws import Array, choose
from crmlab.company._schema import categories
from crmlab.company.people import addresses, join, names, words

_CAPTURES = 4  # planned for each person; the last is by the channel of the first
_SWAPPED = {"name": (r"^([A-Za-z]+|.)( ?)(.+)$", r"\3\2\1"), "mail": (r"^([a-z]+)\.([a-z]+)", r"\2.\1")}


def add_contacts(draft: Draft) -> None:
    """Write down who the people are, channel by channel, from joining on until they leave."""
    uniform, people, told = draft.draws.uniform, draft.people, words()
    slot, captured, contact = _captures(draft)
    person, number = np.divmod(slot, _CAPTURES)
    customer, birth = people["customer"][person], people["birth"][person]
    group = np.where(draft.traits["firm"][customer], 3, np.digitize(-birth / 365.25, [35, 60]))
    luck = uniform("contacts.channel", slot - number + number % (_CAPTURES - 1))
    channel = choose(luck, [*told["channels"].values()], group)
    years = -12 * np.log(uniform("contacts.moved", people["home"]))[person]  # since the last move
    fields, errors = {}, {}
    for field in ("name", "telephone", "mail", "address"):
        labels = categories("contacts", f"{field}_error", "truth")
        shares = np.array([told["errors"][field][label] for label in labels]).T
        shares = np.column_stack([shares, 1 - shares.sum(axis=1)])
        kind = choose(uniform(f"contacts.{field}", slot), shares, channel)
        kind[kind == len(labels)] = -1
        if field == "address":
            kind[(kind < 0) & (captured < draft.world.days - 365 * years)] = labels.index("old")
        fields[field], errors[f"{field}_error"] = _written(draft, field, slot, labels, kind)
    missing = np.array(told["errors"]["birth_date"]["missing"])[channel]
    fields["birth_date"] = np.where(uniform("contacts.birth_date", slot) < missing, np.nan, birth)
    draft.table("contacts", contact_id=contact, channel=channel, captured_on=captured, **fields)
    draft.secret("contacts", contact_id=contact, person_id=person + 1, customer_id=customer + 1, **errors)


def _captures(draft: Draft) -> tuple[Array, Array, Array]:
    """Return key, day and id of each capture: planned for all people, made while they are customers."""
    luck, traits, customer = draft.draws.stream("contacts"), draft.traits, draft.people["customer"]
    wait = luck.random((len(customer), _CAPTURES)) * draft.world.days
    wait[:, 0] = 0
    stay = (np.fmin(traits["left_on"], draft.world.days - 0.001) - traits["joined"]).clip(0)[customer, None]
    made = luck.random(wait.shape) < ndtr(0.8 + 0.5 * traits["engagement"])[customer, None]
    made = (made & (wait <= stay)) | (np.arange(_CAPTURES) == 0)
    slot, captured = np.flatnonzero(made), (traits["joined"][customer, None] + np.minimum(wait, stay))[made]
    # A number that tells nothing of the person, stays with the row in a twin, and orders the rows of a day.
    contact = 1 + draft.draws.stream("contacts.id").permutation(made.size)[slot]
    order = np.argsort(np.floor(captured).astype(int) * made.size + contact)
    return slot[order], captured[order], contact[order]


def _written(draft: Draft, field: str, slot: Array, labels: list[str], kind: Array) -> tuple[pa.Array, Array]:
    """Return a field with errors of these kinds, and the kinds; an error that changes nothing is none."""
    right = pa.array(draft.tables["people"][field]).cast(pa.string())
    texts, source, kind = [right], slot // _CAPTURES, kind.copy()
    for code, label in enumerate(labels[:-1]):
        if len(rows := np.flatnonzero(kind == code)):
            before = right.take(source[rows])
            texts.append(_altered(draft, field, label, before, slot[rows]))
            kind[rows[pc.equal(before, texts[-1]).to_numpy(zero_copy_only=False)]] = -1
            source[rows] = sum(map(len, texts[:-1])) + np.arange(len(rows))
    return pa.concat_arrays(texts).take(pa.array(source, mask=kind == len(labels) - 1)), kind


def _altered(draft: Draft, field: str, label: str, text: pa.Array, slot: Array) -> pa.Array:
    """Return these texts with an error of one kind.

    A telephone number keeps its +999, and a mail address its domain: they belong to nobody.
    """
    people = {name: values[slot // _CAPTURES] for name, values in draft.people.items()}
    if label == "old":
        region, firm = (draft.traits[name][people["customer"]] for name in ("region", "firm"))
        return addresses(draft.draws, "contacts.address", people["language"], region, people["home"], firm)
    if label in ("nickname", "script"):
        short = label == "nickname"
        return names(people["language"] * short, people["given"], people["family"], short)
    if label == "swapped":
        return pc.replace_substring_regex(text, *_SWAPPED[field])
    pre, text, end = pc.extract_regex(text, r"(?P<pre>(?:\+999)?)(?P<text>[^@]*)(?P<end>.*)").flatten()
    way, place = (draft.draws.uniform(f"contacts.{field}.{what}", slot) for what in ("way", "place"))
    ways = 4 if label == "typing" else 2 if (field, label) == ("telephone", "hearing") else 1
    one, other = _mistaken(text, label, (ways * way).astype(int), place), text
    for pair in words()["mistaken"]["parts"].get(label, "").split():
        changed = pc.replace_substring(text, *pair.split("/"), max_replacements=1)
        other = pc.if_else(pc.equal(other, text), changed, other)
    return join(pre, pc.if_else(pc.or_(pc.equal(other, text), way < 0.3), one, other), end)


def _mistaken(text: pa.Array, label: str, way: Array, place: Array) -> pa.Array:
    """Return texts with a character mistaken (way 0), or two changed in order, one left out or doubled."""
    told, other = words()["mistaken"], np.zeros(2**16, np.uint32)
    groups = told[label] + " " + told["same_sound" if label in ("typing", "hearing") else "same_look"]
    for group in reversed(groups.split()):
        other[[*map(ord, group)]] = [*map(ord, group[1:] + group[0])]
    lines = pc.binary_join(pa.ListArray.from_arrays([0, len(text)], text), "\n")[0].as_py()
    letters = np.frombuffer(bytearray(lines.encode("utf-32-le")), np.uint32)
    row, latin = np.cumsum(letters == ord("\n")), (letters >= ord("0")) & (letters <= ord("z"))
    pairs = latin & np.append(latin[1:], False) & (letters != np.roll(letters, -1))
    way = np.where(np.bincount(row[pairs], minlength=len(text)) > 0, way, 0)
    fit = np.flatnonzero(np.where(way[row] > 0, pairs, other[letters] > 0))
    count = np.bincount(row[fit], minlength=len(text))
    at = fit[(np.cumsum(count) - count + count * place).astype(int)[count > 0]]
    wrong, swapped, dropped, doubled = (at[way[count > 0] == code] for code in range(4))
    letters[wrong] = other[letters[wrong]]
    letters[swapped], letters[swapped + 1] = letters[swapped + 1], letters[swapped]
    letters[dropped] = 0
    lines = np.insert(letters, doubled, letters[doubled]).tobytes().decode("utf-32-le").replace("\0", "")
    return pc.split_pattern(pa.array([lines]), "\n")[0].values
