"""`cityswitch offers`: from a file to the public list, and what is published is what is enforced."""

import json
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import pytest

from ops.exit_codes import Exit
from ops.office.publish_offers import SPREAD
from tests.cli.office import Run

ZGIERZ = Path(__file__).parents[2] / "switch" / "rules" / "programmes" / "zgierz.toml"
FILE = """
programme = "zgierz"

[[offer]]
number = 7
partner = 30
name = { pl = "Basen -50 %", en = "Pool -50 %" }
text = { pl = "Połowa <b>ceny</b>", en = "Half the price" }
benefits = [{ kind = "percent", percent = 50, for = ["child", "junior"] }]
limits = [{ per = "card_and_offer", uses = 2, every = "week" }]

[[offer]]
number = 8
partner = 31
name = { pl = "Kino", en = "Cinema" }
text = { pl = "Taniej", en = "Cheaper" }
outlets = [12]
benefits = [{ kind = "amount_off", off_grosze = 500, flags = ["family"] }]
"""
HEADER = "number,partner,name_pl,name_en,text_pl,text_en,kind,value,for,limits,from,combines\n"


@pytest.fixture
def office(run: Run, tmp_path: Path) -> Run:
    """Zgierz beside Częstochowa, two partners, an outlet, a file of offers."""
    assert run("programmes", "apply", str(ZGIERZ))[0] == Exit.OK
    assert run("partners", "add", "30", "Basen & spa", "--programme", "zgierz")[0] == Exit.OK
    assert run("partners", "add", "31", "Kino", "--programme", "zgierz")[0] == Exit.OK
    assert run("outlets", "add", "12", "Rynek", "--partner", "31")[0] == Exit.OK
    (tmp_path / "offers.toml").write_text(FILE, encoding="utf-8")
    return run


def listed(run: Run) -> list[tuple[int, int, str]]:
    """Number, version and state of all versions."""
    rows = json.loads(run("offers", "list", "--programme", "zgierz", "--json")[1])
    return [(row["number"], row["version"], row["state"]) for row in rows]


def act(run: Run, tmp_path: Path, *words: str) -> tuple[int, str, str]:
    """Publish or withdraw into the folder `public`, as two persons."""
    return alone(run, tmp_path, *words, "--second", "maria")


def alone(run: Run, tmp_path: Path, *words: str) -> tuple[int, str, str]:
    """The same with nobody else."""
    return run("offers", *words, "--to", str(tmp_path / "public"), "--programme", "zgierz")


def public(tmp_path: Path) -> dict[int, list[dict[str, Any]]]:
    """The offers of each partner in the published list, in its order, but for those that end in a moment."""
    listed = json.loads((tmp_path / "public" / "offers.json").read_text(encoding="utf-8"))
    at_once = datetime.fromisoformat(listed["published"]) + SPREAD
    return {
        partner["number"]: [
            offer
            for offer in partner["offers"]
            if offer["valid_until"] is None or datetime.fromisoformat(offer["valid_until"]) > at_once
        ]
        for partner in listed["partners"]
    }


def test_a_file_becomes_drafts_and_is_published(office: Run, tmp_path: Path) -> None:
    """Checked, kept as drafts that no list names, then published in both files."""
    file = str(tmp_path / "offers.toml")
    assert office("offers", "check", file, "--rules", str(ZGIERZ))[0] == Exit.OK
    assert office("offers", "import", file)[0] == Exit.OK
    assert listed(office) == [(7, 1, "draft"), (8, 1, "draft")]
    assert act(office, tmp_path, "publish")[0] == Exit.OK
    assert public(tmp_path) == {31: [], 30: []}
    assert act(office, tmp_path, "publish", "7", "8")[0] == Exit.OK
    assert list(public(tmp_path)) == [30, 31]
    (offer,) = public(tmp_path)[30]
    assert (offer["number"], offer["version"], offer["valid_until"]) == (7, 1, None)
    assert offer["limits"] == [{"per": "card_and_offer", "uses": 2, "every": "week"}]
    page = (tmp_path / "public" / "offers.html").read_text(encoding="utf-8")
    assert page.index("Basen &amp; spa") < page.index("Kino")
    assert "Połowa &lt;b&gt;ceny&lt;/b&gt;" in page
    assert "zniżka 50\u00a0% dla: dziecko / junior" in page
    assert "limit: 2\u00a0użycia tygodniowo na kartę" in page
    assert "taniej o 5,00\u00a0zł dla: rodzina" in page
    assert "tylko Rynek" in page
    assert sorted(path.name for path in (tmp_path / "public").iterdir()) == ["offers.html", "offers.json"]
    assert act(office, tmp_path, "publish", "7")[0] == Exit.NOT_FOUND
    shown = json.loads(office("offers", "show", "7", "--programme", "zgierz")[1])
    assert (shown["state"], shown["terms"]["partner"]) == ("published", 30)


