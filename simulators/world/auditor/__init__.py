"""An auditor who shares no rule with the switch, and foretells every reply it gives.

He reads the programmes' files and the offers himself and keeps books of his own. The interface:

    auditor = Auditor()
    auditor.learn(number, fact)              # facts.py; `number`: the registry's change number, never falling
    expected = auditor.judge(Committed(order, terminal, request, registry_number, accepted_at_ms))
    lines = expected.differences(reply)      # nothing: the reply is the one foretold

`judge` is called in the order of commits with every request that was committed, repeats and conflicts too,
and with what was put off (SUSPENDED_FOR_NOW), which leaves nothing. A reply of the codes 10, 11 and 12 tells
of a fault, not of a rule: its request is not judged, for nothing became of it. BALANCE, QUOTE and STATUS have
their place among the commits (a STATUS may settle a number for ever). VERIFY, TOTALS and SIGN_ON change
nothing: judge them where they were answered, or at each place they may have been answered at.

A CARD_REPORT that is taken is judged, and its `CardReported` is learned under the change it made. The words
of receipts are not judged. With several buckets a limit of all cards is held in shares: `Shares(buckets,
bucket_of)` is given to him, and of every part of a share that is moved he is told in the order of commits
(`share_moved`), for what a card may use of it depends on its bucket.

He is spoken to in wire messages; `registry_number` is the newest change the deciding worker had applied, and
`accepted_at_ms` its clock as it decided. Imports: the standard library, msgspec, `protocol`, facts.py.
"""

from simulators.world.auditor.auditor import Auditor
from simulators.world.auditor.expected import Committed, Expected
from simulators.world.auditor.shares import Shares

__all__ = ["Auditor", "Committed", "Expected", "Shares"]
