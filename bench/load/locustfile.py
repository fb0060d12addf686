"""The Locust test: a user is a terminal of the seeded city, on a plain socket, doing a till's business.

    .venv/bin/locust -f bench/load/locustfile.py --headless -u 100 -t 60s
    .venv/bin/locust -f bench/load/locustfile.py --headless --shape christmas --day-s 240

Owns the wiring to Locust: options, users, statistics, exit status. Everything that can be told without Locust
is elsewhere (`business`, `outcome`, `shapes`, `terminal_numbers`). Locust patches sockets and `select` for
gevent when it is imported: trio and asyncio must not be imported here, not even by way of something else.

Invariants: a user never dies of a lost line, it counts the failure and connects again; a run that made no
request, or had too many failures, ends with a status that is not zero.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from locust import LoadTestShape, User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, Runner, WorkerRunner

from bench.city import city, identity
from bench.errors import CannotRun
from bench.load.business import Till, perform
from bench.load.outcome import CONNECT, SIGN_ON, Counted, RequestFailed, run_problem, switch_problem, verdict
from bench.load.shapes import CURVES, step_at
from bench.load.terminal import Answer, BlockingTerminal, LineError
from bench.load.terminal_numbers import Desk, MasterDesk, NoTerminalFree, Pool, WorkerDesk
from simulators.city.example import CARDS, PARTNERS, SEED

REQUEST_TYPE: Final = "terminal"
RECONNECT_S: Final = (0.5, 5.0)
"""Pause before a lost line is made again, drawn between these: terminals do not return in step."""
PARENT_LOOK_S: Final = 1.0

log = logging.getLogger("cityswitch.bench")


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def add_options(parser: LocustArgumentParser) -> None:
    """Add our options. Locust passes the argument by the name `parser`."""
    group = parser.add_argument_group("cityswitch")
    add = group.add_argument
    add("--switch-host", default="127.0.0.1", env_var="LOAD_HOST", help="where terminals connect (127.0.0.1)")
    add("--switch-port", type=int, default=7070, env_var="LOAD_PORT", help="its port (7070)")
    add("--seed", default=SEED, help=f"seed of the city in the registry ({SEED})")
    add("--cards", type=int, default=CARDS, help=f"cards of that city ({CARDS})")
    add("--partners", type=int, default=PARTNERS, help=f"partners, with a terminal each ({PARTNERS})")
    add("--pause-s", type=float, default=1.0, help="mean pause of a till between requests; 0: none (1)")
    add("--shape", choices=["steady", *CURVES], default="steady", help="course of the load (steady)")
    add("--day-s", type=float, default=240.0, help="seconds a shape's 24 hours are compressed to (240)")
    add("--parent", type=int, default=0, help="process id; the test ends when that process is gone")
    add("--failures-max", type=float, default=0.01, help="share of failures that fails the run (0.01)")


class CurveShape(LoadTestShape):
    """The load over a compressed day. `--users` are the tills of an ordinary day's busiest hour.

    Abstract in Locust's sense: else it would follow the first shape it finds without being asked.
    """

    abstract = True

    def __init__(self, options: Any, runner: Runner) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.runner = runner
        self._options = options

    def tick(self) -> tuple[int, float] | None:
        """Return how many users to have now and how fast to get there; None at the end of the day."""
        options = self._options
        assert self.runner is not None
        return step_at(
            CURVES[options.shape],
            time.perf_counter() - self.start_time,
            duration_s=options.day_s,
            users_peak=options.num_users or 1,
            users_max=options.partners,
            users_now=self.runner.user_count,
        )


class Bench:
    """What all users of this process share; made anew for each environment."""

    def __init__(self, environment: Environment, runner: Runner) -> None:
        options: Any = environment.parsed_options
        self.options = options
        self.population = city(options.seed, options.cards, options.partners)
        terminals = self.population.terminals
        self.desk: Desk
        if isinstance(runner, WorkerRunner):
            self.desk = WorkerDesk(runner, terminals)
            return
        self.desk = pool = Pool(terminals)
        if isinstance(runner, MasterRunner):
            MasterDesk(runner, pool, lambda: list(runner.clients))


_BENCHES: Final[dict[int, Bench]] = {}


@events.init.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def prepare(environment: Environment, runner: Runner, **_: object) -> None:
    """Check the options and the switch before anything starts; ends the process with one line if need be."""
    try:
        bench = Bench(environment, runner)
    except CannotRun as error:
        sys.exit(f"bench: {error}")
    _BENCHES[id(environment)] = bench
    if isinstance(runner, WorkerRunner):
        # The master has looked; several signing on as the same terminal would cut each other off.
        return
    options = bench.options
    problem = switch_problem(options.switch_host, options.switch_port, bench.population)
    if problem is not None:
        sys.exit(f"bench: {problem}")
    if options.shape != "steady":
        environment.shape_class = CurveShape(options, runner)
    if options.parent:
        threading.Thread(target=_end_with, args=(options.parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End in order when the process that started us is gone, in whatever way (under gevent: a greenlet)."""
    while os.getppid() == parent:
        time.sleep(PARENT_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


@events.quitting.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def judge(environment: Environment, **_: object) -> None:
    """Set the exit status: 0 only if requests were made and few enough of them failed."""
    if environment.runner is None or isinstance(environment.runner, WorkerRunner):
        return
    options: Any = environment.parsed_options
    lines = [
        Counted(entry.name, entry.num_requests, entry.num_failures)
        for entry in environment.stats.entries.values()
    ]
    problem = run_problem(lines, options.failures_max)
    environment.process_exit_code = 0 if problem is None else 1
    if problem is not None:
        log.error("bench: %s", problem)


class TerminalUser(User):
    """One terminal: a number of its own, a line that is made again when it is lost, and a till's business."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._bench = _BENCHES[id(environment)]
        self._index: int | None = None
        self._line: BlockingTerminal | None = None
        self._stan = 0

    def on_start(self) -> None:
        """Take a terminal number; a user without one is a failure in the statistics, and stops."""
        bench = self._bench
        try:
            self._index = bench.desk.take()
        except NoTerminalFree as error:
            self._count("no terminal free", 0.0, error=error)
            log.error("bench: %s", error)
            raise StopUser from None
        self._rng = random.Random(f"{bench.population.seed} till {self._index}")
        self._till = Till(bench.population, self._rng)

    def on_stop(self) -> None:
        """Close the line and give the number back."""
        if self._line is not None:
            self._line.close()
        if self._index is not None:
            self._bench.desk.give_back(self._index)

    def wait_time(self) -> float:
        """Seconds until the next request: exponential, as customers come independently of each other."""
        pause_s: float = self._bench.options.pause_s
        return self._rng.expovariate(1.0 / pause_s) if pause_s > 0 else 0.0

    @task
    def trade(self) -> None:
        """Make one request, on a new line if there is none."""
        line = self._line or self._open()
        if line is None:
            time.sleep(self._rng.uniform(*RECONNECT_S))
            return
        action = self._till.next()
        answer = self._timed(action.operation, lambda: perform(line, action))
        if answer is None:
            self._drop()
            return
        self._till.learn(action, answer)

    def _open(self) -> BlockingTerminal | None:
        """Connect and sign on; None (and counted) if that fails."""
        assert self._index is not None
        options = self._bench.options
        who = identity(self._bench.population, self._index)
        started = time.perf_counter()
        try:
            line = BlockingTerminal.connect(options.switch_host, options.switch_port, who)
        except LineError as error:
            self._count(CONNECT, started, error=error)
            return None
        self._count(CONNECT, started)
        line.stan = self._stan
        self._line = line
        if self._timed(SIGN_ON, line.sign_on) is None:
            self._drop()
        return self._line

    def _drop(self) -> None:
        if self._line is not None:
            self._stan = self._line.stan
            self._line.close()
            self._line = None

    def _timed(self, name: str, ask: Callable[[], Answer]) -> Answer | None:
        """Ask and count; None when the line is lost."""
        started = time.perf_counter()
        try:
            answer = ask()
        except LineError as error:
            self._count(name, started, error=error)
            return None
        counted_as, failure = verdict(name, answer.code)
        self._count(counted_as, started, size=answer.size, error=failure)
        return answer

    def _count(
        self,
        name: str,
        started: float,
        *,
        size: int = 0,
        error: LineError | RequestFailed | NoTerminalFree | None = None,
    ) -> None:
        """Fire one request into Locust's statistics; `started` 0 means it took no time."""
        elapsed_ms = (time.perf_counter() - started) * 1_000 if started else 0.0
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=name,
            response_time=elapsed_ms,
            response_length=size,
            exception=error,
            context={},
        )
