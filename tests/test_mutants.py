"""The planted bugs are what they say: each can still be planted, and something finds each."""

from tests.mutants.patches import check, copy_of_the_checkout, mutants
from tests.mutants.table import NOBODY, read_table

MUTANTS_MIN = 40


def test_every_bug_can_still_be_planted() -> None:
    """A patch that no longer applies plants nothing: it is made anew with the change that moved its place."""
    with copy_of_the_checkout() as copy:
        for mutant in mutants():
            check(mutant, copy)


def test_every_bug_has_been_looked_for_and_found() -> None:
    """Each has a row in the table that says what found it, and its promise in the words of the patch."""
    rows = {row.name: row for row in read_table()}
    planted = {mutant.name: mutant.breaks for mutant in mutants()}
    assert len(planted) >= MUTANTS_MIN
    assert {name: row.breaks for name, row in rows.items()} == planted
    assert [row.name for row in rows.values() if row.by == NOBODY] == []
