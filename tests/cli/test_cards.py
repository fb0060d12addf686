"""`cityswitch cards` against a real Postgres: numbers typed in, reasons, confirmation, duplicates."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops.exit_codes import Exit
from protocol import luhn_digit
from switch.rules.dates import end_of_term
from tests.cli.office import RULES, SURE, Run, card


def status_of(run: Run, number: int) -> str:
    """Return the status `cards show` tells."""
    return str(json.loads(run("cards", "show", "--json", typed=card(number))[1])["status"])


def test_cards_are_imported_all_or_none_and_numbers_never_told(run: Run, tmp_path: Path) -> None:
    """One bad line and no card is stored; each is told by line, column and reason, and no number in full."""
    wrong = card(3)[:-1] + str((int(card(3)[-1]) + 1) % 10)
    good = [f"{card(1)},2031-05-31,", f"{card(2)},,ordered"]
    lines = [*good, f"{wrong},,", f"{card(1)},,", f"{card(4)},31.05.2031,", f"{card(5)},,lost"]
    file = tmp_path / "cards.csv"
    file.write_text("number,expires_on,status\n" + "\n".join(lines), encoding="utf-8")
    status, out, err = run("cards", "import", str(file))
    assert status == Exit.DIFFERENCES
    assert "0 cards imported, 0 there already, 4 lines refused" in out
    for line in (
        "line 4: number: is no card",
        "line 5: is line 2 once more",
        "line 6: expires_on: is no date",
        "line 7: status: is none of",
    ):
        assert line in out
    assert not any(card(number) in out + err for number in range(1, 6))
    assert json.loads(run("cards", "list", "--json")[1]) == []
    assert "2 cards would be imported" in run("cards", "import", str(file), "--dry-run")[1]
    assert "2 cards imported" in run("cards", "import", str(file), "--good-lines")[1]
    shown = json.loads(run("cards", "list", "--json")[1])
    assert [(row["card"][-4:], row["status"], row["expires_on"]) for row in shown] == [
        (card(1)[-4:], "active", "2031-05-31"),
        (card(2)[-4:], "ordered", None),
    ]
    refused = file.with_name("cards.csv.refused.csv")
    assert refused.stat().st_mode & 0o777 == 0o600
    assert refused.read_text().splitlines()[1].startswith(f"{wrong},,,4,number: is no card")


def test_the_same_file_again_is_passed_over_and_a_change_is_refused(run: Run, tmp_path: Path) -> None:
    """Rows that say the same are there already; one that says something else is refused with it."""
    file = tmp_path / "cards.csv"
    file.write_text(f"number,expires_on\n{card(1)},2031-05-31\n{card(2)},\n", encoding="utf-8")
    assert run("cards", "import", str(file))[0] == Exit.OK
    status, out, _ = run("cards", "import", str(file))
    assert status == Exit.OK
    assert "0 cards imported, 2 there already, 0 lines refused" in out
    file.write_text(f"number,expires_on\n{card(1)},2032-05-31\n{card(2)},\n", encoding="utf-8")
    status, out, _ = run("cards", "import", str(file))
    assert status == Exit.DIFFERENCES
    assert "line 2: expires_on: it is there already with another expires_on: 2031-05-31" in out


def test_a_stopped_card_wants_a_reason_and_a_confirmation(run: Run) -> None:
    """Without a reason, or without --yes where nobody can be asked, nothing is done and status 2 says why."""
    assert run("cards", "add", typed=card(1))[0] == Exit.OK
    for action in ("block", "retain"):
        status, _, err = run("cards", action, "--yes", typed=card(1))
        assert status == Exit.USAGE
        assert "--reason" in err
        status, _, err = run("cards", action, "--reason", "lost", typed=card(1))
        assert status == Exit.USAGE
        assert "--yes" in err
    assert status_of(run, 1) == "active"


def test_cards_are_blocked_and_taken_up_as_what_they_were(run: Run) -> None:
    """Block, unblock and retain change what `show` tells, also as JSON, and show no number in full."""
    run("cards", "add", typed=card(1))
    said = ""
    for action, status in (("block", "blocked"), ("unblock", "active"), ("retain", "wanted")):
        sure = () if action == "unblock" else SURE
        done, out, err = run("cards", action, "--json", *sure, typed=card(1))
        assert done == Exit.OK
        assert json.loads(out)["status"] == status
        assert status_of(run, 1) == status
        said += out + err
    assert card(1) not in said
    assert run("cards", "block", *SURE, typed=card(9))[0] == Exit.NOT_FOUND
    assert run("cards", "show", typed=card(9))[0] == Exit.NOT_FOUND
    assert run("cards", "show", typed="")[0] == Exit.USAGE


@pytest.mark.parametrize("lost", [False, True])
def test_a_duplicate_inherits_and_waits_to_be_handed_over(run: Run, lost: bool) -> None:
    """Same account and last day; until the hand-over the old plastic works, unless it is lost."""
    run("cards", "add", "--expires-on", "2031-05-31", typed=card(1))
    how = ("--lost",) if lost else ()
    status, out, _ = run("cards", "duplicate", "--json", *how, *SURE, typed=f"{card(1)}\n{card(2)}\n")
    assert status == Exit.OK
    assert json.loads(out)["old_status"] == ("replaced" if lost else "active")
    old, new = (json.loads(run("cards", "show", "--json", typed=card(n))[1]) for n in (1, 2))
    assert (new["status"], new["issue"]) == ("ready", 2)
    for field in ("account", "expires_on"):
        assert new[field] == old[field]
    assert run("cards", "activate", typed=card(2))[0] == Exit.OK
    assert (status_of(run, 1), status_of(run, 2)) == ("replaced", "active")
    assert run("cards", "unblock", typed=card(1))[0] == Exit.USAGE


def test_a_card_tells_since_when_it_is_what_it_is(run: Run) -> None:
    """The moment of the last change of its status; none for a card that never had another."""
    run("cards", "add", typed=card(1))
    assert json.loads(run("cards", "show", "--json", typed=card(1))[1])["status_since"] is None
    before = datetime.now(UTC).replace(microsecond=0)
    run("cards", "block", *SURE, typed=card(1))
    since = json.loads(run("cards", "show", "--json", typed=card(1))[1])["status_since"]
    assert before <= datetime.fromisoformat(since) <= datetime.now(UTC)


def test_numbers_may_stand_on_the_command_line(run: Run) -> None:
    """Where a list of processes is nobody's business a number is an argument; `-` reads it all the same."""
    assert run("cards", "add", card(1))[0] == Exit.OK
    assert run("cards", "show", card(1))[0] == Exit.OK
    assert run("cards", "show", "-", typed=card(1))[0] == Exit.OK


