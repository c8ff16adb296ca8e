import pytest

from zoo.training.schedules import FLOOR, rate_share, step_progress


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant"])
def test_the_rate_peaks_where_the_warmup_ends(schedule):
    assert rate_share(schedule, 0.25, 0.25) == 1.0
    rising = [rate_share(schedule, x / 100, 0.25) for x in range(26)]
    assert rising == sorted(rising)


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_the_rate_falls_to_nothing(schedule):
    falling = [rate_share(schedule, x / 100, 0.25) for x in range(25, 101)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(0.0, abs=1e-12)
    assert rate_share(schedule, 0.625, 0.25) == pytest.approx(0.5)


def test_one_cycle_begins_at_its_floor_and_the_others_at_nothing():
    assert rate_share("one-cycle", 0.0, 0.2) == FLOOR
    assert rate_share("cosine", 0.0, 0.2) == 0.0
    assert rate_share("constant", 0.0, 0.2) == 0.0


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant"])
def test_without_warmup_the_rate_begins_at_its_peak(schedule):
    assert rate_share(schedule, 0.0, 0.0) == 1.0


def test_a_constant_rate_stays():
    assert {rate_share("constant", x / 10, 0.1) for x in range(1, 11)} == {1.0}


@pytest.mark.parametrize("steps", [1, 2, 24, 1000])
def test_no_step_is_spent_at_a_rate_of_nothing(steps):
    for schedule in ("one-cycle", "cosine", "constant"):
        assert all(rate_share(schedule, step_progress(step, steps), 0.2) > 0 for step in range(steps))


def test_twenty_four_steps_come_near_the_peak():
    assert max(rate_share("one-cycle", step_progress(step, 24), 0.2) for step in range(24)) > 0.98


def test_a_late_start_passes_through_the_whole_schedule():
    late = [step_progress(step, 20, start=10) for step in range(20)]
    assert late[:10] == [0.0] * 10
    assert late[10:] == [step_progress(step, 10) for step in range(10)]
