"""One module a figure: frame(...) -> the table it draws, and nothing else. UntoldError says what a run cannot tell."""

from analysis.frames import (
    break_even,
    cost_models,
    coverage,
    frontier,
    grid,
    needs,
    outcomes,
    parallel,
    pythia,
)

__all__ = ["break_even", "cost_models", "coverage", "frontier", "grid", "needs", "outcomes", "parallel", "pythia"]
