from mlterm.core.energy import LONGEST_GAP_SECONDS, Energy


def test_a_counter_is_taken_from_where_it_stood() -> None:
    energy = Energy()
    assert energy.add("a", 0, 1000.0, 300.0) == 0
    assert energy.add("a", 1, 1300.0, 300.0) == 300
    assert energy.add("a", 100, 2000.0, None) == 1000


def test_a_counter_that_went_back_begins_anew() -> None:
    energy = Energy()
    energy.add("a", 0, 5000.0, None)
    energy.add("a", 1, 5100.0, None)
    assert energy.add("a", 2, 10.0, None) == 100
    assert energy.add("a", 3, 30.0, None) == 120


def test_power_is_integrated_over_time() -> None:
    energy = Energy()
    assert energy.add("a", 10, None, 100.0) == 0
    assert energy.add("a", 12, None, 200.0) == 300
    assert energy.add("a", 13, None, 200.0) == 500


def test_what_was_drawn_in_a_long_gap_nobody_knows() -> None:
    energy = Energy()
    energy.add("a", 0, None, 100.0)
    assert energy.add("a", LONGEST_GAP_SECONDS + 1, None, 100.0) == 0
    energy.add("a", 50, None, None)
    assert energy.add("a", 51, None, 100.0) == 0
    assert energy.add("a", 52, None, 100.0) == 100


def test_a_long_gap_that_is_wanted_is_none() -> None:
    energy = Energy(interval_seconds=60.0)
    energy.add("a", 0, None, 100.0)
    assert energy.add("a", 90, None, 200.0) == 13_500
    assert energy.add("a", 211, None, 100.0) == 13_500


def test_a_counter_has_counted_on_while_nothing_could_be_read() -> None:
    energy = Energy()
    energy.add("a", 0, 1000.0, 100.0)
    assert energy.add("a", 1, None, None) == 0
    assert energy.add("a", 60, 7000.0, 100.0) == 6000


def test_what_the_power_has_told_is_not_counted_again() -> None:
    energy = Energy()
    energy.add("a", 0, 1000.0, 100.0)
    assert energy.add("a", 1, None, 100.0) == 100
    assert energy.add("a", 2, 1200.0, 100.0) == 100
    assert energy.add("a", 3, 1300.0, 100.0) == 200


def test_where_neither_is_readable_it_is_not_known() -> None:
    energy = Energy()
    assert energy.add("a", 0, None, None) is None
    assert energy.add("a", 1, None, None) is None


def test_devices_are_apart_and_gone_on_with() -> None:
    energy = Energy()
    energy.go_on_from("a", 70.0)
    energy.add("a", 0, 0.0, None)
    energy.add("b", 0, 0.0, None)
    assert energy.add("a", 1, 10.0, None) == 80
    assert energy.add("b", 1, 5.0, None) == 5
