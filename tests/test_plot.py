"""One look for every figure, and for every eye.

Referees: the colour difference CIEDE2000, checked on pairs published with it (Sharma, Wu and Dalal, 2005,
doi.org/10.1002/col.20070, table 1); the simulation of colour blindness by Machado, Oliveira and Fernandes
(2009, doi.org/10.1109/TVCG.2009.113, full severity); the contrast ratio of WCAG 2.2; a font called Arial.
"""

import logging
import os
import shutil
import subprocess
import sys
from itertools import combinations, product
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.lines import Line2D

from crmlab import company, course, datasets, plot, value

EYES = {
    "usual": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


APART = 12


"""CIEDE2000: 1 is just seen side by side; colours in different places of a figure need ten times that."""


@pytest.fixture(scope="module", autouse=True)
def course_style():
    with matplotlib.rc_context():
        plot.style()
        yield


def lab(colour, eye=EYES["usual"]):
    """Return CIE Lab (D65) of a colour as an eye sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    ratio = to_xyz @ np.clip(eye @ linear, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def ciede2000(one, other):
    (l1, a1, b1), (l2, a2, b2) = one, other
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    grown = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25**7))
    c1, c2 = np.hypot(a1 * grown, b1), np.hypot(a2 * grown, b2)
    h1, h2 = np.arctan2(b1, a1 * grown), np.arctan2(b2, a2 * grown)
    turn = (h2 - h1 + np.pi) % (2 * np.pi) - np.pi if c1 * c2 else 0
    hue = h1 + turn / 2 if c1 * c2 else h1 + h2
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * np.cos(hue - np.pi / 6) + 0.24 * np.cos(2 * hue)
    t += 0.32 * np.cos(3 * hue + np.pi / 30) - 0.20 * np.cos(4 * hue - 7 * np.pi / 20)
    s_l, s_c = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2), 1 + 0.045 * c
    d_l, d_c = (l2 - l1) / s_l, (c2 - c1) / s_c
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2) / (1 + 0.015 * c * t)
    cone = np.radians(60) * np.exp(-(((np.degrees(hue) % 360 - 275) / 25) ** 2))
    twist = -2 * np.sqrt(c**7 / (c**7 + 25**7)) * np.sin(cone)
    return np.sqrt(d_l**2 + d_c**2 + d_h**2 + twist * d_c * d_h)


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ],
)
def test_the_referee_measures_as_published(one, other, published):
    assert ciede2000(one, other) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize("eye", EYES)
def test_every_two_colours_are_told_apart(eye):
    colours = [*plot.PALETTE, plot.INK, plot.QUIET]
    seen = {colour: lab(colour, EYES[eye]) for colour in colours}
    close = {
        pair: round(float(ciede2000(seen[pair[0]], seen[pair[1]])), 1)
        for pair in combinations(colours, 2)
        if ciede2000(seen[pair[0]], seen[pair[1]]) < APART
    }
    assert close == {}


def test_what_carries_meaning_stands_out_from_white_and_text_more_so():
    assert plot.contrast("#777777") == pytest.approx(4.48, abs=0.005)  # the known grey that just fails
    assert min(map(plot.contrast, [*plot.PALETTE, plot.QUIET])) >= 3
    assert min(map(plot.contrast, [plot.INK, plot.MODEL])) >= 4.5


def test_text_is_legible_on_any_colour():
    cube = list(product(np.linspace(0, 1, 8), repeat=3))
    assert min(plot.contrast(plot.text_on(colour), colour) for colour in cube) >= 4.5


def purchases():
    log = datasets.load("cdnow_sample")
    summary = value.btyd_summary(log, calibration_end="1997-09-30")
    return log, value.BetaGeoNBD(summary).fit()


def accounts():
    rng = np.random.default_rng(1)
    return pd.DataFrame({"wallet": rng.gamma(2, 50, 300), "part": rng.random(300)})


def stays(seed):
    rng = np.random.default_rng(seed)
    return value.survival_table(rng.gamma(2, 3, 300).round() + 1, rng.random(300) < 0.7)


def stages():
    log = datasets.load("cdnow_sample")
    return value.lifecycle_stages(log, period="M", growing_for=6, declining_after=3, left_after=6)


FIGURES = {
    "frequencies": lambda: purchases()[1].plot_frequencies(),
    "tracking": lambda: purchases()[1].plot_tracking(purchases()[0], "1997-09-30"),
    "holdout": lambda: purchases()[1].plot_holdout(),
    "matrix": lambda: purchases()[1].plot_matrix(T=39),
    "whale": lambda: value.plot_whale(np.random.default_rng(1).normal(1, 2, 500)),
    "lorenz": lambda: value.plot_lorenz(accounts()["wallet"]),
    "transitions": lambda: value.StageChain(value.transitions(stages())).plot(),
    "profile": lambda: value.segment(accounts(), ["wallet", "part"], count=4).plot(),
    "survival": lambda: value.plot_survival({str(seed): stays(seed) for seed in range(6)}),
    "calibration": lambda: calibration(),
    "causal_map": lambda: company.plot_causal_map(),
}


def calibration():
    tea = company.simulate(50, rng=1)
    for name, low, high in [("alive", 0, 1), ("purchase_rate", 0, 0.001)]:
        tea.commit(name, low, high)
        tea.open_envelope(name)
    return tea.plot_calibration()


@pytest.fixture(scope="module", params=FIGURES)
def drawn(request):
    ax = FIGURES[request.param]()
    ax.figure.canvas.draw()
    return ax


def test_no_plotting_function_is_left_out():
    every = {
        f"{room.__name__}.{name}" for room in (value, company) for name in dir(room) if name[:5] == "plot_"
    }
    here = {f"{room}.plot_{name}" for name in FIGURES for room in ("crmlab.value", "crmlab.company")}
    assert every <= here


def look(handle):
    """Return what a legend's key looks like to who sees no colours."""
    if isinstance(handle, Line2D):
        shape = (handle.get_linestyle(), handle._dash_pattern, handle.get_marker(), handle.get_fillstyle())
        return (*shape, to_rgba(handle.get_markerfacecolor()) == to_rgba("white"))
    return handle.get_hatch()


def test_colour_is_never_the_only_key(drawn):
    legend = drawn.get_legend()
    looks = [look(handle) for handle in legend.legend_handles] if legend else []
    assert len(set(map(str, looks))) == len(looks), looks


def test_lines_and_points_stand_out_and_numbers_are_legible(drawn):
    for line in drawn.lines:
        assert plot.contrast(line.get_color()) >= 3 and line.get_alpha() in (None, 1)
    for bars in drawn.containers:
        assert min(plot.contrast(bar.get_facecolor()[:3]) for bar in bars) >= 3
    if drawn.collections and type(drawn.collections[0]).__name__ == "QuadMesh":
        cells = drawn.collections[0].get_facecolor()
        shape = drawn.collections[0].get_array().shape
        for text in drawn.texts:
            column, row = map(int, text.get_position())
            *under, opaque = cells.reshape(*shape, 4)[row, column]
            under = under if opaque else "white"
            if text.get_weight() != "bold":  # names of segments have a white rim
                assert plot.contrast(text.get_color(), under) >= 4.5


def test_every_figure_says_what_it_shows(drawn):
    text = plot.alternative(drawn.figure)
    assert 40 <= len(text) <= 1000 and "  " not in text and "\n" not in text
    assert not drawn.get_title(loc="left") or drawn.get_title(loc="left")[:16] in text


def test_the_parts_of_a_figure_are_told_in_words():
    fig, (left, right) = plt.subplots(1, 2)
    left.bar(["low", "high"], [0.25, 1234.5], label="share")
    plot.annotate(left, "By tier", "", "share\nof all")
    right.scatter([1, 2, 3], [1, 2, 3], label="firms")
    right.axhline(2, label="a fair share")
    right.legend()
    plot.annotate(right, "All of them?", "x", "y")
    assert plot.alternative(fig) == (
        "Bars: By tier. Vertical: share of all. share: low: 0.25; high: 1,230. "
        "Points: All of them? Horizontal: x. Vertical: y. firms: 3 points. Legend: a fair share."
    )


def test_many_bars_are_told_by_the_longest_and_a_heat_map_by_its_names_and_ends():
    ax = plot.axes()
    ax.hist([1] * 3 + [2] * 5 + [9], bins=np.arange(0.5, 21))
    assert plot.alternative(ax.figure) == "Bars. 20 bars, the longest 5 at 2."
    ax = plot.heatmap(pd.DataFrame([[1, np.nan]], ["now"], ["stay", "go"]), plot.axes())
    assert plot.alternative(ax.figure) == (
        "Heat map. Horizontal: stay, go. Vertical: now. values: from 1 to 1."
    )


def test_chinese_is_written_without_a_missing_glyph(caplog):
    ax = plot.annotate(plot.axes(), "客户知识 and the ladder 关系阶梯", "客户知识", "关系阶梯")
    with caplog.at_level(logging.WARNING):
        ax.figure.canvas.draw()  # a warning is an error here
    assert caplog.records == []
    ax.set_title("䶮")  # not in GB 2312
    with pytest.warns(UserWarning, match="Glyph"):
        ax.figure.canvas.draw()


def test_every_chinese_character_of_the_project_is_in_the_face():
    face = font_manager.get_font(font_manager.findfont(plot.CHINESE, fallback_to_default=False))
    root = course.ROOT
    files = [root / "notebooks" / "course.toml", *(root / "crmlab").rglob("*.[ct][so][vm]*")]
    files += [path for folder in ("notebooks", "exercises") for path in (root / folder).glob("*.ipynb")]
    written = {
        char for path in files for char in path.read_text(encoding="utf-8") if "\u3400" <= char <= "\uffef"
    }
    assert len(written) > 50
    assert sorted(char for char in written if ord(char) not in face.get_charmap()) == []


def test_text_that_asks_for_any_sans_serif_gets_the_courses_fonts():
    plot.style()
    assert matplotlib.rcParams["font.sans-serif"] == matplotlib.rcParams["font.family"]


@pytest.fixture
def home_with_arial(tmp_path):
    """Return the environment of somebody whose fonts have one called Arial, which looks quite different."""
    for kind in ("Serif", "Serif-Bold"):
        font = TTFont(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVu{kind}.ttf")
        for record in font["name"].names:
            if record.nameID in (1, 4, 6, 16):
                record.string = "Arial"
        for folder in (".fonts", ".local/share/fonts", "Library/Fonts"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            font.save(tmp_path / folder / f"{kind}.ttf")
    own = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / ".local" / "share")}
    return os.environ | own | {"MPLCONFIGDIR": str(tmp_path / "matplotlib")}


@pytest.mark.parametrize(
    "numbers", [["41"], pytest.param([], marks=pytest.mark.slow)], ids=["one lesson", "all lessons"]
)
def test_lessons_draw_the_same_figures_where_there_is_an_arial(tmp_path, home_with_arial, numbers):
    shutil.copytree(course.ROOT / "notebooks", tmp_path / "clone" / "notebooks")
    command = (
        "from pathlib import Path\nfrom matplotlib import font_manager\nfrom crmlab.course import run\n"
        "found = font_manager.findfont('Arial', fallback_to_default=False)\n"
        f"assert found.startswith({str(tmp_path)!r}), found\n"
        f"raise SystemExit(run({numbers}, root=Path('clone')))"
    )
    child = [sys.executable, "-c", command]
    done = subprocess.run(child, cwd=tmp_path, env=home_with_arial, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
