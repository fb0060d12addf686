"""Owns group commit: collects postings while the last batch is on its way, posts them, hands out the
outcomes.

Invariants:
- The postings of a card account are in one batch on its way at most, each (terminal, STAN) once; the next
  ones wait in line, so postings of an account are committed in the order they were submitted.
- A posting is answered exactly once. It is answered with success only after its batch has committed.
- A lost connection leaves a batch of unknown outcome: the same rows are sent again (the ledger is
  idempotent) until `give_up_ms` after their submission; then the answer is TRY_AGAIN, which is the truth:
  unknown.
- A batch whose data the server refuses is halved until the bad row stands alone; that one gets SYSTEM_ERROR.
- A job on its way is never cancelled, only ended by its time limit.

Knows nothing of connections to terminals: `Posting.context` is opaque. Runs under trio.
"""

import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Final

import trio

from ledger.books.lane import Lane
from ledger.books.layout import ANOTHER_LAYOUT
from ledger.books.line import Line
from ledger.books.node import Node, clock_ms
from ledger.books.observer import Observer
from ledger.books.opening import Opening
from ledger.books.outage import Outage
from ledger.books.posting import Answers, Outcome, Posting, no_effect
from ledger.books.result_codes import SYSTEM_ERROR, TRY_AGAIN
from ledger.books.turns import NEVER, enough, is_behind, share
from ledger.errors import (
    DatabaseContended,
    DatabaseMisconfigured,
    IdsClosed,
    LedgerError,
    StatementRefused,
)
from ledger.postgres.database import Connection, Database, call_soon

_log = logging.getLogger(__name__)

RETRY_S_MIN: Final = 0.02
RETRY_S_MAX: Final = 0.5
RECONNECT_S: Final = 0.1
GUARD_PROBE_S: Final = 2.0
PATIENCE_PROBE_S: Final = 0.05
LANE_PROBE_S: Final = 3.0
"""A lane that has nothing to do is tried so often."""
DOUBT_S: Final = 0.3
"""A batch that is not answered by then: the server is asked whether it has it at all."""
REFUSED_MAX: Final = 10
OnOutcomes = Callable[[list[tuple[Posting, Outcome]]], None]


