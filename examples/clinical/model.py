"""A small model of the training rows, and honest figures about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from features import FEATURES

Row = Mapping[str, Any]
"""A training row by column: of Spark, or of pandas."""

SEED = 0
_RESAMPLES = 200


@dataclass(frozen=True)
class Figures:
    """How well probabilities tell the two groups apart.

    ``auroc`` stands between ``low`` and ``high`` in 95 % of samples of patients drawn anew; ``baseline`` is
    the AUROC of the last eGFR alone, which needs no model; ``brier`` is the mean squared error.
    """

    rows: int
    patients: int
    positive: int
    auroc: float
    low: float
    high: float
    baseline: float
    brier: float


def new_model() -> Pipeline:
    """Logistic regression: 16 features and a few hundred rows carry no more."""
    regression = LogisticRegression(C=0.1, max_iter=2000)
    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), regression
    )


def cross_validate(rows: Sequence[Row]) -> Figures:
    """Five folds in which no patient is both learnt from and asked about."""
    ordered = _ordered(rows)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=SEED)
    patients = [row["patient_id"] for row in ordered]
    predicted = cross_val_predict(
        new_model(), _inputs(ordered), _labels(ordered), groups=patients, cv=folds, method="predict_proba"
    )
    return _figures(ordered, predicted[:, 1])


def train(rows: Sequence[Row]) -> Pipeline:
    """The model of all rows; their order doesn't matter."""
    ordered = _ordered(rows)
    return new_model().fit(_inputs(ordered), _labels(ordered))


def evaluate(model: Pipeline, rows: Sequence[Row]) -> Figures:
    """A trained model on rows that it hasn't seen."""
    ordered = _ordered(rows)
    return _figures(ordered, model.predict_proba(_inputs(ordered))[:, 1])


def _ordered(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["patient_id"], row["day"]))


def _inputs(rows: Sequence[Row]) -> NDArray[np.float64]:
    values = [[np.nan if row[name] is None else float(row[name]) for name in FEATURES] for row in rows]
    return np.array(values, dtype=np.float64)


def _labels(rows: Sequence[Row]) -> NDArray[np.int64]:
    return np.array([row["reduced"] for row in rows], dtype=np.int64)


def _figures(rows: Sequence[Row], predicted: NDArray[Any]) -> Figures:
    labels = _labels(rows)
    low, high = _interval(rows, labels, predicted)
    last_egfr = np.array([float(row["egfr"]) for row in rows])
    return Figures(
        rows=len(rows),
        patients=len({row["patient_id"] for row in rows}),
        positive=int(labels.sum()),
        auroc=float(roc_auc_score(labels, predicted)),
        low=low,
        high=high,
        baseline=float(roc_auc_score(labels, -last_egfr)),
        brier=float(brier_score_loss(labels, predicted)),
    )


def _interval(rows: Sequence[Row], labels: NDArray[Any], predicted: NDArray[Any]) -> tuple[float, float]:
    """Bootstrap by patient, not by row: the rows of one patient say the same thing many times."""
    of_patient: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        of_patient.setdefault(row["patient_id"], []).append(index)
    groups = list(of_patient.values())
    random = np.random.default_rng(SEED)
    scores = []
    for _ in range(_RESAMPLES):
        drawn = random.integers(len(groups), size=len(groups))
        sample = np.concatenate([groups[i] for i in drawn])
        if 0 < labels[sample].sum() < len(sample):
            scores.append(roc_auc_score(labels[sample], predicted[sample]))
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)
