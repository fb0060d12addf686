"""Offers published and withdrawn at a desk: proposed by one, seen and approved by another, nothing unseen."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from ledger.errors import DatabaseUnavailable, NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import proposals
from ledger.registry.audit import Actor
from ledger.registry.imports import Mode
from ledger.registry.offers import OfferState, offer_versions
from ledger.registry.partners import set_partner_status
from ledger.registry.programmes import add_rules
from ledger.registry.reads import Status
from ops.office.offer_desk import DRAFTS_MAX
from ops.office.offer_publishing import PUBLISH, WITHDRAW, Key, Plan, PublishingDesk
from ops.office.publish_offers import When, keep_drafts, publish_offers
from switch.rules.dates import kind_steps
from switch.rules.programme import parse_rules
from tests.days import today
from tests.ops.test_second_person import ANNA, CITY, JAN, OFFERS, PARTNER, RULES, city, drafted

OLA = Actor("Ola (3)")
FIVE = Plan(PUBLISH, [5])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the public lists go."""
    return tmp_path / "public"


async def desk_of(owner: Database, folder: Path, *, is_needed: bool = True) -> PublishingDesk:
    """The desk of a city with a draft, whose rules say whether publishing wants two persons."""
    await city(owner, "offers", is_needed=is_needed)
    await drafted(owner)
    return PublishingDesk(owner, CITY, "czestochowa", folder)


async def versions(owner: Database) -> list[tuple[int, OfferState]]:
    """Version and state of the offer, the newest first."""
    rows = await owner.run(lambda c: offer_versions(c, CITY, 5))
    return [(row["version"], OfferState(row["state"])) for row in rows]


async def redraft(owner: Database, percent: int) -> None:
    """Change the draft, or write the next one."""
    (offer,) = OFFERS
    (benefit,) = offer.benefits
    cheaper = msgspec.structs.replace(benefit, percent=percent)
    other = [msgspec.structs.replace(offer, benefits=[cheaper])]
    now = datetime.now(UTC)
    done = await owner.run(lambda c: keep_drafts(c, JAN, CITY, other, Mode.WHOLE, now=now))
    assert done.added == 1


async def redraft_as(owner: Database, numbers: Iterable[int]) -> None:
    """Keep the same terms as the drafts of these numbers."""
    drafts = [msgspec.structs.replace(OFFERS[0], number=number) for number in numbers]
    now = datetime.now(UTC)
    await owner.run(lambda c: keep_drafts(c, JAN, CITY, drafts, Mode.WHOLE, now=now))


async def rules_change(owner: Database, *, is_needed: bool) -> None:
    """Let other rules hold from now on."""
    said = f'[second_person]\nsource = ["order 9"]\noffers = {str(is_needed).lower()}\n\n[programme]'
    text = RULES.read_text(encoding="utf-8").replace("[programme]", said)
    rules = parse_rules(text)
    steps = rules.holders and kind_steps(rules.holders.bands(), rules.holders.overlap or "both")
    since = datetime.now(UTC) - timedelta(minutes=1)
    await owner.run(
        lambda c: add_rules(
            c, ANNA, programme=CITY, effective_from=since, rules_toml=text, kind_steps=steps or ()
        )
    )


def listed(folder: Path) -> dict[int, Any]:
    """The offers of the public list by number; empty where there is no list."""
    place = folder / "czestochowa" / "offers.json"
    if not place.exists():
        return {}
    found = json.loads(place.read_text(encoding="utf-8"))
    return {offer["number"]: offer for partner in found["partners"] for offer in partner["offers"]}


@pytest.mark.parametrize("same", [ANNA.name, "anna  (1)", "ＡＮＮＡ (1)"])
async def test_who_proposed_approves_nothing(owner: Database, folder: Path, same: str) -> None:
    """However the name is written: the draft stays one, no list is written, and it still waits."""
    desk = await desk_of(owner, folder)
    number = await desk.propose(ANNA, FIVE)
    with pytest.raises(RegistryRefused, match="another person"):
        await desk.approve(Actor(same), number)
    assert await versions(owner) == [(1, OfferState.DRAFT)]
    assert not listed(folder)
    assert [row["number"] for row in await desk.waiting()] == [number]
    await desk.approve(JAN, number)
    assert await versions(owner) == [(1, OfferState.PUBLISHED)]
    assert listed(folder)[5]["version"] == 1
    assert await desk.waiting() == []


