"""`cityswitch cards import-carriers`: a transport card for each plastic, all or none."""

import json
from pathlib import Path

import pytest

from ops.exit_codes import Exit
from tests.cli.office import RULES, SURE, Run, card


def test_carriers_are_imported_all_or_none_and_again_without_harm(run: Run, tmp_path: Path) -> None:
    """Częstochowa: plastic and transport card name one account; a line that cannot be is told, no number
    is.
    """
    for number in (1, 2, 3):
        assert run("cards", "add", typed=card(number))[0] == Exit.OK
    assert run("cards", "block", *SURE, typed=card(3))[0] == Exit.OK
    file = tmp_path / "carriers.csv"
    good = [f"{card(11)},{card(1)},transport", f"{card(12)},{card(2)},transport", f"{card(21)},{card(1)},qr"]
    bad = [
        f"{card(13)},{card(3)},qr",
        f"{card(14)},{card(9)},qr",
        f"{card(15)},{card(1)},transport",
        f"{card(16)},{card(1)},watch",
        f"{card(2)},{card(1)},qr",
        f"{card(1)[:-1]}x,{card(1)},qr",
    ]
    file.write_text("number,of,kind\n" + "\n".join(good + bad), encoding="utf-8")
    status, out, err = run("cards", "import-carriers", str(file))
    assert (status, err) == (Exit.DIFFERENCES, err), err
    assert "0 cards imported, 0 there already, 6 lines refused" in out
    for line in (
        "line 5: of: is a card that is blocked",
        "line 6: of: is no card of this programme",
        "line 7: kind: its account has a transport already",
        "line 8: kind: is none of plastic, transport, qr",
        "line 9: number: is there already, of another account",
        "line 10: number: is no card",
    ):
        assert line in out
    assert not any(card(number) in out + err for number in (1, 2, 3, 9, 11, 12, 13))
    assert len(json.loads(run("cards", "list", "--json")[1])) == 3
    file.write_text("number,of,kind\n" + "\n".join(good), encoding="utf-8")
    assert "3 cards imported" in run("cards", "import-carriers", str(file))[1]
    assert "0 cards imported, 3 there already, 0 lines" in run("cards", "import-carriers", str(file))[1]
    rows = json.loads(run("cards", "list", "--json")[1])
    by_number = {row["card"][-4:]: row for row in rows}
    plastic, transport, qr = (by_number[card(number)[-4:]] for number in (1, 11, 21))
    assert plastic["account"] == transport["account"] == qr["account"]
    assert (transport["carrier"], qr["carrier"], qr["status"]) == ("transport", "qr", "active")
    assert run("cards", "block", *SURE, typed=card(11))[0] == Exit.OK
    assert json.loads(run("cards", "show", "--json", typed=card(1))[1])["status"] == "active"


@pytest.mark.parametrize(("city", "prefix"), [("zgierz", "96162"), ("zywiec", "96161")])
def test_zgierz_7_an_account_has_one_number_where_the_rules_name_no_further_carrier(
    city: str, prefix: str, run: Run, tmp_path: Path
) -> None:
    """Zgierz § 7: "wyłącznie jeden numer ZKM, indywidualnie przypisany do jego konta"; Żywiec § 1: a plastic
    card. Neither one by one nor from a file gets an account a second number.
    """
    assert run("programmes", "apply", str(RULES.with_name(f"{city}.toml")))[0] == Exit.OK
    plastic, further, foreign = card(1, prefix), card(2, prefix), card(3, "40000")
    assert run("cards", "add", "--programme", city, typed=plastic)[0] == Exit.OK
    for kind, number in (("qr", further), ("transport", further)):
        status, _, err = run("cards", "carrier", "--kind", kind, typed=f"{plastic}\n{number}\n")
        assert status == Exit.USAGE
        assert f"an account of this programme has no {kind} (its rules: [card] further_carriers)" in err
    file = tmp_path / "carriers.csv"
    file.write_text(f"number,of,kind\n{further},{plastic},qr\n{foreign},{plastic},transport\n")
    status, out, _ = run("cards", "import-carriers", str(file), "--programme", city)
    assert status == Exit.DIFFERENCES
    assert "line 2: kind: an account of this programme has no qr" in out
    assert "line 3: kind: an account of this programme has no transport" in out
    assert len(json.loads(run("cards", "list", "--json")[1])) == 1