def test_validity_begins_when_a_card_is_handed_over(run: Run) -> None:
    """Żywiec 3: two years from the day of issue, that day of the month included; renewed by the same term."""
    held = card(1, "96161")
    assert run("programmes", "apply", str(RULES.with_name("zywiec.toml")))[0] == Exit.OK
    assert run("cards", "order", "--programme", "zywiec", typed=held)[0] == Exit.OK
    for act in ("ready", "activate"):
        assert run("cards", act, typed=held)[0] == Exit.OK
    until = end_of_term(datetime.now(ZoneInfo("Europe/Warsaw")).date(), months=24)
    assert json.loads(run("cards", "show", "--json", typed=held)[1])["expires_on"] == until.isoformat()
    status, _, err = run("cards", "renew", typed=held)
    assert (status, "already" in err) == (Exit.USAGE, True)
    earlier, old = (until - timedelta(days=40)).isoformat(), card(3, "96161")
    assert run("cards", "add", "--expires-on", earlier, "--programme", "zywiec", typed=old)[0] == Exit.OK
    assert run("cards", "renew", typed=old)[0] == Exit.OK
    assert json.loads(run("cards", "show", "--json", typed=old)[1])["expires_on"] == until.isoformat()
    assert run("cards", "add", "--programme", "czestochowa", typed=card(2))[0] == Exit.OK
    assert run("cards", "renew", typed=card(2))[0] == Exit.USAGE