async def test_the_trail_has_both_with_the_reason_of_who_proposed(owner: Database, folder: Path) -> None:
    """The version says that it wanted two, and the trail who they were."""
    desk = await desk_of(owner, folder)
    await desk.approve(JAN._replace(reason="seen"), await desk.propose(ANNA, FIVE))
    row = await owner.run(
        lambda c: c.fetchrow(
            "select actor, second, reason, after ->> 'second_needed' as needed from registry.audit "
            "where object = 'offer' order by id desc limit 1"
        )
    )
    assert tuple(row) == (JAN.name, ANNA.name, ANNA.reason, "true")


@pytest.mark.parametrize("is_needed", [True, False])
async def test_a_change_of_the_rules_changes_nothing_that_waits(
    owner: Database, folder: Path, *, is_needed: bool
) -> None:
    """What was wanted when it was proposed is wanted when it is approved; the next one is by the new."""
    desk = await desk_of(owner, folder, is_needed=is_needed)
    number = await desk.propose(ANNA, FIVE)
    await rules_change(owner, is_needed=not is_needed)
    if is_needed:
        with pytest.raises(RegistryRefused, match="another person"):
            await desk.approve(ANNA, number)
    else:
        await desk.approve(ANNA, number)
        await redraft(owner, 20)
        later = await desk.propose(ANNA, FIVE)
        with pytest.raises(RegistryRefused, match="another person"):
            await desk.approve(ANNA, later)


async def test_two_approve_at_once_and_one_does_it(owner: Database, folder: Path) -> None:
    """One publishes, the other is told that it is approved already."""
    desk = await desk_of(owner, folder)
    number = await desk.propose(ANNA, FIVE)
    told: list[str] = []

    async def approve(actor: Actor) -> None:
        try:
            told.append(f"version {(await desk.approve(actor, number))[0].version}")
        except RegistryRefused as error:
            told.append(str(error))

    async with trio.open_nursery() as nursery:
        for actor in (JAN, OLA):
            nursery.start_soon(approve, actor)
    assert sorted(told) == ["this is approved already", "version 1"]
    assert await versions(owner) == [(1, OfferState.PUBLISHED)]
    sql = "select count(*) from registry.audit where object = 'offer' and after ->> 'state' = '1'"
    assert await owner.run(lambda c: c.fetchval(sql)) == 1


async def test_two_processes_decide_a_proposal_once(owner: Database, folder: Path) -> None:
    """Approved and refused at one moment on two connections: one of them, whichever was first."""
    desk = await desk_of(owner, folder)
    number = await desk.propose(ANNA, FIVE)
    told: list[str] = []

    async def decide(act: Callable[[Connection, Actor, int], Awaitable[Any]], actor: Actor) -> None:
        try:
            await owner.run(lambda c: act(c, actor, number))
            told.append("done")
        except RegistryRefused as error:
            told.append(str(error).rpartition(" ")[2])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(decide, proposals.approve, JAN)
        nursery.start_soon(decide, proposals.refuse, OLA)
    assert sorted(told) == ["already", "done"]


async def changed_draft(owner: Database) -> None:
    await redraft(owner, 20)


async def published_elsewhere(owner: Database) -> None:
    pair, when = JAN._replace(second="Ola"), When(None, datetime.now(UTC).replace(microsecond=0))
    await owner.run(lambda c: publish_offers(c, pair, CITY, [5], when))


async def published_and_changed(owner: Database) -> None:
    await published_elsewhere(owner)
    await redraft(owner, 20)


@pytest.mark.parametrize("meanwhile", [changed_draft, published_elsewhere, published_and_changed])
async def test_what_was_changed_since_is_published_by_nobody(
    owner: Database, folder: Path, meanwhile: Callable[[Database], Awaitable[None]]
) -> None:
    """The approval is refused and nothing counts; refused and proposed anew, what is seen is published."""
    desk = await desk_of(owner, folder)
    number = await desk.propose(ANNA, FIVE)
    await meanwhile(owner)
    before = await versions(owner)
    assert (await desk.show(number)).is_changed
    with pytest.raises(RegistryRefused, match="changed since"):
        await desk.approve(JAN, number)
    assert await versions(owner) == before
    assert not listed(folder)
    await desk.refuse(JAN, number)
    if before[0][1] is OfferState.DRAFT:
        await desk.approve(JAN, await desk.propose(ANNA, FIVE))
        assert listed(folder)[5]["benefits"][0]["percent"] == 20


