r"""How near to critical the iterates of proximal gradient are, eager or lazy."""

from __future__ import annotations

from parlin._arguments import at_least_zero, finite, positive, whole


def proximal_gradient_residual(
    descent: float, step: float, n_steps: int, *, lipschitz: float, convex: bool = True
) -> float:
    r"""The largest that the least ``dist(0, ∂F(w_k))²`` of steps 1 to T can be.

    Source: [ProxQuant], convergence to stationary points, with the constants of theory 7.  Holds for steps of
    at most 1/L and any piecewise affine ψ: ``2 δ/(γT)`` if f is convex, ``2 (L + 1/γ) δ/T`` otherwise.

    Parameters
    ----------
    descent : float >= 0
        δ: ``F(w_0) − F(w_T)``, or the larger ``F(w_0) − inf F``.
    step : float > 0
        γ.
    n_steps : int >= 1
        T.
    lipschitz : float > 0
        L, of the gradient of f.
    convex : bool, default=True
        Whether f is convex; ψ need not be.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain, and for a step above 1/L: then there is no bound.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.proximal_gradient_residual(1.0, 0.5, 4, lipschitz=2.0)
    1.0
    >>> theory.proximal_gradient_residual(1.0, 0.5, 4, lipschitz=2.0, convex=False)
    2.0
    """
    lipschitz, step = positive("lipschitz", lipschitz), positive("step", step)
    if not step * lipschitz <= 1 + 1e-12:
        raise ValueError(f"step must be at most 1/lipschitz = {1 / lipschitz:g}, but is {step:g}")
    factor = 1 / step if convex else lipschitz + 1 / step
    return 2 * factor * at_least_zero("descent", descent) / whole("n_steps", n_steps, low=1)


def lazy_residual_floor(target: float, strength: float, step: float) -> float:
    r"""The least residual of lazy proximal gradient after its first change of sign, ``c − η (c + λ)``.

    Source: [ProxQuant], lazy proximal gradient can fail; theory 8.5.  For ``f(x) = (x − c)²/2`` and λ times
    the distance to ±1, with ``0 < c < λ`` and ``c + λ < 1``.

    Parameters
    ----------
    target : float
        c.
    strength : float
        λ.
    step : float > 0
        η.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its domain.

    Examples
    --------
    >>> from parlin import theory
    >>> theory.lazy_residual_floor(0.25, 0.5, 0.125)
    0.15625
    """
    c, strength = positive("target", target), finite("strength", strength)
    if not c < 0.5:
        raise ValueError(f"target must be below 1/2, but is {target!r}")
    if not c < strength < 1 - c:
        raise ValueError(
            f"strength must be in (target, 1 − target) = ({c:g}, {1 - c:g}), but is {strength!r}"
        )
    return c - positive("step", step) * (c + strength)
