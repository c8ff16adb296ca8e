"""A history becomes a table of what can be compared."""

import numpy as np
import pytest

from headhunt.vocabulary import Outcome, Protocol
from recommender.outcomes import Outcomes, outcomes_of


def row(model="m", dataset="d", accuracy=0.5, **facts):
    return Outcome(model=model, dataset=dataset, accuracy=accuracy, **facts)


def only(rows):
    table = outcomes_of(rows)
    assert table.accuracy.shape == (1, 1)
    return table.accuracy[0, 0]


def test_the_rate_is_chosen_by_validation_and_not_by_the_test():
    assert only([row(accuracy=0.9, val_accuracy=0.5, lr=0.1), row(accuracy=0.7, val_accuracy=0.6, lr=0.01)]) == 0.7


def test_without_validation_the_best_setting_counts():
    assert only([row(accuracy=0.9, lr=0.1), row(accuracy=0.7, lr=0.01)]) == 0.9


def test_seeds_of_a_setting_are_averaged():
    rows = [row(accuracy=a, seed=s, lr=0.01) for s, a in enumerate((0.6, 0.7, 0.8))]
    assert only([*rows, row(accuracy=0.75, seed=0, lr=0.1)]) == pytest.approx(0.75)
    assert only(rows) == pytest.approx(0.7)


def test_flagged_rows_are_left_out_and_a_pair_that_only_diverged_is_a_failure():
    table = outcomes_of(
        [
            row("a", accuracy=0.99, flags=("seen-target",)),
            row("b", accuracy=0.0, flags=("untested",)),
            row("c", accuracy=0.1, flags=("diverged",), lr=0.1),
            row("c", accuracy=0.6, lr=0.01),
            row("d", accuracy=0.1, flags=("diverged",)),
            row("e", accuracy=0.1, flags=("diverged", "seen-target")),
        ]
    )
    assert table.models == ("c", "d")
    np.testing.assert_array_equal(table.accuracy, [[0.6], [np.nan]])
    np.testing.assert_array_equal(table.failures(), [[False], [True]])


def test_protocols_stand_in_columns_of_their_own_and_rates_and_seeds_do_not():
    short, long = Protocol(epochs=1), Protocol(epochs=10)
    table = outcomes_of(
        [
            row("a", accuracy=0.5, protocol=short, seed=0),
            row("a", accuracy=0.8, protocol=long, seed=0),
            row("b", accuracy=0.6, protocol=Protocol(epochs=10, lr=1e-2, seeds=(3,)), seed=3),
        ]
    )
    assert table.datasets == ("d", "d")
    columns = {tuple(np.nan_to_num(column)) for column in table.accuracy.T}
    assert columns == {(0.5, 0.0), (0.8, 0.6)}


def test_a_dataset_is_left_out_with_all_its_columns():
    table = outcomes_of([row(dataset="x"), row(dataset="x", protocol_name="other"), row(dataset="y", accuracy=0.7)])
    assert table.datasets == ("x", "x", "y")
    rest = table.without("x")
    assert rest.datasets == ("y",)
    np.testing.assert_array_equal(rest.accuracy, [[0.7]])
    assert rest.failures().shape == (1, 1)


def test_no_rows_are_an_empty_table():
    table = outcomes_of([])
    assert (table.models, table.datasets, table.accuracy.shape) == ((), (), (0, 0))


def test_a_table_without_failures_has_none():
    assert not Outcomes(("a",), ("d",), np.array([[0.5]])).failures().any()