def test_what_gets_worse_is_announced_and_what_gets_better_holds_at_once(office: Run, tmp_path: Path) -> None:
    """Zgierz § 34: fewer uses want seven days or a reason; more uses none."""
    file = tmp_path / "offers.toml"
    office("offers", "import", str(file))
    act(office, tmp_path, "publish", "7", "8")
    file.write_text(FILE.replace("uses = 2", "uses = 1"), encoding="utf-8")
    assert office("offers", "import", str(file))[0] == Exit.OK
    status, _, err = act(office, tmp_path, "publish", "7")
    assert status == Exit.USAGE
    assert "worse for somebody (limits)" in err
    assert "7 days ahead" in err
    today = datetime.now(ZoneInfo("Europe/Warsaw")).date()
    soon, late = ((today + timedelta(days=days)).isoformat() for days in (6, 7))
    assert act(office, tmp_path, "publish", "7", "--effective-from", soon)[0] == Exit.USAGE
    assert act(office, tmp_path, "publish", "7", "--urgent", " ")[0] == Exit.USAGE
    assert act(office, tmp_path, "publish", "7", "--effective-from", late)[0] == Exit.OK
    now, then = public(tmp_path)[30]
    assert (now["version"], then["version"]) == (1, 2)
    assert now["valid_until"] == then["valid_from"]
    file.write_text(FILE.replace("uses = 2", "uses = 3"), encoding="utf-8")
    office("offers", "import", str(file))
    assert act(office, tmp_path, "publish", "7")[0] == Exit.OK
    assert [offer["version"] for offer in public(tmp_path)[30]] == [3, 2]
    assert act(office, tmp_path, "withdraw", "8")[0] == Exit.USAGE
    assert act(office, tmp_path, "withdraw", "8", "--urgent", "the cinema burned down")[0] == Exit.OK
    assert public(tmp_path)[31] == []
    row = json.loads(office("audit", "--object", "offers", "--limit", "1", "--json")[1])[0]
    assert (row["reason"], row["key"]) == ("the cinema burned down", "3/8/2")
    assert act(office, tmp_path, "withdraw", "99")[0] == Exit.NOT_FOUND


def test_two_persons_publish_and_withdraw_where_the_rules_say_so(office: Run, tmp_path: Path) -> None:
    """`[second_person] offers`: without a second one, or with the same, nothing is done; unsaid, one does."""
    office("offers", "import", str(tmp_path / "offers.toml"))
    assert alone(office, tmp_path, "publish", "8")[0] == Exit.OK
    assert alone(office, tmp_path, "withdraw", "8", "--urgent", "the pool leaks")[0] == Exit.OK
    rules = tmp_path / "two.toml"
    said = '[second_person]\nsource = ["order 8"]\noffers = true\n\n[programme]'
    rules.write_text(ZGIERZ.read_text(encoding="utf-8").replace("[programme]", said), encoding="utf-8")
    assert office("programmes", "apply", str(rules), "--urgent", "a test")[0] == Exit.OK
    for second in ((), ("--second", " "), ("--actor", "Maria", "--second", "maria ")):
        status, _, err = alone(office, tmp_path, "publish", "7", *second)
        assert status == Exit.USAGE
        assert "second person" in err
    assert listed(office)[0] == (7, 1, "draft")
    assert act(office, tmp_path, "publish", "7", "--actor", "anna")[0] == Exit.OK
    row = json.loads(office("audit", "--object", "offers", "--limit", "1", "--json")[1])[0]
    assert (row["actor"], row["second"], row["key"]) == ("anna", "maria", "3/7/1")
    status, _, err = alone(office, tmp_path, "withdraw", "7", "--urgent", "the pool leaks")
    assert status == Exit.USAGE
    assert "second person" in err


