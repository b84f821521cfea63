"""The map. Referees: the boxes of the labels as drawn, and what was given."""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pandas as pd
import pytest

from crmlab import company, network, plot


def map_of(partners):
    tea = company.simulate(300, partners=partners)
    us = pd.DataFrame({"partner_id": [0], "name": ["us"], "kind": ["firm"]})
    actors = pd.concat([us, tea.partners[["partner_id", "name", "kind"]]])
    names = {"actor": "partner_id", "source": "us", "target": "partner_id", "direction": "direction"}
    flows = tea.relations[["partner_id", "direction", "value_cents"]].assign(us=0)
    graph = network.stakeholder_graph(actors, flows, strength="value_cents", **names)
    theirs = tea.attitudes[tea.attitudes["side"] == "theirs"]
    return graph, theirs.groupby("partner_id")["attitude"].last()


@pytest.mark.parametrize("partners", [24, 40, 200])
def test_no_label_lies_on_another(partners):
    plot.style()
    graph, attitude = map_of(partners)
    ax = network.plot_map(graph, 0, attitude)
    ax.figure.canvas.draw()
    names = [text for text in ax.texts if len(text.get_text()) > 3]
    boxes = [text.get_window_extent() for text in names]
    assert len(names) == min(partners, 40)
    assert not [
        (a.get_text(), b.get_text())
        for i, a in enumerate(names)
        for j, b in enumerate(names[:i])
        if boxes[i].overlaps(boxes[j])
    ]
    plt.close(ax.figure)


def test_width_follows_value_shape_kind_and_the_number_attitude():
    graph, attitude = map_of(24)
    ax = network.plot_map(graph, 0, attitude)
    spokes = [line.get_linewidth() for line in ax.lines if tuple(line.get_xydata()[0]) == (0, 0)]
    value = network.ties(graph, "strength")
    passed = [value.edges[0, partner]["strength"] for partner in sorted(value[0])]
    assert np.corrcoef(spokes, np.sqrt(passed))[0, 1] > 0.9999
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["supplier", "distributor", "competitor", "government", "residents", "press"]
    shown = [text.get_text() for text in ax.texts if text.get_text().isdigit()]
    assert shown == [str(one) for one in attitude]
    plt.close(ax.figure)


def test_a_map_needs_us_somebody_else_and_kinds():
    graph = nx.Graph([("us", "garden", {"strength": 1})])
    with pytest.raises(ValueError, match="actor 'we'"):
        network.plot_map(graph, "we")
    with pytest.raises(ValueError, match="have no 'kind'; the first is 'garden'"):
        network.plot_map(graph, "us")
    alone = nx.Graph()
    alone.add_node("us")
    with pytest.raises(ValueError, match="'us' is alone"):
        network.plot_map(alone, "us")