def test_a_card_whose_validity_is_over_gets_no_duplicate_before_it_is_renewed(run: Run) -> None:
    """Żywiec § 3: a duplicate is given "w okresie terminu jej ważności", whyever it is wanted."""
    assert run("programmes", "apply", str(RULES.with_name("zywiec.toml")))[0] == Exit.OK
    old, new = card(1, "96161"), card(2, "96161")
    yesterday = datetime.now(ZoneInfo("Europe/Warsaw")).date() - timedelta(days=1)
    ended = ("--expires-on", yesterday.isoformat(), "--programme", "zywiec")
    assert run("cards", "add", *ended, typed=old)[0] == Exit.OK

    def duplicate(why: str) -> tuple[int, str, str]:
        return run("cards", "duplicate", "--why", why, *SURE, typed=f"{old}\n{new}\n")

    for why in ("changed-data", "no-fault", "fault"):
        status, _, err = duplicate(why)
        assert (status, f"valid until {yesterday}: renew it first" in err) == (Exit.USAGE, True)
    assert run("cards", "renew", typed=old)[0] == Exit.OK
    assert duplicate("changed-data")[0] == Exit.OK


def test_zywiec_3_no_card_is_valid_beyond_its_term(run: Run, tmp_path: Path) -> None:
    """However a card comes in or is renewed: until two years from today at most, and never without an end."""
    assert run("programmes", "apply", str(RULES.with_name("zywiec.toml")))[0] == Exit.OK
    here = ("--programme", "zywiec")
    until = end_of_term(datetime.now(ZoneInfo("Europe/Warsaw")).date(), months=24)
    beyond = (until + timedelta(days=1)).isoformat()
    numbers = [card(number, "96161") for number in range(1, 8)]
    out = ("--out", str(tmp_path / "maker.csv"))
    assert run("cards", "add", *here, typed=numbers[0])[0] == Exit.OK
    for act in (("add", *here), ("order", *here), ("generate", *here, *out), ("renew",)):
        typed = numbers[0] if act[0] == "renew" else numbers[1]
        status, _, err = run("cards", *act, "--expires-on", beyond, typed=typed)
        assert status == Exit.USAGE, act
        assert "expires_on" in err
        assert f"{beyond} is later than {until}" in err
        assert "validity_months = 24" in err
    file = tmp_path / "cards.csv"
    file.write_text(f"number,expires_on,status\n{numbers[2]},{beyond},active\n", encoding="utf-8")
    status, told, _ = run("cards", "import", str(file), *here)
    assert status == Exit.DIFFERENCES
    assert f"line 2: expires_on: {beyond} is later than {until}" in told
    earlier = (until - timedelta(days=300)).isoformat()
    lines = (("", "active"), (earlier, "active"), ("", "blocked"), ("", "ordered"))
    text = "".join(
        f"{number},{day},{status}\n" for number, (day, status) in zip(numbers[2:], lines, strict=False)
    )
    file.write_text("number,expires_on,status\n" + text, encoding="utf-8")
    for added in (4, 0):  # once more, and nothing is changed
        assert f"{added} cards imported" in run("cards", "import", str(file), *here)[1]
    assert (
        run(
            "cards",
            "duplicate",
            "--handed-over",
            "--why",
            "no-fault",
            "--old-card",
            "returned",
            *SURE,
            typed=f"{numbers[5]}\n{numbers[6]}\n",
        )[0]
        == Exit.OK
    )
    days = [
        json.loads(run("cards", "show", "--json", typed=number)[1])["expires_on"]
        for number in (numbers[0], *numbers[2:])
    ]
    last = until.isoformat()
    assert days == [last, last, earlier, last, None, last]