class Committer:
    """Group commit over a few lanes, each with a connection of its own (`make_lane`: to another server).

    batch_max: 1..5000 postings per statement. lanes: 1..8. give_up_ms: 100..60000, both the age at which
    a posting of unknown outcome is answered TRY_AGAIN and the time limit of one statement.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_outcomes: OnOutcomes,
        batch_max: int = 500,
        lanes: int = 2,
        give_up_ms: int = 3000,
        observer: Observer | None = None,
        outage: Outage | None = None,
        now_ms: Callable[[], int] = clock_ms,
        rng: random.Random | None = None,
        make_lane: Callable[[], Lane] | None = None,
    ) -> None:
        self._database = database
        self._on_outcomes = on_outcomes
        self._batch_max = batch_max
        self._lanes = [make_lane() if make_lane else Lane.of(database) for _ in range(lanes)]
        self._guard = database.session()
        self.node = Node(self._guard, now_ms, rng)
        self._outage = outage or Outage()
        self._opening = Opening(database, self._outage)
        self._refused = 0
        self._refusal = ""
        self._give_up_s = give_up_ms / 1000
        self._observer = observer or Observer()
        self._line = Line()
        self._waiting: list[Lane] = []
        self._enough = 1
        self._stopping = False
        self._cancelled = False
        self._queued = 0
        self._failed = trio.Event()
        self._failure: Exception | None = None

    @property
    def queued(self) -> int:
        """Postings submitted and not yet answered."""
        return self._queued

    def submit_nowait(self, posting: Posting) -> None:
        """Take a posting; its outcome comes by `on_outcomes`. The caller bounds the queue (by `queued`)."""
        self._queued += 1
        if not posting.submitted_at:
            posting.submitted_at = trio.current_time()
        self._line.enter(posting)
        if self._waiting and len(self._line.ready) >= self._enough:
            self._call_lane()

    @property
    def queue_age_s(self) -> float:
        """How long the oldest posting has waited that was not sent yet; 0 if none waits."""
        return self._line.age_s(trio.current_time())

    @property
    def problem(self) -> str | None:
        """Why sales cannot be posted at present; None if they can. For the pages of health."""
        if self._opening.awaited:
            return self._opening.awaited
        if self._refused >= REFUSED_MAX:
            return f"the last {self._refused} postings were refused: {self._refusal}"
        reasons = [self._outage.reason(lane) for lane in self._lanes]
        return reasons[0] if all(reasons) else None

    def is_behind(self, bound_s: float) -> bool:
        """Whether more waits than one batch takes, and the first of it for longer than `bound_s`."""
        ready = self._line.ready
        if len(ready) <= self._batch_max:  # asked at each read
            return False
        return is_behind(len(ready), trio.current_time() - ready[0].submitted_at, self._batch_max, bound_s)

    def stop(self) -> None:
        """Let `run` end once all that was submitted is answered."""
        self._stopping = True
        self._call_all_lanes()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the lanes until `stop`; started once a node number is claimed and the lanes are connected.

        Waits for that as long as it takes (`problem` says for what). Raises DatabaseMisconfigured if it can
        never be, and only at the start.
        """
        await self._opening.run(self._guard, self.node, self._lanes, self._give_up_s)
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_node)
            nursery.start_soon(self._notice_cancellation)
            nursery.start_soon(self._lose_patience, nursery)
            nursery.start_soon(self._raise_failure)
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as lanes:
                    for lane in self._lanes:
                        lanes.start_soon(self._serve, lane)
            nursery.cancel_scope.cancel()

    async def _notice_cancellation(self) -> None:
        """The lanes are shielded: told here, each ends when what it has taken is answered."""
        try:
            await trio.sleep_forever()
        finally:
            self._cancelled = True
            self._call_all_lanes()

    async def _keep_node(self) -> None:
        """Keep the node number, and enough ids reserved for it."""
        while True:
            await trio.sleep(GUARD_PROBE_S)
            try:
                await self.node.hold()
            except LedgerError as error:
                self._outage.failed(self.node, str(error))
            else:
                self._outage.works(self.node)
                if self.node.buckets != self._lanes[0].buckets:
                    self._fail(DatabaseMisconfigured(ANOTHER_LAYOUT))

    async def _lose_patience(self, nursery: trio.Nursery) -> None:
        """A batch held up by a lock or a lost connection must not hold up the others, nor their answers."""
        while True:
            await trio.sleep(PATIENCE_PROBE_S)
            if all(self._outage.reason(lane) for lane in self._lanes):
                self._expire()
            late = trio.current_time() - DOUBT_S
            for lane in self._lanes:
                if NEVER < lane.sent_at < late and lane.doubted != lane.sent_at:
                    lane.doubted = lane.sent_at
                    nursery.start_soon(self._doubt, lane, lane.sent_at)
            self._judge_enough()
            self._call_lane()
            self._probe_idle()

    def _probe_idle(self) -> None:
        """Have lanes that wait look whether their connections are still good."""
        since = trio.current_time() - LANE_PROBE_S
        for lane in [lane for lane in self._waiting if lane.idle_since <= since]:
            self._waiting.remove(lane)
            lane.bell.ring(for_work=False)

    async def _doubt(self, lane: Lane, sent_at: float) -> None:
        """A batch is late: ask the server, over a fresh connection, whether it has it.

        One that never arrived, on a connection dropped on the way, is sent again at once, and not only after
        its time limit.
        """
        try:
            is_at_work = await self._database.is_at_work(lane.asked)
        except LedgerError:
            return  # the time limit of the batch holds
        await trio.sleep(PATIENCE_PROBE_S)  # an answer may be on its way
        if not is_at_work and lane.sent_at == sent_at:
            lane.asked.terminate()

    @property
    def _is_over(self) -> bool:
        return self._cancelled or (self._stopping and not self._queued)

    async def _serve(self, lane: Lane) -> None:
        """Run one lane to its end. What could not be posted the fast way is settled, then it goes on."""
        while not self._is_over:
            try:
                await lane.session.run(partial(self._work, lane), timeout_s=None, connect_s=self._give_up_s)
            except LedgerError as error:
                if lane.batch:
                    await self._settle_all(lane, error)
                else:  # nothing to work with: no connection, or no ids
                    self._outage.failed(lane, str(error))
                    await trio.sleep(RECONNECT_S)

    async def _work(self, lane: Lane, connection: Connection) -> None:
        """Post batch after batch until the end, as one job: nothing crosses to trio and back in between."""
        await lane.begin_once(connection, self._give_up_s)
        self._outage.works(lane)
        while not self._is_over:
            lane.batch = self._take_turn(lane)
            if lane.batch:
                await self._post(lane, lane.batch, connection)
                lane.sent_at = NEVER
                self._outage.works(lane)
                continue
            self._waiting.append(lane)
            lane.idle_since = trio.current_time()
            if not await lane.bell.wait():
                await lane.begin(connection, self._give_up_s)

    def _take_turn(self, lane: Lane) -> list[Posting]:
        """Take a batch, if there is enough for one. Raises DatabaseUnavailable if there are no ids for it."""
        self._judge_enough()
        if len(self._line.ready) < self._enough:
            return []
        if not self.node.ids.room:
            self.node.take_ids(1)
        batch = self._line.take(min(share(self._queued, self._batch_max), self.node.ids.room))
        if batch:
            lane.sent_at = trio.current_time()
            self._number([posting for posting in batch if not posting.transaction_id])
        self._judge_enough()
        self._call_lane()
        return batch

    def _number(self, postings: list[Posting]) -> None:
        for posting, number in zip(postings, self.node.take_ids(len(postings)), strict=True):
            posting.transaction_id = number

    def _judge_enough(self) -> None:
        """Set how many ready postings are worth a batch now."""
        self._enough = enough([lane.sent_at for lane in self._lanes], trio.current_time(), self._batch_max)

    def _call_lane(self) -> None:
        """Wake a lane that waits if there is enough for it; until it has looked, call no other."""
        if self._waiting and len(self._line.ready) >= self._enough:
            self._enough = self._batch_max + 1
            self._waiting.pop().bell.ring()

    def _call_all_lanes(self) -> None:
        while self._waiting:
            self._waiting.pop().bell.ring()

    async def _settle_all(self, lane: Lane, error: LedgerError) -> None:
        """Answer what the lane could not post the fast way."""
        if not isinstance(error, StatementRefused):
            self._tell_retry(lane, error)
        if not isinstance(error, StatementRefused | DatabaseContended):
            self._expire()
            lane.batch = self._give_up(lane.batch)
        await self._settle(lane, lane.batch)
        lane.batch = []
        lane.sent_at = NEVER

    async def _settle(self, lane: Lane, batch: list[Posting]) -> None:
        """Answer every posting of the batch, whatever it takes."""
        pause_s = RETRY_S_MIN
        while batch:
            try:
                await lane.session.run(
                    partial(self._post, lane, batch), timeout_s=None, connect_s=self._give_up_s
                )
            except StatementRefused as error:
                await self._halve(lane, batch, error)
                return
            except IdsClosed:
                await self._number_anew(batch)
            except LedgerError as error:
                self._tell_retry(lane, error)
                if not isinstance(error, DatabaseContended):
                    self._expire()
                    await trio.sleep(pause_s)
                    pause_s = min(2 * pause_s, RETRY_S_MAX)
            else:
                self._outage.works(lane)
                return
            batch = self._give_up(batch)

    async def _number_anew(self, batch: list[Posting]) -> None:
        """Their ids are closed: our clock is behind. Give them others, above what is closed."""
        try:
            await self.node.hold()
            self._number(batch)
        except LedgerError as error:
            self._outage.failed(self.node, str(error))
            await trio.sleep(RECONNECT_S)

    def _tell_retry(self, lane: Lane, error: LedgerError) -> None:
        self._observer.batch_retried(error)
        if not isinstance(error, DatabaseContended):
            self._outage.failed(lane, str(error))

    async def _post(self, lane: Lane, batch: list[Posting], connection: Connection) -> None:
        """Inside a job: post a batch and answer it; what has been answered is taken out of it."""
        size, started = len(batch), trio.current_time()
        # Answered while the next batch is on its way.
        await lane.post(connection, batch, self._give_up_s, partial(call_soon, self._finish))
        self._refused = 0
        self._observer.batch_committed(size, trio.current_time() - started)

    async def _halve(self, lane: Lane, batch: list[Posting], error: StatementRefused) -> None:
        if len(batch) == 1:
            _log.error(
                "posting_refused",
                extra={"terminal": batch[0].terminal, "stan": batch[0].stan, "reason": str(error)},
            )
            self._refused += 1
            self._refusal = str(error)
            self._observer.poisoned(batch[0], error)
            self._line.leave(batch)
            self._answer([(batch[0], no_effect(batch[0], SYSTEM_ERROR))])
            return
        middle = len(batch) // 2
        await self._settle(lane, batch[:middle])
        await self._settle(lane, batch[middle:])

    def _give_up(self, batch: list[Posting]) -> list[Posting]:
        """Answer TRY_AGAIN for what is too old; return the rest."""
        oldest = trio.current_time() - self._give_up_s
        late = [posting for posting in batch if posting.submitted_at <= oldest]
        if not late:
            return batch
        self._line.leave(late)
        self._answer_late(late)
        return [posting for posting in batch if posting.submitted_at > oldest]

    def _expire(self) -> None:
        """While the database is away, answer what has waited too long behind the batches in flight."""
        oldest = trio.current_time() - self._give_up_s
        if late := self._line.withdraw(lambda posting: posting.submitted_at <= oldest):
            self._answer_late(late)

    def _answer_late(self, late: list[Posting]) -> None:
        self._observer.gave_up(len(late))
        self._answer([(posting, no_effect(posting, TRY_AGAIN)) for posting in late])

    def _finish(self, answers: Answers) -> None:
        """Answer what has committed. An error here would end the reading of all connections: `run` has it."""
        try:
            self._line.leave([posting for posting, _ in answers])
            self._answer(answers)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._failed.set()

    async def _raise_failure(self) -> None:
        await self._failed.wait()
        assert self._failure is not None
        raise self._failure

    def _answer(self, answers: list[tuple[Posting, Outcome]]) -> None:
        self._on_outcomes(answers)
        self._queued -= len(answers)
        if self._is_over:
            self._call_all_lanes()
        else:
            self._call_lane()
