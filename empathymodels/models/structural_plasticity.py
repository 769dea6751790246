r"""Structural plasticity: training a module changes cortical thickness where the module is at work.

Over each period between two scans people train one of three modules (attention, affect,
perspective), or nothing. In period :math:`t` the thickness of parcel :math:`r`, which belongs to
the network :math:`n(r)`, changes in participant :math:`s`, who trains module :math:`m`
(:math:`T = 1`; 0 without training), by

.. math::

    \Delta_{s,t,r} &\sim \text{Normal}\big(v_{s,t} + h_r + T_{s,t}\, (\mu_{m,n(r)} + u_{m,r}
        + x_{m,r}\, g_{s,m}),\; \sqrt{\sigma^2 + \text{se}^2}\big) \\
    h_r &\sim \text{Normal}(0, \tau), \qquad u_{m,r} \sim \text{Normal}(0, \tau_m), \qquad
        g_{s,m} \sim \text{Normal}(0, \omega_m) \\
    \text{behaviour}_{s,t} &\sim \text{Normal}(b_m + \rho_m\, T_{s,t}\, g_{s,m},\; \sigma_b)

:math:`v_{s,t}` is what changes everywhere in a person's brain over the period, with its mean over
people the effect of time; :math:`h_r` what a parcel changes beside that; :math:`\mu_{m,n}` what a
module adds in a network, and :math:`u_{m,r}` how far a parcel of it departs from its network.
:math:`g_{s,m}` is how much more a person changes in the parcels that the module is held to change
(:math:`x = 1`), and :math:`\rho_m` what behaviour changes with that.

Notes
-----
What was published: over nine months of training, attention went with changes of thickness in
prefrontal cortex, socio-affective training in frontoinsular cortex, and socio-cognitive training in
inferior frontal and lateral temporal cortex, and change of thickness went with that of the
behaviour that was trained. How these were tested there is not repeated here.
What is ours: one model of all parcels, networks and modules with partial pooling, a person's change
as a latent that behaviour follows, every prior and all rivals.
Differences between modules are differences of draws, in the unit of :math:`\Delta`:

    change = fit["posterior"]
    (change["affect_change"] - change["attention_change"]).sel(network="frontoinsular")

Traps: neighbouring parcels are not independent, since thickness is smooth and one surface was
reconstructed for all, and this model takes their noise to be so (but for what all parcels of a
period share, :math:`v`): intervals of networks are too narrow, the more so the finer the
parcellation. Parcels that were chosen since they changed cannot say that they did. Without people
who train nothing, time and training are told apart only by who trained what when; orders of modules
must differ. A module that always comes first rests on those who train nothing: what they happen to
differ in moves its effects in all networks at once, not their differences. What follows a module is
also what the one before it left. Without the column `phase` all periods are one, and what happens
to everybody in one of them goes into the modules of that period. Which module changed what more
asks for the difference of two modules, not for one interval that holds 0 and one that does not.
:math:`\rho` is that of a latent that few noisy parcels show: look at its prior. Without the column
`target` people do not differ in what training does, and behaviour follows nothing. Divide changes
by their standard deviation over people; thickness by itself, or its rate in percent, is in other
units.

References
----------
Valk, S. L., Bernhardt, B. C., Trautwein, F.-M., Böckler, A., Kanske, P., Guizard, N., Collins,
D. L., & Singer, T. (2017). Structural plasticity of the social brain: Differential change after
socio-affective and cognitive mental training. Science Advances, 3, e1700489.
doi:10.1126/sciadv.1700489
"""

import pymc as pm

import empathymodels as em

MODULES = {
    "attention": "attention and interoception",
    "affect": "socio-affective skills",
    "perspective": "socio-cognitive skills",
}
SYMBOLS = dict(zip(MODULES, ("1", "2", "3"), strict=True))


def _of_module(parameters, data, part, modules=tuple(MODULES)):
    """Return the part that the module of a row has; nothing where none is trained."""
    return em.pick((0.0, *(getattr(parameters, f"{m}_{part}") for m in modules)), data.module)


def beta(latent, parameters, data):
    """Change of a parcel's thickness over a period."""
    return _thickness(parameters, data)


def _thickness(parameters, data, modules=tuple(MODULES)):
    added, own, person = (
        _of_module(parameters, data, part, modules) for part in ("change", "parcel", "person")
    )
    anyway = parameters.time_change + parameters.parcel_change
    mean = anyway + added + own + data.target * person
    return pm.Normal.dist(mean, em.measured(data.se, parameters.noise))


def behaviour(latent, parameters, data):
    """Change of behaviour, with how much more the person's brain changed."""
    return _behaviour(parameters, data)


def _behaviour(parameters, data, modules=tuple(MODULES)):
    link, person = (_of_module(parameters, data, part, modules) for part in ("link", "person"))
    return pm.Normal.dist(parameters.behaviour_change + link * person, parameters.behaviour_noise)


# --------------------------------------------------------------------- what else could hold


def _without(model, *parts):
    return model.fix(**{f"{module}_{part}": 0.0 for module in MODULES for part in parts})


def no_training(model):
    """Thickness changes with time alone, whatever is trained."""
    return _without(model, "change", "parcel", "person", "link")


