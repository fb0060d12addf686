"""A world that failed is cut down to what it needs to fail."""

from simulators.world.faults import Fault
from simulators.world.run import Plan, Report
from simulators.world.shrink import shrink


def run(plan: Plan) -> Report:
    """Fail where a line is cut in at least 30 operations of two tills: as a bug would have it."""
    assert plan.kinds is not None
    fails = Fault.LINE_CUT in plan.kinds and plan.operations >= 30 and plan.tills >= 2
    violations = ["books: unit 0 sums to 5"] if fails else ["zgierz: sums_differ: another"]
    return Report(plan, plan.kinds, "", 0, 0.0, 0, {}, violations, [])


def test_what_is_left_fails_in_the_same_way_and_is_less() -> None:
    """Operations, kinds of faults and tills go as far as they can, and no further."""
    whole = Plan(5, 2_000, tuple(Fault), 4)
    told: list[Plan] = []
    plan = shrink(whole, run(whole), run, told.append)
    assert plan.kinds == (Fault.LINE_CUT,)
    assert plan.tills == 2
    assert plan.operations == 30
    assert told[-1] == plan
    assert run(plan).violations == run(whole).violations