async def test_an_offer_waits_in_one_proposal(owner: Database, folder: Path) -> None:
    """Proposed once more it is refused until that is decided."""
    desk = await desk_of(owner, folder)
    number = await desk.propose(ANNA, FIVE)
    with pytest.raises(RegistryRefused, match="offer 5 waits"):
        await desk.propose(JAN, FIVE)
    await desk.refuse(ANNA, number)
    assert await desk.propose(JAN, FIVE) > number


async def test_a_withdrawal_is_the_same_kind_of_act(owner: Database, folder: Path) -> None:
    """Seen as what goes from the list; at once only as urgent, with a reason; its draft goes as seen."""
    desk = await desk_of(owner, folder)
    with pytest.raises(NotInRegistry, match="never published"):
        await desk.propose(ANNA, Plan(WITHDRAW, [5]))
    await desk.approve(JAN, await desk.propose(ANNA, FIVE))
    late = Plan(WITHDRAW, [5], today() + timedelta(days=40))
    with pytest.raises(RegistryRefused, match="reason"):
        await desk.propose(Actor("Anna"), Plan(WITHDRAW, [5], urgent=True))
    number = await desk.propose(ANNA, late)
    (change,) = (await desk.show(number)).changes
    assert (change.number, change.is_new, change.keys[Key("partner")][1]) == (5, False, None)
    with pytest.raises(RegistryRefused, match="another person"):
        await desk.approve(ANNA, number)
    await redraft(owner, 30)
    with pytest.raises(RegistryRefused, match="changed since"):
        await desk.approve(JAN, number)
    await desk.refuse(JAN, number)
    await desk.approve(JAN, await desk.propose(ANNA, late))
    assert await versions(owner) == [(2, OfferState.WITHDRAWN), (1, OfferState.PUBLISHED)]
    assert listed(folder)[5]["valid_until"].startswith(f"{late.from_day}T00:00")


async def test_what_holds_and_what_comes_are_both_seen(owner: Database, folder: Path) -> None:
    """Of an offer with a version announced for a later day: what changes now, and what stays to come."""
    desk = await desk_of(owner, folder)
    await desk.approve(JAN, await desk.propose(ANNA, FIVE))
    await redraft(owner, 20)
    later = today() + timedelta(days=9)
    await desk.approve(JAN, await desk.propose(ANNA, FIVE._replace(from_day=later)))
    number = await desk.propose(ANNA, Plan(WITHDRAW, [5], urgent=True))
    ((offer, is_new, keys),) = (await desk.show(number)).changes
    assert (offer, is_new) == (5, False)
    assert keys[Key("benefits")][0][0]["percent"] == 10
    assert [after for _, after in keys.values() if after is not None] == [], "what holds goes"
    assert not [key for key in keys if key.on == later], "what was announced still comes"


async def test_what_cannot_be_done_is_not_proposed(owner: Database, folder: Path) -> None:
    """A draft that is not there, a day that is past, a place that cannot be: told at once."""
    desk = await desk_of(owner, folder)
    for plan, why in (
        (Plan(PUBLISH, [6]), "no draft"),
        (Plan(PUBLISH, []), "from 1 to"),
        (Plan(PUBLISH, [5], today() - timedelta(days=1)), "is past"),
    ):
        with pytest.raises(RegistryRefused, match=why):
            await desk.propose(ANNA, plan)
    with pytest.raises(RegistryRefused, match="public list goes"):
        await PublishingDesk(owner, CITY, "czestochowa", None).propose(ANNA, FIVE)
    assert await desk.waiting() == []


async def test_nothing_counts_before_the_list_is_written(owner: Database, folder: Path) -> None:
    """A folder that cannot be written: the draft stays a draft, and the proposal waits."""
    desk = await desk_of(owner, folder)
    number = await desk.propose(ANNA, FIVE)
    await trio.Path(folder).write_text("a file", encoding="utf-8")
    with pytest.raises(RegistryRefused, match="cannot be written"):
        await desk.approve(JAN, number)
    assert await versions(owner) == [(1, OfferState.DRAFT)]
    assert [row["number"] for row in await desk.waiting()] == [number]