def any_module(model):
    """Every module does the same."""
    first, *others = MODULES
    alike = (first,) * len(MODULES)

    def beta(latent, parameters, data):
        return _thickness(parameters, data, alike)

    def behaviour(latent, parameters, data):
        return _behaviour(parameters, data, alike)

    for function in (beta, behaviour):
        if any(r.name == function.__name__ for r in model.responses):
            model = model.with_response(function.__name__, function)
    unread = [f"{m}_{part}" for m in others for part in ("change", "parcel", "person", "link")]
    known = {p.name for p in model.parameters}
    return model.with_parameters(without=[name for name in unread if name in known])


def no_networks(model):
    """Where in the brain makes no difference but from parcel to parcel."""
    return model.pool(*(f"{module}_change" for module in MODULES))


def no_parcels(model):
    """All parcels of a network change alike."""
    return _without(model, "parcel")


def no_link(model):
    """Behaviour does not follow the brain."""
    return _without(model, "link")


# ------------------------------------------------------------------------- declarations


def _module(name, mark):
    """Declare what a module has."""
    return (
        em.Parameter(
            f"{name}_change", f"what training {name} adds to the change in a network",
            location=(0, 0.2), level="population", by="network", typical=(-0.1, 0.3),
            symbol=rf"\mu_{mark}",
        ),
        em.Parameter(
            f"{name}_parcel", f"what a parcel departs from its network by, {name}",
            location=(0, 1e-3), spread=0.1, level="region", typical=(-0.1, 0.1),
            symbol=f"u_{mark}",
        ),
        em.Parameter(
            f"{name}_person", f"how much more a person changes in target parcels, {name}",
            location=(0, 1e-3), spread=0.4, typical=(-0.4, 0.4), symbol=f"g_{mark}",
            weighs="target",
        ),
        em.Parameter(
            f"{name}_link", f"change of behaviour per unit of that, {name}", location=(0, 0.75),
            level="population", typical=(-0.3, 1), symbol=rf"\rho_{mark}", weighs="target",
        ),
    )


def _more(response, module):
    """Mean change while a module is trained minus that while none is."""

    def difference(table):
        means = table.groupby("module")[response].mean()
        return means.get(module, float("nan")) - means.get("none", float("nan"))

    return difference


def _between(key, module):
    """Standard deviation, over parcels or networks, of that difference in thickness."""

    def spread(table):
        means = table.groupby(["module", key])["beta"].mean().unstack()
        if module not in means.index or "none" not in means.index:
            return float("nan")
        return (means.loc[module] - means.loc["none"]).std()

    return spread


def _over_sessions(table):
    """Standard deviation of a person's mean change over a period."""
    return table.groupby(["participant", "trial"])["beta"].mean().std()


model = em.Model(
    columns=(
        em.Column(
            "module", "what is trained over the period: none, or " + "; ".join(
                f"{name}: {meaning}" for name, meaning in MODULES.items()
            ),
            levels=("none", *MODULES),
        ),
        em.Column("phase", "which period of the study it is", levels="any", default="all"),
        em.Column("region", "the parcel", table="regions", levels="any"),
        em.Column("network", "cortical network of the parcel", table="regions", levels="any"),
        em.Column(
            "target", "1: the module of the row is held to change the parcel; 0: not",
            table="regions", range=(0, 1), default=0.0,
        ),
        em.Column(
            "se", "known standard error of the change", table="regions", range=(1e-6, 1e6),
            unit="as beta", default=0.0,
        ),
    ),
    parameters=(
        em.Parameter(
            "time_change", "change everywhere over a period, without training",
            location=(0, 0.3), spread=0.4, by="phase", typical=(-0.3, 0.3), symbol="v",
        ),
        em.Parameter(
            "parcel_change", "how much more a parcel changes over any period",
            location=(0, 1e-3), spread=0.2, level="region", typical=(-0.2, 0.2), symbol="h",
        ),
        *(parameter for name, mark in SYMBOLS.items() for parameter in _module(name, mark)),
        em.Parameter(
            "noise", "standard deviation of a parcel's change", location=(-0.2, 0.4),
            level="population", support="positive", typical=(0.5, 1.2), symbol=r"\sigma",
        ),
        em.Parameter(
            "behaviour_change", "mean change of behaviour", location=(0, 0.5),
            level="population", by="module", typical=(-0.2, 0.6), symbol="b",
        ),
        em.Parameter(
            "behaviour_noise", "standard deviation of the change of behaviour",
            location=(-0.2, 0.4), level="population", support="positive", typical=(0.5, 1.2),
            symbol=r"\sigma_b",
        ),
    ),
    responses=(
        em.Response("beta", beta, "change of a parcel's thickness", table="regions", unit="sd"),
        em.Response("behaviour", behaviour, "change of the behaviour that is trained", unit="sd"),
    ),
    statistics=(
        *(
            statistic
            for name in MODULES
            for statistic in (
                em.Statistic(f"thickness, {name} minus none", "beta", _more("beta", name)),
                em.Statistic(
                    f"sd over networks of thickness, {name} minus none", "beta",
                    _between("network", name),
                ),
                em.Statistic(
                    f"sd over parcels of thickness, {name} minus none", "beta",
                    _between("region", name),
                ),
                em.Statistic(
                    f"behaviour, {name} minus none", "behaviour", _more("behaviour", name)
                ),
            )
        ),
        em.Statistic.sd("beta"),
        em.Statistic("sd of mean change over people and periods", "beta", _over_sessions),
        em.Statistic.sd("behaviour"),
    ),
    rivals=(no_training, any_module, no_networks, no_parcels, no_link),
)