def test_nothing_counts_before_the_list_is_written(office: Run, tmp_path: Path) -> None:
    """A folder that cannot be written: no file, and the draft stays a draft."""
    office("offers", "import", str(tmp_path / "offers.toml"))
    (tmp_path / "public").write_text("a file", encoding="utf-8")
    assert act(office, tmp_path, "publish", "7")[0] == Exit.STATE
    assert listed(office) == [(7, 1, "draft"), (8, 1, "draft")]


def test_a_list_that_cannot_take_its_place_is_told_and_written_anew(office: Run, tmp_path: Path) -> None:
    """What was published holds and is said to, nothing stays beside, and the same command writes the list."""
    office("offers", "import", str(tmp_path / "offers.toml"))
    place = tmp_path / "public" / "offers.json"
    place.mkdir(parents=True)
    status, _, err = act(office, tmp_path, "publish", "7")
    assert status == Exit.STATE
    assert "what was published or withdrawn holds" in err
    assert listed(office) == [(7, 1, "published"), (8, 1, "draft")]
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    status, _, err = act(office, tmp_path, "publish")
    assert (status, "holds" in err) == (Exit.STATE, False)
    place.rmdir()
    assert act(office, tmp_path, "publish")[0] == Exit.OK
    assert [offer["number"] for offer in public(tmp_path)[30]] == [7]


def test_codes_and_partners_that_are_not_there_are_told_by_line(office: Run, tmp_path: Path) -> None:
    """A kind of holder the programme has not, a partner that is not there: line, column, nothing kept."""
    file = tmp_path / "offers.toml"
    file.write_text(
        FILE.replace('"junior"', '"pupil"').replace("partner = 31", "partner = 32"), encoding="utf-8"
    )
    status, out, _ = office("offers", "import", str(file))
    assert status == Exit.DIFFERENCES
    assert "line 4: benefits[0].for: the programme has no 'pupil'" in out
    assert "line 12: partner: there is no partner 32" in out
    assert listed(office) == []
    assert office("offers", "check", str(file))[0] == Exit.CONFIGURATION
    assert office("offers", "check", str(file), "--rules", str(ZGIERZ))[0] == Exit.CONFIGURATION
    file.write_text(FILE.replace("percent = 50", "percent = 101"), encoding="utf-8")
    status, _, err = office("offers", "import", str(file))
    assert status == Exit.CONFIGURATION
    assert "offer 7: key 'benefits[0].percent'" in err
    assert office("offers", "import", str(file), "--programme", "czestochowa")[0] == Exit.CONFIGURATION


def test_what_could_never_hold_is_no_draft(office: Run, tmp_path: Path) -> None:
    """Over already, or together with other discounts (Zgierz § 37): refused by line in a dry run, too."""
    file = tmp_path / "offers.toml"
    said = FILE.replace("partner = 30", "partner = 30\nto = 2020-01-01").replace(
        "partner = 31", "partner = 31\ncombines = true"
    )
    file.write_text(said, encoding="utf-8")
    for words in (("--dry-run",), ()):
        status, out, _ = office("offers", "import", str(file), *words)
        assert status == Exit.DIFFERENCES
        assert "line 4: to: 2020-01-01 is over" in out
        assert "line 13: combines: the programme's discounts go together with no others" in out
    assert office("offers", "check", str(file))[0] == Exit.CONFIGURATION
    assert listed(office) == []