async def test_every_offer_that_is_named_is_seen(owner: Database, folder: Path) -> None:
    """However many drafts come before it: previewed, proposed and looked at, its terms are there."""
    desk = await desk_of(owner, folder)
    last = DRAFTS_MAX + 1
    await redraft_as(owner, range(1, last + 1))
    plan = Plan(PUBLISH, [last])
    number = await desk.propose(ANNA, plan)
    for changes in (await desk.preview(plan), (await desk.show(number)).changes):
        ((offer, is_new, keys),) = changes
        assert (offer, is_new) == (last, True)
        assert keys[Key("benefits")][1][0]["percent"] == 10


@pytest.mark.parametrize("act", [PUBLISH, WITHDRAW])
async def test_the_offer_of_a_stopped_partner_is_seen(
    owner: Database, folder: Path, act: proposals.Act
) -> None:
    """No list names it, and yet who approves sees the terms as they were and as they will be."""
    desk = await desk_of(owner, folder)
    await desk.approve(JAN, await desk.propose(ANNA, FIVE))
    await owner.run(lambda c: set_partner_status(c, ANNA, PARTNER, Status.STOPPED))
    if act == PUBLISH:
        await redraft(owner, 20)
    number = await desk.propose(ANNA, Plan(act, [5], urgent=True))
    ((offer, is_new, keys),) = (await desk.show(number)).changes
    assert (offer, is_new) == (5, False)
    before, after = keys[Key("benefits")]
    assert before[0]["percent"] == 10
    assert (after[0]["percent"] == 20) if act == PUBLISH else (after is None)


async def test_what_is_not_seen_is_neither_proposed_nor_approved(
    owner: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is by which a change would be shown empty: nothing is published."""
    desk = await desk_of(owner, folder)
    await redraft_as(owner, [6])
    number = await desk.propose(ANNA, FIVE)
    monkeypatch.setattr("ops.office.offer_publishing._differing", lambda before, after: {})
    with pytest.raises(RegistryRefused, match="offer 6: no change"):
        await desk.propose(ANNA, Plan(PUBLISH, [6]))
    with pytest.raises(RegistryRefused, match="offer 5: no change"):
        await desk.approve(JAN, number)
    assert await versions(owner) == [(1, OfferState.DRAFT)]


async def test_a_list_that_cannot_take_its_place_is_told_and_written_anew(
    owner: Database, folder: Path
) -> None:
    """It is published and said to be, nothing stays beside, and the list is written once it can be."""
    desk = await desk_of(owner, folder)
    number = await desk.propose(ANNA, FIVE)
    place = trio.Path(folder / "czestochowa" / "offers.json")
    await place.mkdir(parents=True)
    for act in (desk.approve(JAN, number), desk.write_list(number)):
        with pytest.raises(RegistryRefused, match="what was approved holds"):
            await act
        assert [path.name for path in await place.parent.iterdir()] == [place.name]
    assert await versions(owner) == [(1, OfferState.PUBLISHED)]
    await place.rmdir()
    await desk.write_list(number)
    assert listed(folder)[5]["version"] == 1


@pytest.mark.parametrize("failure", [DatabaseUnavailable, KeyboardInterrupt])
async def test_nothing_stays_beside_where_nobody_knows_what_became_of_it(
    owner: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    """The answer to the commit does not come, or the run is broken off: the list is written anew."""
    desk = await desk_of(owner, folder)
    number = await desk.propose(ANNA, FIVE)
    run = Database.run

    async def unanswered(self: Database, job: Any) -> None:
        await run(self, job)
        raise failure("after the commit")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "run", unanswered)
        with pytest.raises(failure):
            await desk.approve(JAN, number)
    assert [path.name for path in await trio.Path(folder / "czestochowa").iterdir()] == []
    await desk.write_list(number)
    assert listed(folder)[5]["version"] == 1


async def test_another_act_s_proposal_is_not_there(owner: Database, folder: Path) -> None:
    """A month's close is seen, approved and refused by who closes months alone."""
    desk = await desk_of(owner, folder)
    terms: Mapping[str, object] = {"statements": 1, "due_grosze": 5}
    number = await owner.run(lambda c: proposals.propose(c, ANNA, CITY, ("close_month", "2026-01"), terms))
    for act in (
        desk.show(number), desk.approve(JAN, number), desk.refuse(JAN, number), desk.write_list(number),
    ):  # fmt: skip
        with pytest.raises(NotInRegistry):
            await act
