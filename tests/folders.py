"""Where tests find what they read."""

from pathlib import Path

TESTS = Path(__file__).parent
OWN_MODELS = TESTS / "own_models"  # model files such as users write
ROOT = TESTS.parent
BUNDLED = ROOT / "data"  # studies that the package brings
STUDIES = ROOT.parent / "shared" / "studies"  # open studies, which the project does not hold
