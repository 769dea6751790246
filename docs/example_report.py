"""Make the example of a report that the documentation shows, of a bundled simulated study.

Run as ``uv run python docs/example_report.py`` after changes to reports.
"""

from pathlib import Path

import empathymodels as em

REPORT = Path(__file__).parent / "static" / "example_report.html"


def main() -> None:
    """Fit a model and a rival, and write the report."""
    study, model = em.load_study("effort_for_others"), em.get_model("prosocial_effort")
    fits = em.fit_rivals(model, study, "one_discount", seed=1)
    question = "Is effort for another person discounted more than effort for oneself?"
    em.report(fits, REPORT, question=question)


if __name__ == "__main__":
    main()
