"""The third step: rivals, covariates, draws, and what the design can tell at all."""

from __future__ import annotations

from contextlib import suppress

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from empathymodels.app import columns_step, data_step
from empathymodels.app import script as scripts
from empathymodels.app.desk import FAULTS, Desk, to, words_of
from empathymodels.app.forms import plan_in
from empathymodels.app.matching import arranged, arranged_once, whole_study
from empathymodels.app.progress import rows, verdict
from empathymodels.app.uploads import remove_unread
from empathymodels.declaration.record import claim
from empathymodels.messages import counted
from empathymodels.population.covariates import covariates_for
from empathymodels.study.expressions import Column, written
from empathymodels.study.study import Study


def show(desk: Desk, request: Request, form: FormData, fault: str = "") -> Response:
    """Ask for rivals, covariates and draws; offer the check of the design."""
    session = desk.session(request)
    choices = session.choices
    try:
        arrangement = arranged_once(choices, session.folder)
    except FAULTS as error:
        reason = words_of(error, session)
        if not choices["study"]:
            return columns_step.show(desk, request, form, reason)
        said = f"'{choices['study']}' does not go with it. {reason}"
        return data_step.show(desk, request, form, said)
    everybody = whole_study(choices, session.folder)
    people = list(everybody.participants["participant"])
    with suppress(*FAULTS):
        choices |= plan_in(form, people) if form else {}
    defaults = {name: made.formula for name, made in covariates_for(arrangement, None).items()}
    is_of_now = scripts.is_same(session.script("design"), scripts.design_script(choices))
    design = desk.workers["design"].state(session) if is_of_now else "new"
    table = rows(session.folder / "design.csv") if design == "done" else []
    model, study = arrangement.model, arrangement.study
    return desk.page(
        "plan",
        status=422 if fault else 200,
        fault=fault,
        session=session,
        choices=choices,
        model=model,
        study=study,
        notices=[*study.log, *arrangement.notices],
        parameters=[p for p in arrangement.parameters if p.level == "participant"],
        defaults=defaults,
        people=_rows_by_person(everybody, people),
        facts=[written(Column(name)) for name in study.participants if name != "participant"],
        rivals={name: claim(rival) for name, rival in model.rivals_by_name.items()},
        design=design,
        design_log=session.log("design") if design == "failed" else [],
        found=verdict(table) if table else None,
        table=table,
        state=desk.workers["analysis"].state(session),
    )


def _rows_by_person(study: Study, people: list[str]) -> dict[str, str]:
    """Return everybody with how many rows of data there are of them."""
    table = next((rows for rows in (study.trials, study.regions) if rows is not None), None)
    numbers = {} if table is None else table["participant"].value_counts().to_dict()
    return {
        person: "" if table is None else counted(int(numbers.get(person, 0)), "row")
        for person in people
    }


def decide(desk: Desk, request: Request, form: FormData) -> Response:
    """Take the plan, and check the design or fit."""
    session = desk.session(request)
    desk.refuse_while_running(session)
    try:
        everybody = whole_study(session.choices, session.folder).participants["participant"]
        planned = plan_in(form, list(everybody))
        arranged(session.choices | planned, session.folder)
    except FAULTS as error:
        return show(desk, request, form, words_of(error, session))
    if "design" in form:
        session.choose(**planned)
        desk.workers["design"].add(session, scripts.design_script(session.choices))
        return to(session, "plan#design")
    session.choose_to_fit(**planned)
    remove_unread(session)
    desk.workers["analysis"].add(session, scripts.analysis_script(session.choices))
    return to(session, "fit")
