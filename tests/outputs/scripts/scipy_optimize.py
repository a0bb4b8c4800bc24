"""What SciPy's optimisers say, and statsmodels' (SciPy 1.17, statsmodels 0.15)."""

import numpy as np
import statsmodels.api as sm
from scipy.optimize import minimize
from truth import expect


def rosen(x):
    """A valley."""
    return float((1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2)


for method in ("BFGS", "Nelder-Mead", "Powell"):
    found = minimize(rosen, [0.5, 0.4], method=method, options={"disp": True})
    expect({"current_function_value": found.fun})
steps = []
result = minimize(
    rosen, [0.9, 0.8], method="trust-constr", options={"verbose": 3, "maxiter": 8},
    callback=lambda x, state: steps.append(
        (state.nit, state.fun, state.tr_radius, state.optimality, state.constr_violation,
         state.constr_penalty)
    ),
)  # fmt: skip
for number, *figures in steps:
    names = ("obj_func", "tr_radius", "opt", "c_viol", "penalty")
    expect(dict(zip(names, figures, strict=True)), step=number)
expect({"optimality": result.optimality, "constraint_violation": result.constr_violation})
random = np.random.default_rng(0)
x = random.normal(size=(100, 2))
y = (x.sum(axis=1) + random.normal(size=100) > 0).astype(int)
fitted = sm.Logit(y, x).fit()
expect({"current_function_value": -fitted.llf / 100})
