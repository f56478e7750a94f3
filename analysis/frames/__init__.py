"""One module a figure: frame(...) -> the table it draws, and nothing else. UntoldError says what a run cannot tell."""

from analysis.frames import (
    break_even,
    cost_models,
    coverage,
    exchange_rates,
    frontier,
    grid,
    needs,
    outcomes,
    parallel,
    pythia,
    substitution,
)

__all__ = [
    "break_even",
    "cost_models",
    "coverage",
    "exchange_rates",
    "frontier",
    "grid",
    "needs",
    "outcomes",
    "parallel",
    "pythia",
    "substitution",
]
