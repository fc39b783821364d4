"""What the benchmarks reckon from what they measure."""

import pytest

from benchmarks.measuring import Target, Usage, exponent, in_turn


def usage(wall: float) -> Usage:
    return Usage(wall=wall, cpu=wall / 2, memory=round(wall * 100))


def test_sides_are_measured_in_turn_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []
    walls = {"ours": iter([99.0, 1.0, 9.0, 2.0]), "floor": iter([99.0, 1.0, 1.0, 1.0])}

    def side(name: str) -> Usage:
        order.append(name)
        return usage(next(walls[name]))

    medians = in_turn({"ours": lambda: side("ours"), "floor": lambda: side("floor")}, rounds=3)
    assert order == ["ours", "floor"] * 4
    assert medians["ours"] == usage(2.0)


@pytest.mark.parametrize(("power", "what"), [(0, "constant"), (1, "linear"), (2, "quadratic")])
def test_the_exponent_tells_how_something_grows(power: int, what: str) -> None:
    sizes = [10, 1000, 10_000]
    assert exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)


def test_a_target_is_met_up_to_its_limit_or_down_to_it() -> None:
    assert Target(what="ratio", value=1.3, limit=1.3).met
    assert not Target(what="ratio", value=1.31, limit=1.3).met
    assert not Target(what="times faster", value=2.9, limit=3, at_least=True).met
