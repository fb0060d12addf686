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
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import trio

from ledger.books.batch import CLAIM, post_batch
from ledger.books.layout import hold_layout
from ledger.books.line import Line
from ledger.books.observer import Observer
from ledger.books.posting import POST_BATCH, Answers, Outcome, Posting, no_effect
from ledger.books.result_codes import SYSTEM_ERROR, TRY_AGAIN
from ledger.books.transaction_ids import TransactionIds, claim_node
from ledger.errors import DatabaseContended, DatabaseMisconfigured, LedgerError, StatementRefused
from ledger.postgres.database import Bell, Connection, Database, Session, call_soon
from ledger.postgres.fitness import check_durability

_log = logging.getLogger(__name__)

RETRY_S_MIN: Final = 0.02
RETRY_S_MAX: Final = 0.5
RECONNECT_S: Final = 0.1
GUARD_PROBE_S: Final = 2.0
PATIENCE_S: Final = 0.1
PATIENCE_PROBE_S: Final = 0.05
SHARED_MIN: Final = 32
"""What waits is not divided into smaller batches than this."""
NEVER: Final = float("-inf")
OnOutcomes = Callable[[list[tuple[Posting, Outcome]]], None]


class _Lane:
    """One connection, what it has taken and not yet answered, and the bell that wakes it.

    since: when the batch on its way was sent, by trio's clock in seconds; NEVER while none is.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.bell = Bell()
        self.batch: list[Posting] = []
        self.since = NEVER
        self.is_failing = False


class Committer:
    """Group commit over a few lanes, each with a connection of its own.

    batch_max: 1..5000 postings per statement. lanes: 1..8. give_up_ms: 100..60000, both the age at which
    a posting of unknown outcome is answered TRY_AGAIN and the time limit of one statement. `ids` gives
    out transaction ids once `run` has started.
    """

    ids: TransactionIds

    def __init__(
        self,
        database: Database,
        *,
        on_outcomes: OnOutcomes,
        batch_max: int = 500,
        lanes: int = 2,
        give_up_ms: int = 3000,
        observer: Observer | None = None,
    ) -> None:
        self._database = database
        self._on_outcomes = on_outcomes
        self._buckets = 1
        self._batch_max = batch_max
        self._lanes = [_Lane(database.session()) for _ in range(lanes)]
        self._give_up_s = give_up_ms / 1000
        self._observer = observer or Observer()
        self._line = Line()
        self._waiting: list[_Lane] = []
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
        """Take a posting; its outcome comes by `on_outcomes`. Bounding the queue is the caller's (by
        `queued`).
        """
        self._queued += 1
        if not posting.submitted_at:
            posting.submitted_at = trio.current_time()
        self._line.enter(posting)
        if self._waiting and len(self._line.ready) >= self._enough:
            self._call_lane()

    def is_behind(self, bound_s: float) -> bool:
        """Whether more waits than one batch takes, and the first of it for longer than `bound_s`.

        Fewer than a batch are waiting for Postgres, not for their turn.
        """
        ready = self._line.ready
        return len(ready) > self._batch_max and trio.current_time() - ready[0].submitted_at > bound_s

    def stop(self) -> None:
        """Let `run` end once all that was submitted is answered."""
        self._stopping = True
        self._call_all_lanes()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the lanes until `stop`; started once a node number is claimed and the lanes are connected.

        Raises DatabaseUnavailable or DatabaseMisconfigured if that fails at the start, never later.
        """
        self._guard = self._database.session()
        if problems := await self._guard.run(check_durability):
            raise DatabaseMisconfigured("; ".join(problems))
        self._buckets = await self._guard.run(hold_layout)
        self.ids = TransactionIds(await self._guard.run(claim_node))
        self._guard_connects = self._guard.connects
        for lane in self._lanes:
            await lane.session.run(partial(self._prepare, lane.session))
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_node)
            nursery.start_soon(self._notice_cancellation)
            nursery.start_soon(self._lose_patience)
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

    async def check_node(self) -> None:
        """See whether the node number is still ours; a lost connection has lost it, and it is claimed again.

        Raises DatabaseUnavailable while that is not possible.
        """
        await self._guard.run(lambda connection: connection.execute("select 1"))
        if self._guard.connects != self._guard_connects:
            if await self._guard.run(hold_layout) != self._buckets:
                self._fail(DatabaseMisconfigured("the ledger has another number of buckets now: start again"))
            self.ids.node = await self._guard.run(lambda connection: claim_node(connection, self.ids.node))
            self._guard_connects = self._guard.connects

    async def _keep_node(self) -> None:
        while True:
            await trio.sleep(GUARD_PROBE_S)
            try:
                await self.check_node()
            except LedgerError as error:
                _log.warning("node_claim_lost", extra={"reason": str(error)})

    async def _lose_patience(self) -> None:
        """A batch held up by a lock or a lost connection must not hold up the others, nor their answers."""
        while True:
            await trio.sleep(PATIENCE_PROBE_S)
            if all(lane.is_failing for lane in self._lanes):
                self._expire()
            self._judge_enough()
            self._call_lane()

    @property
    def _is_over(self) -> bool:
        return self._cancelled or (self._stopping and not self._queued)

    async def _serve(self, lane: _Lane) -> None:
        """Run one lane to its end. What could not be posted the fast way is settled, then it goes on."""
        while not self._is_over:
            try:
                await lane.session.run(partial(self._work, lane), timeout_s=None, connect_s=self._give_up_s)
            except LedgerError as error:
                if not lane.batch:  # no connection to work with
                    if not lane.is_failing:
                        _log.warning("lane_without_connection", extra={"reason": str(error)})
                    lane.is_failing = True
                    await trio.sleep(RECONNECT_S)
                else:
                    await self._settle_all(lane, error)

    async def _work(self, lane: _Lane, connection: Connection) -> None:
        """Post batch after batch until the end, as one job: nothing crosses to trio and back in between."""
        lane.is_failing = False
        while not self._is_over:
            lane.batch = self._take_turn(lane)
            if not lane.batch:
                self._waiting.append(lane)
                await lane.bell.wait()
                continue
            await self._post(lane.session, lane.batch, connection)
            lane.since = NEVER

    def _take_turn(self, lane: _Lane) -> list[Posting]:
        """Take a batch, if there is enough for one: half of all that is unanswered, so that the worker
        collects and answers one half while the server posts the other.
        """
        self._judge_enough()
        if len(self._line.ready) < self._enough:
            return []
        half = (self._queued + 1) // 2
        batch = self._line.take(min(half if half >= SHARED_MIN else self._queued, self._batch_max))
        lane.since = trio.current_time()
        self._judge_enough()
        self._call_lane()
        return batch

    def _judge_enough(self) -> None:
        """Set how many ready postings are worth a batch now: while another is on its way, a full one.

        Two batches at once get in each other's way; for a queue that one connection does not keep up with
        it is worth it.
        """
        patient_since = trio.current_time() - PATIENCE_S
        is_under_way = any(lane.since > patient_since for lane in self._lanes)
        self._enough = self._batch_max if is_under_way else 1

    def _call_lane(self) -> None:
        """Wake a lane that waits if there is enough for it; until it has looked, call no other."""
        if self._waiting and len(self._line.ready) >= self._enough:
            self._enough = self._batch_max + 1
            self._waiting.pop().bell.ring()

    def _call_all_lanes(self) -> None:
        while self._waiting:
            self._waiting.pop().bell.ring()

    async def _settle_all(self, lane: _Lane, error: LedgerError) -> None:
        """Answer what the lane could not post the fast way."""
        if not isinstance(error, StatementRefused):
            self._tell_retry(error, len(lane.batch))
        if not isinstance(error, StatementRefused | DatabaseContended):
            lane.is_failing = True
            self._expire()
            lane.batch = self._give_up(lane.batch)
        await self._settle(lane.session, lane.batch)
        lane.batch = []
        lane.since = NEVER

    async def _settle(self, session: Session, batch: list[Posting]) -> None:
        """Answer every posting of the batch, whatever it takes."""
        pause_s = RETRY_S_MIN
        while batch:
            try:
                await session.run(
                    partial(self._post, session, batch), timeout_s=None, connect_s=self._give_up_s
                )
            except StatementRefused as error:
                await self._halve(session, batch, error)
                return
            except LedgerError as error:
                self._tell_retry(error, len(batch))
                if not isinstance(error, DatabaseContended):
                    self._expire()
                    await trio.sleep(pause_s)
                    pause_s = min(2 * pause_s, RETRY_S_MAX)
            else:
                return
            batch = self._give_up(batch)

    def _tell_retry(self, error: LedgerError, size: int) -> None:
        self._observer.batch_retried(error)
        if not isinstance(error, DatabaseContended):
            _log.warning("batch_retried", extra={"size": size, "reason": str(error)})

    async def _prepare(self, session: Session, connection: Connection) -> None:
        for statement in [POST_BATCH] if self._buckets == 1 else [CLAIM, POST_BATCH]:
            session.state[statement] = await connection.prepare(statement)

    async def _post(self, session: Session, batch: list[Posting], connection: Connection) -> None:
        """Inside a job: post a batch and answer it; what has been answered is taken out of it."""
        size, started = len(batch), trio.current_time()

        def take_out(answers: Answers) -> None:
            answered = {id(posting) for posting, _ in answers}
            batch[:] = [posting for posting in batch if id(posting) not in answered]
            # Answered while the next batch is on its way.
            call_soon(self._finish, answers)

        async def ask(statement: str, *arguments: object) -> Any:
            return await session.limit(self._ask(session, connection, statement, arguments), self._give_up_s)

        await post_batch(ask, self._buckets, list(batch), take_out)
        self._observer.batch_committed(size, trio.current_time() - started)

    async def _ask(
        self, session: Session, connection: Connection, statement: str, arguments: tuple[object, ...]
    ) -> Any:
        if statement not in session.state:
            await self._prepare(session, connection)
        return await session.state[statement].fetchrow(*arguments)

    async def _halve(self, session: Session, batch: list[Posting], error: StatementRefused) -> None:
        if len(batch) == 1:
            _log.error(
                "posting_refused",
                extra={"terminal": batch[0].terminal, "stan": batch[0].stan, "reason": str(error)},
            )
            self._observer.poisoned(batch[0], error)
            self._line.leave(batch)
            self._answer([(batch[0], no_effect(batch[0], SYSTEM_ERROR))])
            return
        middle = len(batch) // 2
        await self._settle(session, batch[:middle])
        await self._settle(session, batch[middle:])

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
        """Answer what has committed. An error here, on the database's side, would end the reading of
        all connections: it goes to `run`.
        """
        try:
            self._line.leave(posting for posting, _ in answers)
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
