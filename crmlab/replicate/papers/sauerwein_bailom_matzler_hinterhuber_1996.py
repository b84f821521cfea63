"""What skiers want: better and worse of three features of skis, from their shares of Kano's categories."""

from collections.abc import Iterator

import pandas as pd

from crmlab import survey
from crmlab.replicate import Row, case

# per cent: attractive, one-dimensional, must-be, indifferent, reverse, questionable; better and worse
PRINTED = {
    "edge grip": ([7.0, 32.3, 49.3, 9.5, 0.3, 1.5], ".40", "-.83"),
    "ease of turn": ([10.4, 45.1, 30.5, 11.5, 1.2, 1.2], ".57", "-.78"),
    "service": ([63.8, 21.6, 2.9, 8.5, 0.7, 2.5], ".88", "-.25"),
}
# a pair of answers, with the feature and without it, for each of the categories in that order
PAIRS = "like neutral, like dislike, expect dislike, neutral neutral, neutral like, like like"


@case(
    "Sauerwein, E., Bailom, F., Matzler, K. and Hinterhuber, H. H. (1996), The Kano model: how to delight "
    "your customers, Preprints Volume I of the IX. International Working Seminar on Production Economics, "
    "Innsbruck/Igls, 19–23 February 1996, 313–327; no DOI, www.uibk.ac.at",
    data="categories of three features of skis",
    data_class="typed-in table",
)
def sauerwein_bailom_matzler_hinterhuber_1996() -> Iterator[Row]:
    """Yield both coefficients of each feature, of a thousand people who answer as the shares say."""
    pairs = [pair.split() for pair in PAIRS.split(",")]
    for feature, (shares, better, worse) in PRINTED.items():
        rows = [pair for pair, share in zip(pairs, shares, strict=True) for _ in range(round(10 * share))]
        answers = pd.DataFrame(rows, columns=["functional", "dysfunctional"]).assign(feature=feature)
        found = survey.kano(answers).loc[feature]
        where = "table of the categories of requirements of skis, with the coefficients beside it"
        yield Row(f"better, {feature}", better, found["better"], where, "from memory")
        yield Row(f"worse, {feature}", worse, found["worse"], where, "from memory")
