r"""Nonlinear models: the bound n fails as worded; it holds neuron by neuron, and the rank says where.

Claims
------
C2: for models that are nonlinear in their weights, the source bounds the number u of weights off the
levels at *every* critical point by n, by way of the rank of the Jacobian.

Source
------
[PAR] Theorem 2 and Assumption 1, as the second mechanism words them. The theorem's own text was not
available; its hypotheses may exclude what is shown here.

Setting
-------
(i) One sample, one unit ``a'w + ‖w‖²/2`` with d = 5 weights, penalty ``α|w_j|``, α = 0.1, data in the open
set ``a_j ∈ (1, 2)``, ``y ∈ (−11, −10)``. (ii) Two-layer tanh networks with 30 inputs and 3 neurons, Gaussian
data, output weights drawn once; proximal gradient trains the first layer, penalty lasso or sawtooth.

Prediction
----------
(i) A strict local minimum with no weight on a level, u = 5 > n = 1, for all these data. Rational arithmetic
proves it for each draw, and one inequality for the whole set (`one_unit_counterexample`). (ii) The gradient
of neuron k is ``X'δ_k``, so at most n of its weights are off the levels (of n samples and 30 inputs the
fraction `theory.quantization_floor` is on them), 3n in all; more than n do occur. The Jacobian's columns of
the off-level weights have rank min(u, n), as in general position (observed; no theorem), so rank u certifies
u <= n.

Falsified by
------------
A draw without its proof, or with fewer weights off the level: `prove_minimum().n_negative - 4` violates
C2/local-minimum; an n that no strict local minimum exceeds: `random_network(activation='identity')` violates
C2/network-total; a neuron with more than n weights off the levels: `random_network(entries='sign')` violates
C2/per-neuron; a critical point of lower rank: `random_network(entries='repeated')` violates
C2/rank-certificate. Which points are critical (slope residual at most 1e-8) is decided from a gradient that
training does not use: `train + 0.001` leaves C2/local-minimum, C2/network-total, C2/per-neuron and
C2/rank-certificate undecided.

Control
-------
The same units and networks made linear (no square; the identity for tanh) stay within n. With inputs ±1
single neurons exceed n. With the inputs of one sample occurring twice ranks fall short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from experiments.harness.evidence import Control, Evidence, Standing
from experiments.nonlinear import thm2_nonlinear_figure
from experiments.nonlinear.one_unit_counterexample import CurvedUnit, margin_of_all, prove_minimum
from experiments.nonlinear.squared_error_losses import (
    Criticality,
    criticality,
    excess_over_cvxpy,
    random_network,
)
from experiments.nonlinear.training import train
from parlin import PAR, designs

SOURCE = "[PAR] Thm 2"
WORDING = 'It says every critical point of nonlinear models too, "regardless of the specific loss landscape".'
LINEAR = "The activation is the identity, so the model is linear in its weights."
SIGNS = "The inputs are ±1, so their law is not absolutely continuous."
REPEATED = "The inputs of one sample occur twice, so their law is not absolutely continuous."


@dataclass(frozen=True)
class Config:
    n_draws: int
    n_linear_draws: int
    sample_sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    control_seeds: tuple[int, ...]
    unit_inputs: int = 5
    unit_strength: float = 0.1
    input_range: tuple[float, float] = (1.0, 2.0)
    target_range: tuple[float, float] = (-11.0, -10.0)
    inputs: int = 30
    neurons: int = 3
    grid: tuple[float, int] = (0.5, 4)
    strength: float = 0.01
    start_scale: float = 0.5
    max_rounds: int = 50

    @classmethod
    def full(cls) -> Config:
        return cls(500, 20, sample_sizes=(2, 4, 6, 8), seeds=tuple(range(8)), control_seeds=(0, 1, 2, 3))

    @classmethod
    def smoke(cls) -> Config:
        return cls(20, 3, sample_sizes=(8,), seeds=(0, 1, 2), control_seeds=(0, 1))


@dataclass(frozen=True)
class Trained:
    """A trained network: where it comes from, the off-level weights of each neuron, how critical it is."""

    penalty: str
    n: int
    seed: int
    by_neuron: list[int]
    criticality: Criticality
    excess: float  # of the objective over cvxpy's; nan where not compared

    @property
    def certified(self) -> bool:
        """Whether the point is critical, and minimal where cvxpy was asked."""
        return self.criticality.critical and not self.excess > 1e-8


def run(config: Config) -> tuple[Evidence, ...]:
    """Evidence on C2: two counterexamples, and what holds instead."""
    networks = [net for name in ("lasso", "sawtooth") for net in _train_all(config, config.seeds, name)]
    linear = _train_all(config, config.control_seeds, "lasso", activation="identity")
    signs = _train_all(config, config.control_seeds, "lasso", entries="sign")
    repeated = _train_all(config, config.control_seeds, "lasso", entries="repeated")
    total = Evidence(
        claim="C2/network-total",
        statement="Small tanh networks have strict local minima with more than n weights off the levels.",
        source=SOURCE,
        standing=Standing.REFUTED,
        remark=f"{WORDING} The Jacobian at these points has full rank, n.",
        relation=">=",
        control=Control(outside=LINEAR, **_largest_totals(linear, config.sample_sizes)),
        table=_details(networks) | {"control": _details(linear)},
        **_largest_totals(networks, config.sample_sizes),
    )
    by_neuron = Evidence(
        claim="C2/per-neuron",
        statement="Each neuron of the first layer has at most n weights off the levels at a critical point.",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark="It bounds the total by n; what holds is n for each of h neurons, nh in all.",
        relation="<=",
        control=Control(outside=SIGNS, **_by_neuron(signs)),
        **_by_neuron(networks),
    )
    certificate = Evidence(
        claim="C2/rank-certificate",
        statement="The Jacobian of the off-level weights has rank min(u, n): rank u certifies u <= n.",
        source=SOURCE,
        standing=Standing.MADE_PRECISE,
        remark="It asks for a non-degenerate Jacobian; the bound n needs independent off-level columns.",
        relation="==",
        control=Control(outside=REPEATED, **_ranks(repeated)),
        table=_details(networks) | {"control": _details(repeated)},
        **_ranks(networks),
    )
    return _local_minimum(config), total, by_neuron, certificate


def _local_minimum(config: Config) -> Evidence:
    rng = np.random.default_rng([1, config.unit_inputs])
    penalty = PAR([0.0], [-1.0, 1.0]).scaled(config.unit_strength)
    margin = margin_of_all(config.unit_inputs, config.input_range, config.target_range, config.unit_strength)
    minima, points, linear = [], [], []
    for draw in range(config.n_draws):
        inputs = rng.uniform(*config.input_range, config.unit_inputs)
        target = rng.uniform(*config.target_range)
        minima.append(prove_minimum(inputs, target, config.unit_strength))
        points.append(criticality(CurvedUnit(inputs, target), penalty, minima[-1].w))
        if draw < config.n_linear_draws:
            unit = CurvedUnit(inputs, target, square_weight=0.0)
            start = np.where(inputs == inputs.max(), target / inputs, 0.0)
            linear.append(criticality(unit, penalty, train(unit, penalty, start, config.max_rounds)))
    pairs = zip(minima, points, strict=True)
    return Evidence(
        claim="C2/local-minimum",
        statement="For all data of an open set a model has a strict local minimum with no weight on a level.",
        source=SOURCE,
        standing=Standing.REFUTED,
        remark=f"{WORDING} The Jacobian at these points has full rank, n = 1.",
        relation=">=",
        # The first point stands for the open set as a whole.
        measured=[config.unit_inputs, *(point.n_negative for point in minima)],
        bound=2,
        certified=[margin > 0, *(point.proved and found.critical and found.strict for point, found in pairs)],
        control=Control(
            outside="The square is left out, so the model is linear in its weights.",
            measured=[found.off_level for found in linear],
            bound=2,
            certified=[found.critical for found in linear],
        ),
        table={
            "margin_of_all": float(margin),
            "smallest_eigenvalue": [point.smallest_eigenvalue for point in minima],
            "distance_to_level": [float(np.abs(point.w).min()) for point in minima],
            "relative_distance": [found.relative_distance for found in points],
            "jacobian_rank": [found.jacobian_rank for found in points],
        },
    )


def _train_all(
    config: Config, seeds: Sequence[int], name: str, activation: str = "tanh", entries: str = "normal"
) -> list[Trained]:
    penalty = getattr(designs, name)(*config.grid).scaled(config.strength)
    trained = []
    for n in config.sample_sizes:
        for seed in seeds:
            sizes = (n, config.inputs, config.neurons)
            loss, normal = random_network(*sizes, seed=seed, entries=entries, activation=activation)
            w = train(loss, penalty, config.start_scale * normal, config.max_rounds)
            by_neuron, found = loss.off_level_by_neuron(penalty, w).tolist(), criticality(loss, penalty, w)
            linear = activation == "identity" and found.critical
            excess = excess_over_cvxpy(loss, penalty, w) if linear else np.nan
            trained.append(Trained(name, n, seed, by_neuron, found, excess))
    return trained


def _largest_totals(networks: Sequence[Trained], sizes: Sequence[int]) -> dict[str, list]:
    """For each n the most off-level weights at a strict local minimum with a Jacobian of rank min(u, n)."""
    totals = {n: [] for n in sizes}
    for net in networks:
        found = net.criticality
        if net.certified and found.strict and found.jacobian_rank == min(net.n, found.off_level):
            totals[net.n].append(found.off_level)
    return _counts([(max(some, default=0), n + 1, bool(some)) for n, some in totals.items()])


def _ranks(networks: Sequence[Trained]) -> dict[str, list]:
    found = [(net.criticality, net) for net in networks]
    return _counts([(one.jacobian_rank, min(net.n, one.off_level), net.certified) for one, net in found])


def _by_neuron(networks: Sequence[Trained]) -> dict[str, list]:
    return _counts([(count, net.n, net.certified) for net in networks for count in net.by_neuron])


def _counts(points: Sequence[tuple[int, int, bool]]) -> dict[str, list]:
    return dict(zip(("measured", "bound", "certified"), map(list, zip(*points, strict=True)), strict=True))


def _details(networks: Sequence[Trained]) -> dict[str, list]:
    origin = ("penalty", "n", "seed", "certified", "excess")
    found = ("off_level", "strict", "relative_distance", "smallest_eigenvalue")
    columns = {name: [getattr(net, name) for net in networks] for name in origin}
    return columns | {name: [getattr(net.criticality, name) for net in networks] for name in found}


def plot(evidence: Sequence[Evidence], figure: Figure) -> None:
    thm2_nonlinear_figure.draw(evidence, figure)
