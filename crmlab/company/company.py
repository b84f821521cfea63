"""The simulated company: draw it, look at its tables, change its policy, commit, open the envelope."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from tqdm import tqdm

from crmlab._html import Sheet, render
from crmlab._tables import look_up, unknown, whole_number
from crmlab.company import (
    acquaintances,
    adoption,
    campaigns,
    comments,
    contacts,
    customers,
    goods,
    history,
    interviews,
    knowledge,
    loyalty,
    messages,
    network,
    notes,
    partnership,
    people,
    records,
    sales,
    service,
    streams,
    studies,
    voices,
    worlds,
)
from crmlab.company._draft import Draft, Tables
from crmlab.company._draws import Draws
from crmlab.company._schema import VERSION, declared
from crmlab.company.dossier import Dossier, dossier
from crmlab.company.envelope import answer, interval, plot_calibration, sought
from crmlab.company.levers import Levers, policy, pull
from crmlab.company.raw import raw_view
from crmlab.company.worlds import World

STEPS = [
    people.add_employees, sales.draw_leads, customers.admit, sales.assign_owners, customers.add_customers,
    people.add_people, partnership.draw_partners, goods.add_products, history.live,
    streams.settle, loyalty.offer, streams.take_up, streams.lay_over, loyalty.redeem, records.add_orders,
    records.add_referrals, records.add_customer_table, service.add_complaints, campaigns.add_campaigns,
    network.add_community,
    loyalty.add_memberships,
]  # fmt: skip
# What nothing else depends on is drawn when first asked for: by table, of either side, its step.
LATER: dict[str, Callable[[Draft], None]] = {
    "customers": records.add_customer_truth, "contacts": contacts.add_contacts, "surveys": voices.add_surveys,
    "interactions": messages.add_interactions, "treatments": campaigns.add_outcomes,
    "policies": loyalty.add_policies, "leads": sales.add_sales, "opportunities": sales.add_sales,
    "activities": sales.add_sales, "quotations": sales.add_sales, "news": sales.add_sales,
    "rhythm": sales.add_sales,
    "participants": messages.add_participants, "subjects": messages.add_subjects,
    "departures": messages.add_departures, "adoptions": adoption.add_adoptions,
    "acquaintances": acquaintances.add_acquaintances, "communities": acquaintances.add_acquaintances,
    "consents": knowledge.add_consents, "requests": knowledge.add_consents,
    "preferences": notes.add_preferences, "requirements": notes.add_requirements,
    "suggestions": notes.add_suggestions, "improvements": notes.add_suggestions,
    "invoices": notes.add_invoices,
    "knowledge_use": knowledge.add_knowledge_use, "projects": partnership.add_projects,
    "relations": partnership.add_relations, "attitudes": partnership.add_relations,
    "moves": partnership.add_moves,
    "partner_ties": partnership.add_partner_ties, "partner_surveys": partnership.add_partner_surveys,
    "questions": voices.add_questions, "attributes": voices.add_questions,
    "open_answers": comments.add_comments, "choice_tasks": studies.add_choice_tasks,
    "features": studies.add_features, "kano": studies.add_kano, "maxdiff": studies.add_maxdiff,
    "codes": interviews.add_codes, "interviews": interviews.add_interviews,
}  # fmt: skip
_FILE = "company.json"
_VIEWS = ("company", "raw")


def simulate(
    customers: int = 5_000,
    world: str | World = "base",
    rng: int | np.random.Generator = 7,
    progress: bool = False,
    view: str = "company",
    partners: int = 24,
) -> "Company":
    """Draw a company: three years of a tea merchant and its customers, and the truth about them.

    Parameters
    ----------
    customers : int
        How many customers joined in the time of the log; from 1 to 2 million. A million need about a
        minute and 6 GB.
    world : str or World
        A world's name (see :func:`world`), or a world of your own.
    rng : int or numpy.random.Generator
        The seed, from 0. The same seed gives the same company on every run, under the versions in
        ``constraints.txt``. From a generator the seed is drawn.
    progress : bool
        Whether to show a bar.
    view : {"company", "raw"}
        The raw view is what the channels captured, before anybody has found out which cards are one
        customer's: no ``people``, ``customers``, ``accounts`` and nothing that was joined to them, but
        ``orders.contact_id``, the card that was shown. It has no envelope. Contacts have the same numbers
        in both views.
    partners : int
        How many partners the company has, from 24 to 1,000. More of them change the tables of partners, and
        of customers and orders nothing but who supplies what and who brought it.

    Returns
    -------
    Company

    Raises
    ------
    ValueError
        A number of customers or partners, a world, a seed or a view that is not valid.

    Notes
    -----
    An order brings an experience: the lasting level of service of its customer, and what is the order's own
    (luck, faults, policies, the answer to a complaint). What is its own is put on the standard normal scale
    by one distribution for all orders; the customer leaves after the order if and only if it lies below the
    normal quantile of the customer's probability of leaving, which differs as a beta and depends on the level
    of service and on the bond with us. Orders come at random at a rate that differs as a gamma. In the world
    ``textbook`` nothing else happens, so that orders follow the MBG/NBD model of Batislam, Denizel &
    Filiztekin (2007) exactly. In the others seasons, price cuts and regular gaps move this *base stream*, and
    campaigns, the programme and launches lay an *added stream* over it. :func:`causal_map` draws what causes
    what.

    Each random number belongs to a purpose and to the row it is for. A table that is added later, or
    orders that a policy adds, change nobody else's luck.

    References
    ----------
    Batislam, E. P., Denizel, M. & Filiztekin, A. (2007). Empirical validation and comparison of models for
    customer base analysis. International Journal of Research in Marketing 24(3), 201–209.
    https://doi.org/10.1016/j.ijresmar.2006.12.005

    Examples
    --------
    >>> company = simulate(customers=200)
    >>> company
    <Company: 200 customers, world 'base', seed 7; 51 tables>
    >>> company.customers.shape
    (200, 10)
    """
    whole_number(customers, "customers", least=1)
    if customers > 2_000_000:
        raise ValueError(f"customers may be 2,000,000 at most; got {customers:,}.")
    if isinstance(rng, np.random.Generator):
        rng = int.from_bytes(rng.bytes(16))  # so many that nobody finds it by trying
    whole_number(rng, "rng", least=0)
    chosen = world if isinstance(world, World) else worlds.world(world)
    look_up("view", view, dict.fromkeys(_VIEWS))
    whole_number(partners, "partners", least=24)
    if partners > 1_000:
        raise ValueError(f"partners may be 1,000 at most; got {partners:,}.")
    drawn = _draw(int(customers), chosen, int(rng), Levers(), progress, int(partners))
    if view == "company":
        return drawn
    assert drawn.tables._draft
    return Company(raw_view(drawn.tables._draft, drawn.tables), drawn.levers, None, None, None, None)


def _draw(
    customers: int, world: World, seed: int, levers: Levers, progress: bool = False, partners: int = 24
) -> "Company":
    draft = Draft(world, policy(levers, world), Draws(seed), customers, partners)
    with tqdm(STEPS, disable=not progress, unit="step") as bar:
        for step in bar:
            bar.set_description(step.__name__.replace("_", " "))
            step(draft)
    tables, truth = Tables("company", draft.tables, draft, LATER), Tables("truth", draft.truth, draft, LATER)
    return Company(tables, levers, customers, truth, world, seed, partners)


@dataclass(repr=False, eq=False)
class Company:
    """A simulated company: its tables as attributes, its truth in an envelope.

    Made by :func:`simulate` or :meth:`read`. ``company.orders``, ``company.complaints`` and so on are
    DataFrames; :meth:`card` lists them. Money is in cents, time in days. Tables on which nothing else
    depends are drawn when first asked for.

    Attributes
    ----------
    tables : mapping of DataFrame
        All tables by name.
    levers : Levers
        The policy under which it was drawn.
    """

    tables: Tables
    levers: Levers
    _customers: int | None
    _truth: Tables | None
    _world: World | None
    _seed: int | None
    _partners: int = 24
    _ledger: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)
    _late: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)

    def __getattr__(self, name: str) -> pd.DataFrame:
        tables = self.__dict__.get("tables", {})
        if name.startswith("_") or name not in tables:
            raise AttributeError(unknown("table", name, tables))
        return tables[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.tables]

    def __repr__(self) -> str:
        pulled = [f"{lever}={value!r}" for lever, value in self._pulled().items()]
        origin = f"world {self._world.name!r}, seed {self._seed}" if self._world else "without its envelope"
        told = ", ".join([self._size(), origin, *pulled])
        return f"<Company: {told}; {len(self.tables)} tables>"

    def _size(self) -> str:
        contacts = f"{len(self.tables['contacts']):,} contacts, raw view"
        return f"{self._customers:,} customers" if self._customers else contacts

    def _pulled(self) -> dict[str, Any]:
        return {lever: value for lever, value in asdict(self.levers).items() if value is not None}

    def _repr_html_(self) -> str:
        world = self._world.name if self._world else None
        return render(
            "company.html", size=self._size(), world=world, seed=self._seed, pulled=self._pulled(),
            tables=self.card(),
        )  # fmt: skip

    def card(self, table: str | None = None) -> pd.DataFrame:
        """Return what each table is, or what each column of one table means.

        Parameters
        ----------
        table : str, optional
            The name of a table.

        Returns
        -------
        DataFrame
            Without `table`: ``table``, ``rows``, ``one_row``. With it: ``column``, ``type`` (a ? marks
            columns with missing values), ``unit`` (of a category its labels), ``refers_to``, ``meaning``;
            where customers were asked, the wording of the question in ``english`` and ``chinese``.

        Examples
        --------
        >>> simulate(customers=20).card("complaints").loc["satisfied_after", "unit"]
        '1 to 10'
        """
        tables = declared()[self.tables.side]
        if table is None:
            rows = {name: (len(held), tables[name].one_row) for name, held in self.tables.items()}
            every = pd.DataFrame.from_dict(rows, "index", columns=["rows", "one_row"])
            return Sheet(every.rename_axis("table"))
        columns = look_up("table", table, tables).columns
        shown = pd.DataFrame(columns.values()).drop(columns="key").rename(columns={"kind": "type"})
        shown = shown.set_index("name").rename_axis("column")
        asked = voices.QUESTIONS[voices.QUESTIONS["table"] == table].groupby("item")[["english", "chinese"]]
        return Sheet(shown.join(asked.agg(" / ".join)).fillna("") if len(asked) else shown)

    def hashes(self) -> pd.Series:
        """Return a hash of the content of each table: the same seed gives the same hashes.

        Examples
        --------
        >>> bool((simulate(customers=20).hashes() == simulate(customers=20).hashes()).all())
        True
        """
        return pd.Series({name: _hash(table) for name, table in self.tables.items()}, name="sha256")

    def do(self, **changes: Any) -> "Company":
        """Return the twin: the same company, chance included, under another policy.

        Parameters
        ----------
        **changes
            Levers and their values; :func:`levers` lists them. Levers already pulled stay.

        Returns
        -------
        Company
            What the lever does not touch is the same to the cent. Its number of customers is the same as
            well: the policy changes what customers do, not who joins.

        Raises
        ------
        ValueError
            An unknown lever or a wrong value.
        LookupError
            The company came without its envelope, and the twin would give it away.

        Examples
        --------
        >>> company = simulate(customers=200)
        >>> twin = company.do(complaint_response_days=0)
        >>> len(twin.orders) > len(company.orders)
        True
        """
        self._envelope()
        assert self._customers and self._world is not None and self._seed is not None
        pulled = pull(self.levers, self._world, **changes)
        return _draw(self._customers, self._world, self._seed, pulled, partners=self._partners)

    def dossier(self, customer_id: int) -> Dossier:
        """Return everything on file about one customer, from first contact to last message, as one page.

        Parameters
        ----------
        customer_id : int

        Returns
        -------
        Dossier
            Prints as a page; ``facts`` and ``events`` hold what it tells. The envelope stays closed: a
            dossier has what the tables have.

        Raises
        ------
        ValueError
            There is no such customer.
        LookupError
            The raw view, in which nobody has found the customers yet.

        Examples
        --------
        >>> page = simulate(customers=20).dossier(3)
        >>> page.events.columns.tolist()
        ['at', 'table', 'text']
        """
        if self.tables.side == "raw":
            raise LookupError(
                "The raw view knows cards and no customers: find out first which belong together."
            )
        return dossier(self.tables, customer_id)

    def commit(self, what: str, low: float, high: float) -> None:
        """Commit to an interval that holds the truth with 90 % probability, you think.

        Parameters
        ----------
        what : str
            A question of :func:`questions`: a column of the truth. The interval is about its mean, of a
            true-or-false column the share that is true, of a category the share of the label after a
            colon.
        low, high : float
            The interval; of a share two numbers between 0 and 1. A later one replaces it as long as the
            envelope is closed. Once it is open, another interval is kept apart, and a sentence says so.

        Raises
        ------
        ValueError
            An unknown question, no interval, or a share outside 0 to 1, as one in per cent is.
        LookupError
            The company came without its envelope.

        Examples
        --------
        >>> company = simulate(customers=200)
        >>> company.commit("alive", 0.3, 0.6)
        >>> company.commit("segment: gift", 0.1, 0.4)
        """
        what, _, truth = answer(self._envelope(), what)
        low, high = interval(what, low, high)
        question = what.partition(":")[0]
        bet = {"low": low, "high": high, "truth": truth, "open": True}
        if not any(line["open"] for one, line in self._ledger.items() if one.partition(":")[0] == question):
            self._ledger[what] = bet | {"open": False}
        elif bet != self._ledger.get(
            what
        ):  # the same once more, as when a cell is run again, is the same bet
            self._late[what] = bet
            print(
                f"The envelope {question!r} is open: this bet, {low:g} to {high:g}, is kept apart and does "
                "not count in calibration()."
            )

    def open_envelope(self, what: str) -> pd.Series:
        """Return the truth that you committed yourself about, row by row.

        Parameters
        ----------
        what : str
            As in :meth:`commit`.

        Returns
        -------
        Series
            The column of the truth, indexed by the ids of its rows.

        Raises
        ------
        ValueError
            An unknown question, or no interval yet.
        LookupError
            The company came without its envelope.

        Examples
        --------
        >>> company = simulate(customers=200)
        >>> company.commit("alive", 0.3, 0.6)
        >>> float(company.open_envelope("alive").mean())
        0.595
        """
        what, rows, _ = answer(self._envelope(), what)
        if what in self._ledger:
            self._ledger[what]["open"] = True
        elif what not in self._late:
            raise ValueError(
                f"There is no bet on {what!r} yet; it asks for {sought(what)}. First place one, a range "
                f"that you are 90 % sure of: company.commit({what!r}, low, high). Then open the envelope."
            )
        return rows.copy()

    def calibration(self, late: bool = False) -> pd.DataFrame:
        """Return your intervals beside the truth, for the envelopes that are open.

        Parameters
        ----------
        late : bool
            Return those instead that were placed after the envelope was opened, and do not count.

        Returns
        -------
        DataFrame
            Index ``what``; columns ``low``, ``high``, ``truth``, ``inside``. If the intervals are the 90 %
            intervals they should be, nine in ten are inside in the long run.

        Examples
        --------
        >>> company = simulate(customers=200)
        >>> company.commit("alive", 0.3, 0.6)
        >>> truth = company.open_envelope("alive")
        >>> company.calibration()
               low  high  truth  inside
        what
        alive  0.3   0.6  0.595    True
        """
        lines = self._late if late else self._ledger
        opened = {what: line for what, line in lines.items() if line["open"]}
        table = pd.DataFrame.from_dict(opened, orient="index", columns=["low", "high", "truth"])
        inside = table["truth"].between(table["low"], table["high"])
        return table.astype(float).assign(inside=inside.astype(bool)).rename_axis("what")

    def plot_calibration(self, ax: Axes | None = None) -> Axes:
        """Draw your intervals, each as long as you made it, and where in or outside it the truth lies.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        Axes

        Examples
        --------
        >>> company = simulate(customers=200)
        >>> company.commit("alive", 0.3, 0.6)
        >>> truth = company.open_envelope("alive")
        >>> company.plot_calibration().get_xlabel()
        'in half-widths of your interval'
        """
        return plot_calibration(self.calibration(), ax)

    def write(self, folder: str | Path, truth: bool = False) -> None:
        """Write the tables to a new folder as Parquet files, and the truth only when asked.

        Parameters
        ----------
        folder : str or Path
            A folder that does not exist yet or is empty.
        truth : bool
            Whether to write the envelope, and the world and the seed from which it could be drawn again.
            For students write a folder without; to delete ``truth/`` from one with it would leave the seed.
            And draw their company with a seed that is hard to guess, such as ``secrets.randbits(128)``: in
            seconds a program tries a million short ones.

        Raises
        ------
        FileExistsError
            The folder holds something.
        LookupError
            The truth is asked for, and the company came without it.

        Examples
        --------
        >>> import tempfile
        >>> company = simulate(customers=20)
        >>> company.write(Path(tempfile.mkdtemp()) / "tea")
        """
        about: dict[str, Any] = {"schema_version": VERSION, "view": self.tables.side}
        about["customers"] = self._customers
        about["levers"] = asdict(self.levers)
        sides = {"": self.tables}
        if truth:
            sides["truth"] = self._envelope()
            assert self._world is not None
            about |= {"world": asdict(self._world), "seed": self._seed, "partners": self._partners}
        folder = new_folder(folder)
        about["hashes"] = {side: {name: _hash(sides[side][name]) for name in sides[side]} for side in sides}
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}."))
        try:
            for side, tables in sides.items():
                (unfinished / side).mkdir(exist_ok=True)
                for name, table in tables.items():
                    table.to_parquet(unfinished / side / f"{name}.parquet", index=False)
            (unfinished / _FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            unfinished.chmod(0o755)
            unfinished.replace(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    @classmethod
    def read(cls, folder: str | Path) -> "Company":
        """Read a company that :meth:`write` wrote.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        Company
            Without an envelope if none was written.

        Raises
        ------
        FileNotFoundError
            The folder, or a table in it, is not there.
        ValueError
            The folder was written by another version, or something in it is not as it was written.

        Examples
        --------
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "tea"
        >>> simulate(customers=20).write(folder)
        >>> Company.read(folder)
        <Company: 20 customers, without its envelope; 51 tables>
        """
        folder = Path(folder)
        if not (folder / _FILE).is_file():
            raise FileNotFoundError(f"{folder} holds no {_FILE}, so no company was written there.")
        try:
            about = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            version = about["schema_version"]
            if version != VERSION:
                raise ValueError(
                    f"tables of version {version}; this crmlab reads version {VERSION}. Draw the company "
                    "anew with crmlab company, or read the folder with the crmlab that wrote it"
                )
            customers, levers, hashes = about["customers"], about["levers"], about["hashes"]
            world = World(**about["world"]) if "seed" in about else None
            levers = pull(Levers(), world, **{k: v for k, v in levers.items() if v is not None})
            view = look_up("view", about["view"], {view: view for view in _VIEWS})
            if view == "company":
                whole_number(customers, "customers", least=1)
            if world:
                whole_number(about["seed"], "seed", least=0)
                whole_number(about["partners"], "partners", least=24)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{folder / _FILE} is not as it was written: {type(error).__name__}: {error}"
            ) from None
        tables = _read(folder, view, hashes[""])
        truth = _read(folder / "truth", "truth", hashes["truth"]) if world else None
        return cls(tables, levers, customers, truth, world, about.get("seed"), about.get("partners", 24))

    def _envelope(self) -> Tables:
        if self.tables.side == "raw":
            raise LookupError(
                "The raw view has no envelope and no twin: it holds what the channels captured. Draw the "
                "company itself for them: crmlab.company.simulate() with the same size, world and seed."
            )
        if self._truth is None:
            raise LookupError(
                "This company came without its envelope, as a student's exercise does. To have one that you "
                "may open, draw it: crmlab.company.simulate()."
            )
        return self._truth


def new_folder(folder: str | Path) -> Path:
    """Return the path of a folder to be made, and make its parents; refuse one that holds something."""
    folder = Path(folder).absolute()
    if folder.is_symlink() or folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there and not an empty folder: name another, or remove it.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def _read(folder: Path, side: str, hashes: dict[str, str]) -> Tables:
    tables = {}
    for name, table in declared()[side].items():
        path = folder / f"{name}.parquet"
        # Parquet has no seconds, and forgets the labels of a category without rows.
        types = {column.name: column.dtype for column in table.columns.values()}
        try:
            tables[name] = pd.read_parquet(path).astype(types)
        except FileNotFoundError:
            raise FileNotFoundError(f"{path} is missing: copy the whole folder again.") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} cannot be read: copy the whole folder again. {type(error).__name__}: {error}"
            ) from None
        if _hash(tables[name]) != hashes.get(name):
            raise ValueError(f"{path} is not the table that was written: copy the whole folder again.")
    return Tables(side, tables)


def _hash(table: pd.DataFrame) -> str:
    # what is computed may differ in its last bit from one processor to the next
    table = table.assign(**table.select_dtypes("float64").round(9))
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(",".join(table.columns).encode() + rows.tobytes()).hexdigest()
