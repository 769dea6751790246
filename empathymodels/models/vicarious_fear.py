r"""Vicarious fear: what a cue threatens with is learned from shocks that another person gets.

After a cue :math:`c` a demonstrator, or the participant, gets a shock or none. How probable it is
is learned (Rescorla-Wagner) where it can be seen; in a test without demonstrator it stays:

.. math::

    \delta_t = s_t - P_{c,t}, \qquad P_{c,t+1} = P_{c,t} + \alpha\, \delta_t

with :math:`s_t` 1 for a shock and 0 for none. A demonstrator's shock has the size :math:`\lambda`,
one's own the size 1. What is expected before the outcome shows in skin conductance :math:`y`, often
zero, which habituates over trials :math:`n = 0, 1, \ldots` of a phase, and in ratings, or in
answers yes (1) or no (0) to whether a shock will come:

.. math::

    \mu_t &= (b_0 + b_V\, U_t\, P_{c,t})\, e^{-h n_t}, \qquad
        U_t = \lambda \text{ (demonstrator)}, \; 1 \text{ (oneself)} \\
    P(y_t > 0) &= \frac{1}{1 + e^{-(a + k \mu_t)}}, \qquad
    \sqrt{y_t} \mid y_t > 0 \sim \text{Normal}(\mu_t, s) \text{ above } 0 \\
    \text{expectancy}_t &\sim \text{Normal}(e_0 + e_P\, P_{c,t},\; s_E), \qquad
    P(\text{yes}_t) = \frac{1}{1 + e^{-(q_0 + q_P\, (P_{c,t} - 1/2))}}

Notes
-----
What was published: conductance in a test without demonstrator showed most learning after the
instruction to enhance empathy, more so with high trait empathy (2016); a later study is titled that
empathy does not amplify such learning (2020). One hybrid learner described yes/no expectancies of
direct and social learning (2018; by secondary sources it began at .5, as here). Direct conditioning
went by a probabilistic learner, conductance by expectation and uncertainty (Tzovara et al.).
What is ours: the size of a shock outside the learner, so that expectancy tells the rate alone
(`sized_errors` has it inside); one drive of zeros and amplitudes; habituation, hierarchy, priors;
covariates of size, as in ``covariates={"social_shock": "instruction + empathy"}``; the slope of
yes/no answers (`says_shock`) and their tendency to yes. What a study lacks of the three measures
is left out of the likelihood by itself.
Traps: where all shocks are the demonstrator's, only the product of size and slope is known. So give
`source` only where some trials threaten oneself (in a test: whose shocks a cue was learned with).
Without it the slope is held at 1, and `social_shock` is in roots of microsiemens, not relative to
own shocks: large in who reacts strongly to anything. A falling expectation looks like habituation;
conductance alone tells little of rates. In few yes/no answers rate and slope trade off.
Amplitudes follow the cue; small ones scored as 0 bias `k`.

References
----------
Olsson, A., McMahon, K., Papenberg, G., Zaki, J., Bolger, N., & Ochsner, K. N. (2016). Vicarious
fear learning depends on empathic appraisals and trait empathy. Psychological Science, 27, 25-33.
doi:10.1177/0956797615604124

Lindström, B., Haaker, J., & Olsson, A. (2018). A common neural network differentially mediates
direct and social fear learning. NeuroImage, 167, 121-129. doi:10.1016/j.neuroimage.2017.11.039

Williams, A. L., & Conway, C. C. (2020). Empathy does not amplify vicarious threat learning.
Behaviour Research and Therapy, 103577. doi:10.1016/j.brat.2020.103577

Tzovara, A., Korn, C. W., & Bach, D. R. (2018). Human Pavlovian fear conditioning conforms to
probabilistic learning. PLoS Computational Biology, 14, e1006243. doi:10.1371/journal.pcbi.1006243
"""