def test_a_duplicate_s_fee_is_asked_for_told_and_kept(run: Run) -> None:
    """Żywiec § 3: 10 zł at the holder's fault, nothing for changed data; why is said where it matters."""
    assert run("programmes", "apply", str(RULES.with_name("zywiec.toml")))[0] == Exit.OK
    for number in (1, 2):
        assert run("cards", "add", "--programme", "zywiec", typed=card(number, "96161"))[0] == Exit.OK
    assert run("cards", "add", "--programme", "czestochowa", typed=card(1))[0] == Exit.OK

    def asked(number: int, *why: str, prefix: str = "96161") -> tuple[int, str, str]:
        typed = f"{card(number, prefix)}\n{card(number + 10, prefix)}\n"
        return run("cards", "duplicate", *why, *SURE, typed=typed)

    status, _, err = asked(1)
    assert (status, "--why fault: 10.00 zł, --why no-fault: 0.00 zł" in err) == (Exit.USAGE, True)
    assert run("cards", "show", typed=card(11, "96161"))[0] == Exit.NOT_FOUND
    assert "10.00 zł" in asked(1, "--why", "fault")[1]
    assert json.loads(asked(2, "--why", "changed-data", "--json")[1])["fee_grosze"] == 0
    assert "0.00 zł" in asked(1, prefix="96160")[1]
    rows = json.loads(run("audit", "--object", "fees", "--json")[1])
    kept = [(row["after"]["programme"], row["after"]["why"], row["after"]["grosze"]) for row in rows]
    assert kept == [(1, "", 0), (2, "changed-data", 0), (2, "fault", 1000)]


def test_a_number_is_of_one_programme(run: Run, tmp_path: Path) -> None:
    """Another city's number, or one of another length, is refused wherever a number is added; a transport
    card has its issuer's own.
    """
    assert run("programmes", "apply", str(RULES.with_name("zywiec.toml")))[0] == Exit.OK
    ours, theirs, nobodys = card(1), card(1, "96161"), card(1, "40000")
    long = "961601234567890123" + luhn_digit("961601234567890123")
    here = ("--programme", "czestochowa")
    file = tmp_path / "cards.csv"
    file.write_text("\n".join(("number", ours, theirs, nobodys, long)), encoding="utf-8")
    status, out, _ = run("cards", "import", str(file), *here)
    assert status == Exit.DIFFERENCES
    assert "0 cards imported" in out
    for line in (
        "line 3: number: begins as another programme's cards do",
        "line 4: number: does not begin with 96160, as this programme's cards do",
        "line 5: number: has 19 digits: this programme's cards have 16",
    ):
        assert line in out
    for act in ("add", "order"):
        status, _, err = run("cards", act, *here, typed=theirs)
        assert (status, "begins as another programme's" in err) == (Exit.USAGE, True)
    assert json.loads(run("cards", "list", "--json")[1]) == []
    assert run("cards", "add", *here, typed=ours)[0] == Exit.OK
    for act in (("duplicate", *SURE), ("carrier", "--kind", "qr"), ("carrier", "--kind", "transport")):
        status, _, err = run("cards", *act, typed=f"{ours}\n{theirs}\n")
        assert (status, "begins as another programme's" in err) == (Exit.USAGE, True)
    file.write_text(f"number,of,kind\n{theirs},{ours},qr\n{nobodys},{ours},transport\n", encoding="utf-8")
    status, out, _ = run("cards", "import-carriers", str(file), *here)
    assert (status, "line 2: number: begins as another" in out) == (Exit.DIFFERENCES, True)
    assert run("cards", "carrier", "--kind", "transport", typed=f"{ours}\n{nobodys}\n")[0] == Exit.OK
