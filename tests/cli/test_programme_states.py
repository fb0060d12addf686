"""`cityswitch programmes suspend | resume | call-off`: stopped for a time, or for good (Żywiec § 6)."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ops.exit_codes import Exit
from tests.cli.office import SURE, Run

WARSAW = ZoneInfo("Europe/Warsaw")


def status(run: Run) -> str:
    """Return what the list says of the only programme."""
    (programme,) = json.loads(run("programmes", "list", "--json")[1])
    said: str = programme["status"]
    return said


def day(days: int) -> str:
    """Return a day of the city so many days from now."""
    return (datetime.now(WARSAW) + timedelta(days=days)).date().isoformat()


def test_a_programme_is_stopped_with_a_reason(run: Run) -> None:
    """It stops a whole city: asked about, with a reason."""
    for words in (("suspend",), ("call-off",)):
        assert run("programmes", *words, "--yes")[0] == Exit.USAGE
        assert run("programmes", *words, "--reason", "called off")[0] == Exit.USAGE
    assert status(run) == "active"


def test_a_suspension_without_an_end_is_resumed(run: Run) -> None:
    """Suspended now until somebody resumes it; the trail keeps the reason."""
    assert run("programmes", "suspend", *SURE)[0] == Exit.OK
    assert status(run) == "suspended until it is resumed"
    assert run("programmes", "resume")[0] == Exit.OK
    assert status(run) == "active"
    row = json.loads(run("audit", "--object", "programmes", "--json")[1])[1]
    assert row["reason"] == "lost by the holder"


def test_a_suspension_of_some_days_ends_with_its_last(run: Run) -> None:
    """From a midnight of the city until the midnight after its last day; announced, it can be withdrawn."""
    words = ("programmes", "suspend", "--from", day(3), "--until", day(5), "--json", *SURE)
    told = json.loads(run(*words)[1])
    begins, ends = (
        datetime.fromisoformat(told[key]).astimezone(WARSAW) for key in ("suspended_from", "suspended_until")
    )
    assert (begins.date().isoformat(), ends.date().isoformat()) == (day(3), day(6))
    assert begins.time() == ends.time() == datetime.min.time()
    assert status(run).startswith("active, suspended from")
    assert run("programmes", "resume")[0] == Exit.OK
    assert status(run) == "active"


def test_entering_the_next_suspension_ends_none(run: Run) -> None:
    """The one that runs goes on; each is ended by itself, the one that runs first."""
    assert run("programmes", "suspend", "--until", day(0), *SURE)[0] == Exit.OK
    for since, until in ((10, 11), (20, 21)):
        assert run("programmes", "suspend", "--from", day(since), "--until", day(until), *SURE)[0] == Exit.OK
    running, first, second = status(run).split(", ")
    assert running.startswith("suspended until")
    assert first.startswith("suspended from")
    assert second.startswith("suspended from")
    assert run("programmes", "resume")[0] == Exit.OK
    assert status(run) == f"active, {first}, {second}"
    assert run("programmes", "resume")[0] == Exit.OK
    assert status(run) == f"active, {second}"


def test_a_suspension_within_another_says_nothing_new(run: Run) -> None:
    """It would not shorten the one that runs: refused, with nothing changed."""
    assert run("programmes", "suspend", *SURE)[0] == Exit.OK
    code, _, err = run("programmes", "suspend", "--from", day(3), "--until", day(5), *SURE)
    assert (code, "already" in err) == (Exit.USAGE, True)
    assert status(run) == "suspended until it is resumed"


def test_what_is_past_or_ends_before_it_begins_is_refused(run: Run) -> None:
    """No suspension or end for the past, and none that is over before it begins; today means now."""
    assert run("programmes", "suspend", "--from", day(-1), *SURE)[0] == Exit.USAGE
    assert run("programmes", "suspend", "--from", day(5), "--until", day(4), *SURE)[0] == Exit.USAGE
    assert run("programmes", "call-off", "--from", day(-1), *SURE)[0] == Exit.USAGE
    assert status(run) == "active"
    assert run("programmes", "suspend", "--from", day(0), "--until", day(0), *SURE)[0] == Exit.OK
    assert status(run).startswith("suspended until")


def test_called_off_is_for_good(run: Run) -> None:
    """An announced end may be put off; once it has come nothing takes the programme up again."""
    assert run("programmes", "call-off", "--from", day(30), *SURE)[0] == Exit.OK
    assert status(run).startswith("active, called off from")
    assert run("programmes", "call-off", *SURE)[0] == Exit.OK
    since = datetime.now(UTC).date().isoformat()
    assert status(run).startswith(f"called off since {since}")
    assert run("programmes", "call-off", "--from", day(9), *SURE)[0] == Exit.USAGE
    for words in (("resume",), ("suspend", *SURE), ("suspend", "--from", day(9), *SURE)):
        code, out, err = run("programmes", *words)
        assert (code, out) == (Exit.USAGE, "")
        assert "called off" in err
    assert status(run).startswith("called off since")


def test_what_is_called_off_by_then_is_not_suspended(run: Run) -> None:
    """A suspension from the end on, or later, would say what never is; one before it is in order."""
    assert run("programmes", "call-off", "--from", day(30), *SURE)[0] == Exit.OK
    for since in (30, 31):
        assert run("programmes", "suspend", "--from", day(since), *SURE)[0] == Exit.USAGE
    assert run("programmes", "suspend", "--from", day(29), *SURE)[0] == Exit.OK