from dataclasses import replace

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Respond to what the cue threatens with; learn from whether a shock is seen."""
    return _learned(state, parameters, data, parameters.learning_rate)


def _learned(state, parameters, data, rate, *, shock=None, size=None, more=0.0):
    """Return next states and latents, for a rate, an outcome, its size and what else arouses."""
    if size is None:
        shock, size = data.shock, pt.where(pt.eq(data.source, 1), 1.0, parameters.social_shock)
    expectation = em.pick(state.expectation, data.cue)
    error = shock - expectation
    learned = em.put(state.expectation, data.cue, expectation + rate * error)
    number = pt.where(pt.eq(data.first_of_phase, 1), 0.0, state.number)
    arousal = parameters.scr_baseline + parameters.scr_slope * size * expectation + more
    arousal = arousal * pt.exp(-parameters.habituation * number)
    latents = {"expectation": expectation, "arousal": arousal, "prediction_error": error}
    return {"expectation": learned, "number": number + 1}, latents


def scr(latent, parameters, data):
    """No conductance response, or one whose square root follows arousal."""
    responds = parameters.readiness + parameters.readiness_slope * latent.arousal
    return em.HurdleSquareRoot.dist(responds, latent.arousal, parameters.scr_noise)


def expectancy(latent, parameters, data):
    """Rated expectancy follows the probability of a shock."""
    location = parameters.expectancy_baseline + parameters.expectancy_slope * latent.expectation
    return pm.Normal.dist(location, parameters.expectancy_noise)


def says_shock(latent, parameters, data):
    """Who expects a shock rather than none says yes."""
    away = latent.expectation - 0.5
    return em.Choice.dist(parameters.yes_bias + parameters.yes_slope * away)


def no_learning(model):
    """Cues threaten alike, whatever follows them."""
    return model.fix(learning_rate=0.0, social_shock=0.0, expectancy_slope=0.0, yes_slope=0.0)


def no_habituation(model):
    """Conductance does not fall with the number of trials."""
    return model.fix(habituation=0.0)


def same_size(model):
    """A demonstrator's shock is as large as one's own; for studies of both."""
    return _of_both(model).fix(social_shock=1.0)


def _of_both(model):
    columns = (replace(c, default=None) if c.name == "source" else c for c in model.columns)
    return replace(model, columns=tuple(columns))


def sized_errors(model):
    """The size of shocks is learned with the cue, in units of a demonstrator's; for both."""
    def step(state, parameters, data):
        size = parameters.social_shock
        shock = data.shock / pt.where(pt.eq(data.source, 1), size, 1.0)
        return _learned(state, parameters, data, parameters.learning_rate, shock=shock, size=size)

    return replace(_of_both(model), step=step)


def hybrid_pearce_hall(model):
    """Learning follows recent surprise (associability), and conductance may follow it, too."""
    def step(state, parameters, data):
        recent = em.pick(state.associability, data.cue)
        rate, more = parameters.learning_rate * recent, parameters.associability_slope * recent
        following, latents = _learned(state, parameters, data, rate, more=more)
        recent += parameters.associability_rate * (pt.abs(latents["prediction_error"]) - recent)
        return following | {"associability": em.put(state.associability, data.cue, recent)}, latents

    rate = em.Parameter(
        "associability_rate", "weight of the latest surprise in associability", location=(0, 1),
        spread=0.5, support="unit", typical=(0.1, 0.9), symbol=r"\eta",
    )
    slope = em.Parameter(
        "associability_slope", "what full associability adds to arousal", location=(0, 0.5),
        spread=0.3, typical=(-0.2, 0.5), symbol="b_A",
    )
    state = em.State("associability", 0.5, over="cue", meaning="recent unsigned surprise, 0 to 1")
    return replace(model, step=step, states=(*model.states, state)).with_parameters(rate, slope)


def beta_bernoulli(model):
    """Shocks are counted (a beta belief); conductance follows its mean and its uncertainty."""
    def step(state, parameters, data):
        mean, count = em.pick(state.expectation, data.cue), em.pick(state.count, data.cue)
        more = parameters.uncertainty_slope * pt.sqrt(mean * (1 - mean) / (count + 1))
        following, latents = _learned(state, parameters, data, 1 / (count + 1), more=more)
        count = pt.where(pt.ge(data.shock, 0), count + 1, count)  # if shocks could be seen
        return following | {"count": em.put(state.count, data.cue, count)}, latents

    slope = em.Parameter(
        "uncertainty_slope", "what a unit of uncertainty (sd) adds to arousal", location=(0, 0.5),
        spread=0.3, typical=(-0.2, 0.5), symbol="b_U",
    )
    seen = (*model.states, em.State("count", 2.0, over="cue", meaning="trials of it, and 2"))
    return replace(model, step=step, states=seen).with_parameters(slope, without=["learning_rate"])


def _by_cue(response, seen):
    """Mean response to the cue a shock followed last, minus that to others, by phase."""
    def difference(table):
        shocked = table["cue"].where(table["shock"] == 1)
        last = shocked.groupby(table["participant"]).ffill().groupby(table["participant"]).shift()
        values = table[response].where(last.notna() & (table["shock"].notna() == seen))
        return values[table["cue"] == last].mean() - values[table["cue"] != last].mean()

    phase = "shocks seen" if seen else "test"
    return em.Statistic(f"{response}, last shocked minus other cues, {phase}", response, difference)


