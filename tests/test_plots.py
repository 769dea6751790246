"""Structure of every picture: panels, words and units on the axes, and the numbers drawn."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import empathymodels as em
from empathymodels.checking import predictive_statistics
from empathymodels.evaluating import evaluator
from empathymodels.predicting import thinned
from empathymodels.study import study_folder


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(study_folder("outgroup_help") / "true_parameters.csv")


@pytest.fixture(autouse=True)
def nothing_stays_open():
    settings = dict(matplotlib.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == settings


def labels(panel):
    return f"{panel.get_xlabel()} {panel.get_ylabel()}".replace("\n", " ")


def dots(panel):
    """Places of all dots of a panel."""
    found = [line.get_xydata() for line in panel.lines if line.get_marker() == "o"]
    return np.concatenate([xy for xy in found if len(xy)])


def key(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_parameters_have_a_panel_each_with_meaning_and_unit(fit, model):
    figure = em.plot_parameters(fit)
    assert isinstance(figure, Figure)
    assert [a.get_title(loc="left") for a in figure.axes] == [
        p.name.replace("_", " ") for p in model.parameters
    ]
    by_name = dict(zip([p.name for p in model.parameters], figure.axes, strict=True))
    assert "(rating)" in labels(by_name["sensitivity"])
    assert "(0 to 1)" in labels(by_name["learning_rate"])
    legend = by_name["start_value"].get_legend()
    groups = [text.get_text() for text in legend.get_texts()]
    assert groups == ["partner group: in", "partner group: out"]
    assert "people, posterior medians" in key(figure)


def test_ticks_of_people_are_their_posterior_medians(fit, model):
    figure = em.plot_parameters(fit)
    place = [p.name for p in model.parameters].index("sensitivity")
    ticks = [line.get_xdata() for line in figure.axes[place].lines if line.get_marker() == "|"]
    medians = fit["posterior"]["sensitivity"].median(("chain", "draw"))
    np.testing.assert_allclose(np.concatenate(ticks), medians)


def test_fixed_parameters_have_no_panel(static_fit):
    titles = [a.get_title(loc="left") for a in em.plot_parameters(static_fit).axes]
    assert "insula error" in titles
    assert "learning rate" not in titles


def test_people_are_sorted_by_the_medians_of_the_table(fit, study):
    (panel,) = em.plot_people(fit, "learning_rate", by="partner_group").axes
    people = study.participants["participant"]
    table = em.estimates(fit).query("parameter == 'learning_rate'").set_index("whose")
    expected = table.loc[people, "median"].sort_values()
    drawn = dots(panel)
    np.testing.assert_allclose(drawn[:, 0], expected)
    np.testing.assert_array_equal(drawn[:, 1], np.arange(len(people)))
    named = [text.get_text() for text in panel.get_yticklabels()]
    assert np.all(table.loc[named, "median"].to_numpy() == expected.to_numpy())
    legend = [text.get_text() for text in panel.get_legend().get_texts()]
    assert "median person, out" in legend
    assert "partner group: out" in legend


def test_people_without_groups_surround_one_median_person(fit):
    (panel,) = em.plot_people(fit, "insula_error").axes
    middle = em.estimates(fit).query("parameter == 'insula_error' and whose == 'median person'")
    dashed = next(line for line in panel.lines if line.get_linestyle() == "--")
    assert dashed.get_xdata()[0] == pytest.approx(float(middle["median"].iloc[0]))


def test_observed_means_per_trial_and_group_are_those_of_the_data(fit, study):
    figure = em.plot_predictions(fit, "feeling", by="partner_group", draws=20)
    table = study.trials.merge(study.participants, on="participant")
    for panel, (group, rows) in zip(figure.axes, table.groupby("partner_group"), strict=True):
        assert panel.get_title(loc="left") == f"partner group: {group}"
        assert panel.get_xlabel() == "trial"
        expected = rows.groupby("trial")["feeling"].mean()
        np.testing.assert_allclose(dots(panel), expected.reset_index().to_numpy())
    assert "mean feeling toward the partner (rating)" in labels(figure.axes[0])
    assert key(figure) == ["predicted: median", "50 %", "90 %", "observed"]


@pytest.mark.parametrize("x", ["outcome", "partner_group"])
def test_few_places_stay_apart(fit, study, x):
    (panel,) = em.plot_predictions(fit, "insula", x=x, draws=20).axes
    table = study.regions.merge(study.trials).merge(study.participants)
    expected = table.groupby(x)["beta"].mean()
    np.testing.assert_allclose(dots(panel)[:, 1], expected)
    assert [t.get_text() for t in panel.get_xticklabels()] == [f"{v}" for v in expected.index]
    assert "(z)" in labels(panel)


def test_a_number_with_many_values_is_cut_into_groups(fit):
    (panel,) = em.plot_predictions(fit, "feeling", x="empathic_concern", draws=20).axes
    assert 20 < len(dots(panel)) <= 40


def test_responses_of_people_are_counted(fit, study):
    figure = em.plot_predictions(fit, "empathy_after", by="partner_group", draws=20)
    sizes = study.participants.groupby("partner_group").size()
    for panel, size in zip(figure.axes, sizes, strict=True):
        assert dots(panel)[:, 1].sum() == size
        assert "(rating)" in labels(panel)
    assert "number of participants" in labels(figure.axes[0])


def test_statistics_show_the_observed_value_and_p_of_the_check(fit, model, study):
    figure = em.plot_statistics(fit, draws=50, seed=3)
    posterior = thinned(fit["posterior"].to_dataset(), 50)
    found = predictive_statistics(evaluator(model, study), model, posterior, 3)
    checks = em.check(fit, draws=50, seed=3).set_index("check")["value"]
    assert len(figure.axes) == len(found) == len(model.statistics)
    for panel, feature in zip(figure.axes, found, strict=True):
        name = feature.statistic.name
        assert panel.lines[0].get_xdata()[0] == pytest.approx(feature.observed)
        assert sum(bar.get_height() for bar in panel.patches) == len(feature.predicted)
        title, p = panel.get_title(loc="left").split("\np = ")
        assert title == name
        assert float(p) == pytest.approx(checks[f"predictive p: {name}"], abs=0.0051)


def test_statistics_of_a_kind_of_response_are_shown_too(own_model):
    """Ratings that pile up at an end, of a model without statistics: their share there."""
    rng = np.random.default_rng(2)
    trials = pd.DataFrame(
        {
            "participant": np.repeat(["a", "b", "c", "d"], 20),
            "trial": np.tile(range(1, 21), 4),
            "intensity": rng.uniform(-1, 1, 80),
            "rating": np.clip(rng.normal(1, 3, 80), 0, 10),
        }
    )
    fit = em.fit(own_model, em.Study(trials=trials), method="laplace", draws=60, seed=1)
    titles = [panel.get_title(loc="left") for panel in em.plot_statistics(fit, draws=50).axes]
    assert any("share of 'rating' at 0" in title for title in titles)
    advice = em.check(fit, draws=50).set_index("check")["advice"]
    assert "CensoredNormal" in advice["predictive p: share of 'rating' at 0"]


def test_trajectories_of_named_people(fit, study):
    chosen = ["sub-01", "sub-19"]
    figure = em.plot_latent(fit, "value", participants=chosen, draws=40)
    assert [panel.get_title(loc="left") for panel in figure.axes] == [
        f"participant {name}" for name in chosen
    ]
    found = em.latents(fit, draws=40)["value"]
    for panel, name in zip(figure.axes, chosen, strict=True):
        own = found[..., (found["participant"] == name).to_numpy()]
        np.testing.assert_allclose(panel.lines[0].get_ydata(), own.median(("chain", "draw")))
        outcome = study.trials.query("participant == @name")["outcome"]
        marks = {line.get_label(): len(line.get_xdata()) for line in panel.lines[1:]}
        assert marks == {f"outcome {v}": (outcome == v).sum() for v in (-1, 1)}
    assert "help expected before the outcome" in labels(figure.axes[0])
    assert key(figure) == ["outcome -1", "outcome 1"]


def test_people_are_spread_over_how_much_their_latent_moves(fit):
    figure = em.plot_latent(fit, "value", n=4, draws=40)
    moves = [np.std(panel.lines[0].get_ydata()) for panel in figure.axes]
    assert len(moves) == 4
    assert moves == sorted(moves)
    assert moves[-1] > 2 * moves[0]


def test_recovery_shows_the_table_against_the_truth(fit, truth):
    figure = em.plot_recovery(fit, truth)
    *people, population = figure.axes
    table = em.estimates(fit, prob=0.9).set_index(["parameter", "whose"])
    by_title = {panel.get_title(loc="left").split("\n")[0]: panel for panel in people}
    panel = by_title["insula baseline"]
    own = table.loc["insula_baseline"].loc[truth["participant"]]
    expected = np.column_stack([truth["insula_baseline"], own["median"]])
    np.testing.assert_allclose(dots(panel), expected)
    inside = truth["insula_baseline"].between(*own[["hdi_low", "hdi_high"]].to_numpy().T)
    assert f"{inside.sum()} of 36 inside" in panel.get_title(loc="left")
    assert len(by_title) == 8
    names = [text.get_text() for text in population.get_yticklabels()]
    assert "generalisation" in names
    spot = dict(zip(names, dots(population)[:, 0], strict=True))
    row = table.loc["generalisation", "population"]
    assert spot["generalisation"] == pytest.approx((row["median"] - 1.5) / row["sd"])


def test_comparison_orders_the_models_and_shows_their_weights(fit, static_fit):
    table = em.compare({"static": static_fit, "learning": fit}, response="feeling", draws=100)
    left, right = em.plot_comparison(table).axes
    names = [text.get_text().split("\n")[0] for text in left.get_yticklabels()]
    assert names == ["learning", "static"]
    assert [bar.get_width() for bar in right.patches] == pytest.approx(list(table["weight"]))
    assert dots(left)[:, 0] == pytest.approx([0, -abs(table.loc["static", "elpd_diff"])])


def test_insula_over_prediction_error_uses_every_row(fit):
    (panel,) = em.plot_response_over_latent(fit, "insula", "prediction_error", draws=40).axes
    bins = dots(panel)
    assert len(bins) == 8
    assert bins[-1, 1] > bins[0, 1]  # the true slopes are positive
    mean = fit["observed_data"]["insula"].mean()
    assert bins[:, 1].mean() == pytest.approx(float(mean), abs=1e-9)  # 8 equal groups of 90
    assert "outcome minus expected help" in labels(panel)
    assert "(z)" in labels(panel)


def test_empathy_over_a_summary_of_the_person(fit):
    figure = em.plot_response_over_latent(fit, "empathy_after", "value_change", bins=4, draws=40)
    assert len(dots(figure.axes[0])) == 4
    assert "value after the last trial minus its start" in labels(figure.axes[0])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda f: em.plot_people(f, "generalisation"), "varies between people"),
        (lambda f: em.plot_people(f, "learning_rat"), "learning_rate"),
        (lambda f: em.plot_people(f, "learning_rate", by="partner_grup"), "partner_group"),
        (lambda f: em.plot_predictions(f, "feelings"), "Did you mean 'feeling'"),
        (lambda f: em.plot_predictions(f, "feeling", x="trail"), "Did you mean 'trial'"),
        (lambda f: em.plot_latent(f, "values"), "Did you mean 'value'"),
        (lambda f: em.plot_latent(f, "value", participants=["sub-99"]), "sub-99"),
        (lambda f: em.plot_response_over_latent(f, "empathy_after", "value"), "value_change"),
        (lambda f: em.plot_recovery(f, pd.DataFrame({"participant": ["sub-01"]})), "columns"),
    ],
)
def test_what_cannot_be_drawn_is_told(fit, draw, message):
    with pytest.raises((KeyError, ValueError), match=message):
        draw(fit)
