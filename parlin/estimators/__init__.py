r"""Estimators with scikit-learn's conventions."""

from parlin.estimators.general import PARRegressor
from parlin.estimators.lasso import PARLasso
from parlin.estimators.nonconvex import PARNonconvex
from parlin.estimators.ridge import PARRidge
from parlin.estimators.sgd import PARSGDRegressor

__all__ = ["PARLasso", "PARNonconvex", "PARRegressor", "PARRidge", "PARSGDRegressor"]
