"""The causal map in parts. Referees: the map as a whole, and the figures as matplotlib draws them."""

from itertools import combinations

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgba
from matplotlib.path import Path

from crmlab import company, plot
from crmlab.company._schema import constants
from crmlab.company.causal import MANY

PARTS = ["joining", "buying", "service", "voice", "network", "records", "partners"]


def nodes_of(part):
    """Return the names that a drawing must show: the nodes of a part, or for the overview the parts."""
    if part is None:
        return set(PARTS)
    return {name for name, parts in company.causal_map().nodes(data="parts") if part in parts}


def handed():
    """Return, for each two parts, the causes in the one that act on something at home in the other."""
    graph = company.causal_map()
    home = {name: parts[0] for name, parts in graph.nodes(data="parts")}
    pairs = {}
    for cause, effect in graph.edges:
        if home[cause] != home[effect]:
            pairs.setdefault((home[cause], home[effect]), {})[cause] = None
    return pairs


@pytest.fixture(scope="module", params=[None, *PARTS])
def drawing(request):
    """Return a part, its axes, its boxes by name, the words on its arrows, and its arrows by their ends."""
    with matplotlib.rc_context():
        plot.style()
        ax = company.plot_causal_map(part=request.param)
        ax.figure.canvas.draw()
    texts = [text for text in ax.texts if text.get_text()]
    framed = [text for text in texts if text.get_bbox_patch().get_edgecolor()[3]]
    boxes = {" ".join(text.get_text().split()).split(":")[0]: text.get_bbox_patch() for text in framed}
    names = {box: name for name, box in boxes.items()}
    arrows = [text.arrow_patch for text in ax.texts if not text.get_text()]
    ends = {(names[arrow.patchA], names[arrow.patchB]): arrow for arrow in arrows}
    assert len(ends) == len(arrows)
    yield request.param, ax, boxes, [text for text in texts if text not in framed], ends
    plt.close(ax.figure)


def test_every_node_and_every_arrow_is_in_a_part():
    graph = company.causal_map()
    parts = dict(graph.nodes(data="parts"))
    assert {part for names in parts.values() for part in names} == set(PARTS) and all(parts.values())
    assert [edge for edge in graph.edges if not set(parts[edge[0]]) & set(parts[edge[1]])] == []


def test_every_drawing_has_one_place_for_each_of_its_nodes_and_no_other():
    table = constants("causal_places.csv")
    expected = {(part or "overview", name) for part in [None, *PARTS] for name in nodes_of(part)}
    assert sorted(zip(table["part"], table["name"], strict=True)) == sorted(expected)


def test_a_drawing_shows_its_nodes_and_its_arrows(drawing):
    part, _, boxes, words, arrows = drawing
    assert set(boxes) == nodes_of(part)
    edges = handed() if part is None else company.causal_map().subgraph(nodes_of(part)).edges
    assert set(arrows) == set(edges)
    written = [" ".join(text.get_text().split()).split(", ") for text in words]
    expected = [list(causes) for causes in handed().values()] if part is None else []
    expected = [[*causes[:MANY], "…"] if len(causes) > MANY else causes for causes in expected]
    assert sorted(map(sorted, written)) == sorted(map(sorted, expected))


def test_nothing_lies_on_anything_else_or_outside(drawing):
    part, ax, boxes, words, _ = drawing
    extents = {name: box.get_window_extent() for name, box in boxes.items()}
    extents |= {text: text.get_window_extent() for text in words}
    assert [pair for pair in combinations(extents, 2) if extents[pair[0]].overlaps(extents[pair[1]])] == []
    inside = ax.get_window_extent()
    for box in extents.values():
        assert inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1


def test_no_arrow_crosses_a_box_that_is_not_its_end(drawing):
    _, _, boxes, _, arrows = drawing
    lines = {ends: arrow.get_path().to_polygons(closed_only=False) for ends, arrow in arrows.items()}
    crossed = [
        (ends, name)
        for ends, polygons in lines.items()
        for name, box in boxes.items()
        if name not in ends
        and any(Path(line).intersects_bbox(box.get_window_extent(), filled=False) for line in polygons)
    ]
    assert crossed == []


def test_it_is_readable_in_a_notebook_and_each_kind_has_a_frame_of_its_own(drawing):
    part, ax, boxes, _, _ = drawing
    assert ax.figure.get_figwidth() <= 11
    assert min(text.get_fontsize() for text in ax.texts if text.get_text()) >= 8
    kinds = company.causal_map().nodes(data="kind")
    for name, box in boxes.items() if part else ():
        assert (box.get_linestyle() == "--") == (kinds[name] == "trait"), name
        lever = box.get_linewidth() > 2 and box.get_edgecolor() == to_rgba(plot.MODEL)
        assert lever == (kinds[name] == "lever"), name


def test_the_alternative_text_tells_every_node_and_every_arrow(drawing):
    part, ax, boxes, _, arrows = drawing
    told = plot.alternative(ax.figure)
    assert [name for name in boxes if name not in told] == []
    sentences = [
        sentence.split(" → ") for sentence in told.removesuffix(".").split("; ") if " → " in sentence
    ]
    effects = {cause.split(": ")[-1]: effect for cause, effect in sentences}
    assert [ends for ends in arrows if ends[1] not in effects[ends[0]]] == []
    assert part is not None or all(cause in told for causes in handed().values() for cause in causes)


def test_an_unknown_part_is_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match="There is no part 'servcie'. Did you mean 'service'"):
        company.plot_causal_map(part="servcie")
