"""The causal map in parts. Referees: the map as a whole, and the boxes as matplotlib draws them."""

from itertools import combinations

import pytest

from crmlab import company

PARTS = ["joining", "buying", "service", "voice", "network", "records", "partners"]


def test_every_node_and_every_arrow_is_in_a_part():
    graph = company.causal_map()
    parts = dict(graph.nodes(data="parts"))
    assert {part for names in parts.values() for part in names} == set(PARTS) and all(parts.values())
    assert [edge for edge in graph.edges if not set(parts[edge[0]]) & set(parts[edge[1]])] == []


@pytest.mark.parametrize("part", PARTS)
def test_a_part_draws_its_nodes_and_arrows_and_no_box_lies_on_another(part):
    graph = company.causal_map()
    nodes = {name for name, parts in graph.nodes(data="parts") if part in parts}
    ax = company.plot_causal_map(part=part)
    ax.figure.canvas.draw()
    boxes = {
        text.get_text(): text.get_bbox_patch().get_window_extent() for text in ax.texts if text.get_text()
    }
    assert set(boxes) == nodes
    assert len(ax.texts) - len(boxes) == graph.subgraph(nodes).number_of_edges()
    assert [pair for pair in combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])] == []
    inside = ax.get_window_extent()
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes.values())


def test_an_unknown_part_is_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match="There is no part 'servcie'. Did you mean 'service'"):
        company.plot_causal_map(part="servcie")
