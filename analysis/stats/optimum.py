"""The best of several local searches, and whether it is a minimum. Knows objectives and gradients, no models."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from analysis.arrays import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
GRADIENT_TOLERANCE = 1e-5
# Two searches found the same minimum where their objectives differ by less than this share of the scale.
AGREEMENT = 1e-7


class Optimum(NamedTuple):
    """The lowest point found: parameters (p,), the objective there, and what speaks for its being the minimum.

    relative_gradient is the gradient's largest component over `scale`, 0 at a minimum. num_agreeing counts the
    searches, of num_starts, that ended at the same objective.
    """

    parameters: Floats
    objective: float
    relative_gradient: float
    num_agreeing: int
    num_starts: int

    @property
    def converged(self) -> bool:
        """The gradient vanishes, and a second search agrees where there was one. Source: ours."""
        return self.relative_gradient <= GRADIENT_TOLERANCE and self.num_agreeing >= min(2, self.num_starts)


def minimise(
    objective: Objective, starts: Iterable[Floats], *, scale: float, options: dict[str, Any] | None = None
) -> Optimum:
    """The lowest local minimum that BFGS reaches from the starts (each (p,));
    the objective returns its gradient too.

    scale is what the objective's terms are worth together (a number of trials; a Huber delta times a number of
    points): it frees gradient and agreement of units. options replace the tight tolerances. scipy's own verdict is
    not used: it calls a stop on a flat slope a success and one on rounding a failure. Raises ValueError where no
    search ends at a finite point. Source: Broyden, Fletcher, Goldfarb and Shanno 1970, as scipy has it.
    """
    options = {"maxiter": 2000, "gtol": 1e-8 * scale} if options is None else options
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = [minimize(objective, start, jac=True, method="BFGS", options=options) for start in starts]
    finite = [end for end in found if np.isfinite(end.fun) and np.isfinite(end.x).all()]
    if not finite:
        raise ValueError("No start led to a finite fit; check that the data are finite and not all alike.")
    least = min(float(end.fun) for end in finite)
    agreeing = [end for end in finite if end.fun - least <= AGREEMENT * scale]
    # Where rounding decides between equal objectives, the flatter end is nearer to the minimum.
    slopes = [float(np.abs(objective(end.x)[1]).max() / scale) for end in agreeing]
    best = agreeing[int(np.argmin(slopes))]
    return Optimum(np.asarray(best.x), float(best.fun), min(slopes), len(agreeing), len(found))