model = em.Model(
    step=step,
    states=(
        em.State("expectation", 0.5, over="cue", meaning="probability of a shock after it"),
        em.State("number", 0.0, meaning="trials of the phase so far"),
    ),
    latents={
        "expectation": "expected probability of a shock after this cue, before the outcome",
        "arousal": "root of the conductance expected, if there is any",
        "prediction_error": "shock (1, else 0) minus expectation",
    },
    columns=(
        em.Column("cue", "what is shown before the shock, or none", levels="any"),
        em.Column("shock", "1: a shock; 0: none; missing: cannot be seen", levels=(0, 1)),
        em.Column("source", "whose shocks come", levels=("social", "direct"), default="social"),
        em.Column("first_of_phase", "1: habituation starts anew", levels=(0, 1), default=0.0),
    ),
    parameters=(
        em.Parameter(
            "learning_rate", "share of the prediction error that changes the expectation",
            location=(-1.5, 1), spread=0.75, support="unit", typical=(0.05, 0.6), symbol=r"\alpha",
        ),
        em.Parameter(
            "social_shock", "size of a demonstrator's shock (see notes)", location=(-0.7, 0.75),
            spread=0.5, support="positive", typical=(0.2, 1.3), symbol=r"\lambda",
        ),
        em.Parameter(
            "scr_slope", "what a sure own shock adds to arousal", location=(-0.7, 0.75), spread=0.5,
            support="positive", typical=(0.2, 1.3), symbol="b_V", weighs="source", if_absent=1.0,
        ),
        em.Parameter(
            "scr_baseline", "root of conductance where no shock is expected", location=(0.4, 0.3),
            spread=0.3, typical=(0.1, 0.8), symbol="b_0",
        ),
        em.Parameter(
            "habituation", "rate at which arousal falls, per trial", location=(-3.7, 0.75),
            spread=0.5, support="positive", typical=(0.005, 0.06), symbol="h",
        ),
        em.Parameter(
            "readiness", "log odds of a conductance response without arousal", location=(-0.5, 1),
            spread=0.75, typical=(-2, 1), symbol="a",
        ),
        em.Parameter(
            "readiness_slope", "what a unit of arousal adds to these odds", location=(1, 0.75),
            level="population", support="positive", typical=(1, 6), symbol="k",
        ),
        em.Parameter(
            "scr_noise", "standard deviation of roots of conductance", location=(-1.5, 0.5),
            spread=0.3, support="positive", typical=(0.1, 0.4), symbol="s",
        ),
        em.Parameter(
            "expectancy_baseline", "expectancy where a shock is impossible", location=(0.15, 0.15),
            spread=0.15, scale_of="expectancy", role="location", typical=(0, 0.3), symbol="e_0",
        ),
        em.Parameter(
            "expectancy_slope", "what a sure shock adds to expectancy", location=(-0.5, 0.5),
            spread=0.4, support="positive", scale_of="expectancy", typical=(0.4, 0.9), symbol="e_P",
        ),
        em.Parameter(
            "expectancy_noise", "standard deviation of expectancies", location=(-2, 0.5),
            spread=0.3, support="positive", scale_of="expectancy", typical=(0.1, 0.2), symbol="s_E",
        ),
        em.Parameter(
            "yes_bias", "log odds of yes where a shock is as probable as none", location=(0, 0.75),
            spread=0.75, typical=(-1, 1), symbol="q_0",
        ),
        em.Parameter(
            "yes_slope", "what a sure shock adds to the log odds of yes, against none",
            location=(1.6, 0.75), spread=0.5, support="positive", typical=(2, 12), symbol="q_P",
        ),
    ),
    responses=(
        em.Response("scr", scr, "skin conductance after the cue, 0 for none", unit="microsiemens"),
        em.Response("expectancy", expectancy, "of a shock, rated", range=(0, 100), unit="points"),
        em.Response("says_shock", says_shock, "1: a shock is expected; 0: none", levels=(0, 1)),
    ),
    sequence=("session",),
    statistics=(
        em.Statistic("share of zeros", "scr", lambda t: (t.scr == 0).mean()),
        em.Statistic.mean("scr", "mean conductance"),
        em.Statistic.mean("says_shock", "share of yes"),
        *(
            _by_cue(name, seen)
            for name in ("scr", "expectancy", "says_shock")
            for seen in (True, False)
        ),
    ),
    rivals=(
        no_learning, no_habituation, same_size, sized_errors, hybrid_pearce_hall, beta_bernoulli,
        em.plain_normal,
    ),
)