def test_a_file_may_still_name_what_is_over_by_now(
    office: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the registry has word for word is passed over; the same with one word changed is refused."""
    file, today = tmp_path / "offers.toml", datetime.now(UTC).date() + timedelta(days=1)
    said = FILE.replace("partner = 30", f"partner = 30\nto = {today}")
    file.write_text(said, encoding="utf-8")
    assert office("offers", "import", str(file))[0] == Exit.OK

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            """Return a moment of next week."""
            return super().now(tz) + timedelta(days=7)

    monkeypatch.setattr("ops.cli.offers.datetime", Later)
    told = json.loads(office("offers", "import", str(file), "--json")[1])
    assert (told["imported"], told["unchanged"]) == (0, 2)
    file.write_text(said.replace("uses = 2", "uses = 3"), encoding="utf-8")
    status, out, _ = office("offers", "import", str(file))
    assert status == Exit.DIFFERENCES
    assert "line 4: to:" in out


def test_an_unknown_kind_is_told_before_its_value(office: Run, tmp_path: Path) -> None:
    """A kind that there is not is the fault of the line, whatever else stands there."""
    file = tmp_path / "offers.csv"
    file.write_text(HEADER + "9,30,Kino,Cinema,a,b,gift,5,,,,\n", encoding="utf-8")
    status, out, _ = office("offers", "import", str(file), "--programme", "zgierz", "--json")
    assert status == Exit.DIFFERENCES
    (refused,) = json.loads(out)["refused"]
    assert refused["column"] == "kind"
    assert "gift" not in out


def test_a_csv_file_says_the_same(office: Run, tmp_path: Path) -> None:
    """One benefit a line; each fault with its line and the column, and nothing of what stands there."""
    words = "7,30,Basen -50 %,Pool -50 %,Połowa <b>ceny</b>,Half the price"
    good = words + ",percent,50,child junior,2/card_and_offer/week,,\n"
    file = tmp_path / "offers.csv"
    file.write_text(HEADER + good, encoding="utf-8")
    assert office("offers", "import", str(file), "--programme", "zgierz")[0] == Exit.OK
    told = json.loads(office("offers", "import", str(tmp_path / "offers.toml"), "--dry-run", "--json")[1])
    assert (told["imported"], told["unchanged"]) == (1, 1)
    bad = [
        "8,30,Kino,Cinema,a,b,percent,101,,,,", "9,30,Kino,Cinema,a,b,gift,,,,,",
        "10,30,,Cinema,a,b,percent,5,,,,",
        "11,30,Kino,Cinema,a,b,percent,,,,,", "12,30,Kino,Cinema,a,b,free_entry,5,,,,",
        "13,30,Kino,Cinema,a,b,amount_off,x,,,,", "14,30,Kino,Cinema,a,b,percent,5,,3/offer,,",
        "15,30,Kino,Cinema,a,b,percent,5,,3/offer/hour,,", "16,30,Kino,Cinema,a,b,percent,5,,,1.1.2027,",
        "17,30,Kino,Cinema,a,b,percent,5,,,,perhaps", "x,30,Kino,Cinema,a,b,percent,5,,,,",
        "18,30," + "Kino" * 9 + ",Cinema,a,b,percent,5,,,,",
    ]  # fmt: skip
    file.write_text(HEADER + "\n".join(bad) + "\n", encoding="utf-8")
    status, out, _ = office("offers", "import", str(file), "--programme", "zgierz", "--json")
    assert status == Exit.DIFFERENCES
    faults = [(refused["line"], refused["column"]) for refused in json.loads(out)["refused"]]
    columns = [
        "value",
        "kind",
        "name_pl",
        "kind",
        "value",
        "value",
        "limits",
        "limits",
        "from",
        "combines",
        "number",
        "name_pl",
    ]
    assert faults == list(enumerate(columns, start=2))
    assert "gift" not in out
    assert "hour" not in out


def test_a_programme_without_benefits_publishes_none(office: Run, tmp_path: Path) -> None:
    """Nobody could get one: refused, with the table that is missing."""
    rules = tmp_path / "points.toml"
    text = (ZGIERZ.parent / "czestochowa.toml").read_text(encoding="utf-8")
    head, _, rest = text.partition("[benefits]\n")
    rules.write_text(head + rest[rest.index("[receipt]") :], encoding="utf-8")
    assert office("programmes", "apply", str(rules), "--urgent", "a test")[0] == Exit.OK
    assert office("partners", "add", "40", "Kino", "--programme", "czestochowa")[0] == Exit.OK
    file = tmp_path / "points-offers.toml"
    entry = FILE.partition("[[offer]]")[2].partition("[[offer]]")[0]
    entry = entry.replace("partner = 30", "partner = 40").replace(', for = ["child", "junior"]', "")
    file.write_text('programme = "czestochowa"\n[[offer]]' + entry, encoding="utf-8")
    assert office("offers", "import", str(file))[0] == Exit.OK
    words = ("offers", "publish", "7", "--to", str(tmp_path / "public"), "--programme", "czestochowa")
    status, _, err = office(*words, "--second", "maria")
    assert status == Exit.USAGE
    assert "has no [benefits] in its rules" in err
