"""What each event of the log means, and what to do.

Owns the words alone: names, levels and fields are read off the code (`log_sources`). Invariant: every event
of the code has its words, and no other has any (tests/deploy/test_log_events.py).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Told(NamedTuple):
    """What has happened, and what an operator does about it."""

    meaning: str
    todo: str


NOTHING: Final = "Nothing."
EVENTS: Final[dict[str, Told]] = {
    "accept_failed": Told(
        "A connection could not be taken in: this machine lacks something, mostly file descriptors.",
        "`cityswitch doctor`: open files; raise LimitNOFILE.",
    ),
    "api_failed": Told(
        "A request of the HTTP API could not be answered: the database is away, a role is missing, or it is a"
        " defect.",
        "See `problem`; a database that is away is tried again by the system that asked.",
    ),
    "board_has_database_again": Told("The board can read the database again.", NOTHING),
    "board_without_database": Told(
        "The board cannot read the database: it goes on showing what the workers tell.",
        "See `problem`; sales are not affected by it.",
    ),
    "cannot_serve": Told(
        "A worker cannot begin, and a restart would not mend it: port, settings, database or master key.",
        "Mend what `problem` names; the switch has ended with a status that tells the kind (README).",
    ),
    "certificate_invalid": Told(
        "No terminal can trust the certificate today; those that do not look go on. Or the list of revoked "
        "terminals' certificates (`tls_client_crl`) has ended: then nobody is let in.",
        "Renew what `problem` names, then reload (SIGHUP). `cityswitch doctor` warns before.",
    ),
    "certificate_not_reloaded": Told(
        "At a reload certificate and key could not be used together: the old ones stay in use.",
        "Check both files, then reload again.",
    ),
    "city_figure_failed": Told(
        "A figure of the city for /metrics could not be read in time; sales are not affected.",
        "Postgres is slow or busy: see cityswitch_commit_duration_seconds.",
    ),
    "database_trouble": Told(
        "Something cannot be done with the database; terminals are told to try again after give_up_ms.",
        "See `reason`, then Postgres' own log. It recovers by itself.",
    ),
    "database_trouble_goes_on": Told(
        "The same, once a minute while it lasts: since how many seconds, and how many tries failed.",
        "As above; `/readyz` says which dependency fails.",
    ),
    "database_trouble_over": Told("The database works again.", NOTHING),
    "drained": Told(
        "A worker has ended its work; `unanswered` requests were left when drain_s was over.",
        "Where it is not 0: look for database_trouble before; the terminals ask again by themselves.",
    ),
    "draining": Told("A worker was told to end: it reads no more and answers what is in flight.", NOTHING),
    "embedded_postgres": Told(
        "The switch uses a Postgres of its own in its state directory.",
        "In production set `dsn`: the embedded one is for development.",
    ),
    "expiry_passed_over": Told(
        "Accounts with more rows than are read at once: their points are not looked at, and expire not.",
        "Expire them by hand: `cityswitch adjust`.",
    ),
    "handshake_failed": Told(
        "A connection ended before it had signed on: no frames of ours, too slow, too long.",
        "One source again and again: a scanner, or a terminal with a wrong address.",
    ),
    "http_failed": Told("A page of metrics or health could not be made.", "A defect: keep `exception`."),
    "http_trouble": Told(
        "No connection for metrics and health can be accepted.", "As accept_failed: mostly file descriptors."
    ),
    "http_trouble_goes_on": Told("The same, once a minute while it lasts.", "As above."),
    "http_trouble_over": Told("Metrics and health are to be had again.", NOTHING),
    "inquiry_trouble": Told(
        "A sign-on, totals, a key, a report or the rest of a benefit could not be had; told to try again.",
        "See `reason`, then Postgres' own log.",
    ),
    "inquiry_trouble_goes_on": Told("The same, once a minute while it lasts.", "As above."),
    "inquiry_trouble_over": Told("Inquiries are answered again.", NOTHING),
    "invariant_broken": Told(
        "A part of the books that is looked at in turn does not hold; `example` breaks it.",
        "`cityswitch ledger verify`, then docs/runbooks/CityswitchInvariantBroken.md.",
    ),
    "keeper_elected": Told("This worker does the periodic work from now on.", NOTHING),
    "keeper_failed": Told(
        "A periodic job failed; it is tried again when it is next due.",
        "See `problem`; where it goes on, cityswitch_keeper_lag_seconds grows.",
    ),
    "keeper_without_database": Told("Periodic work waits for the database.", "See database_trouble."),
    "key_generation_used": Told(
        "A terminal signed on with a new generation of its key: earlier ones are refused from now on.",
        NOTHING,
    ),
    "key_not_asked": Told(
        "Whether a key still holds could not be asked of the database: the terminal was not let in.",
        "See `problem`; the terminal tries again.",
    ),
    "key_use_not_noted": Told(
        "The first use of a key could not be written down: the terminal was not let in.",
        "See `problem`; the terminal tries again.",
    ),
    "letter_not_sent": Told(
        "A letter of the site (a link to apply, or to an application) was not taken in three tries within six"
        " minutes, or the site ended, or too many waited. It is gone; whoever misses it asks for another.",
        "See `problem`: of the mail server where many are; of one address else; an error's name: a defect.",
    ),
    "log_line_unprintable": Told("A line could not be made into JSON.", "A defect: keep `of` and `problem`."),
    "log_lines_dropped": Told(
        "So many lines were not written: the log took none (disk full, reader gone or too slow).",
        "Make room, or see to the reader. Transactions are not affected.",
    ),
    "login_changed": Told(
        "Of a login on the web (its `kind`, of a `programme`) something is another, or it was made or"
        " deleted: `what`. Whose stands in the trail.",
        "Nothing; `cityswitch audit --object logins` has it with its actor.",
    ),
    "metric_failed": Told("A figure of /metrics could not be read.", "A defect: keep `exception`."),
    "not_noted": Told(
        "The note of where the switch listens could not be written: other commands do not find it.",
        "Make room in state_dir, or give it to the switch's user.",
    ),
    "not_reloaded": Told(
        "The settings could not be used at a reload: nothing has changed.", "Mend the file."
    ),
    "notice_done": Told(
        "Of an event (`number`, of a programme) its holder was told, or it is settled that nobody is told by"
        " machine: `state` and, in a word, `why`.",
        "`cityswitch notices list --state by-hand` has those that somebody has to tell; given_up: mend the"
        " address.",
    ),
    "notices_wait": Told(
        "Notices cannot be sent now: the mail server or the database is away, or does not let us in. They are"
        " tried again after `seconds`, and lose nothing.",
        "See `problem`: `smtp 535` is a wrong password, `tls failed` a certificate that is not trusted.",
    ),
    "orphan_ended": Told(
        "A worker whose supervisor is gone did not drain in time and has ended itself.",
        "See why the supervisor ended: the journal of the unit, the kernel's log (out of memory).",
    ),
    "page_failed": Told("A page of the board could not be made.", "A defect: keep `exception`."),
    "passkey_copied": Told(
        "A passkey was used whose count went back: somebody has a copy of it. It is shut, all sessions of"
        " its login have ended, its holder is told.",
        "An officer: call that person; a new password, and the old passkey removed.",
    ),
    "peer_fault": Told(
        "A signed-on terminal broke the protocol; its connection was closed.",
        "Tell the terminal's vendor `reason`: protocol/SPEC.md has it.",
    ),
    "campaign_points": Told(
        "Points of campaigns were posted from the organiser's account, or taken back.", NOTHING
    ),
    "points_expired": Told("Points whose term is over were posted back to the organiser.", NOTHING),
    "posting_refused": Told(
        "Postgres refused this one posting; it was answered with a system error, and all others posted.",
        "A defect, or the schema was changed by hand: keep the line, run `cityswitch ledger verify`.",
    ),
    "shards_moved": Told(
        "The books lie on several servers, and where has changed: `servers` have buckets now.",
        "If you moved shards, run `cityswitch init --engine citus`: it makes their functions there.",
    ),
    "presence_trouble": Told(
        "Which terminals are on line could not be written down; sales are not affected.",
        "See `reason`: `cityswitch terminals status` is behind by as much.",
    ),
    "presence_trouble_goes_on": Told("The same, once a minute while it lasts.", "As above."),
    "presence_trouble_over": Told("Which terminals are on line is written down again.", NOTHING),
    "registry_fault": Told(
        "A part of the registry cannot be used (rules, an offer, a key under another master key): left out.",
        "Mend what `problem` names. A terminal's key is tried again once the master key's file is another.",
    ),
    "reloaded": Told(
        "Settings and certificate were read again: what has changed, and what needs a restart.",
        "Restart, where `need_restart` names something.",
    ),
    "requests_shed": Told(
        "More came than could be served: so many purchases, redemptions or balances were told to try again.",
        "See Postgres' load and cityswitch_commit_duration_seconds; add workers or a faster disk.",
    ),
    "second_factor_failed": Told(
        "Who had given an officer's password had no right code of the second factor.",
        "A few are typing errors. Many: somebody has a password; see docs/office/holder.md, Watch it.",
    ),
    "serve_failed": Told(
        "`cityswitch serve` has ended with `status`: the cause, and the cure.", "What `cure` says."
    ),
    "serving": Told("All workers serve: the terminals' port, and the addresses for HTTP.", NOTHING),
    "session_ended": Told(
        "A session on the web was ended: signed out, one of the own, all others, or with a copied"
        " passkey. One that ran out says nothing.",
        NOTHING,
    ),
    "sign_in_locked": Told(
        "An attempt was not looked at, there had been too many: `by` one login, one source, or one of the"
        " other things that are counted.",
        "A few are forgetful people. Many: somebody guesses; see docs/office/holder.md, Watch it.",
    ),
    "sign_in_refused": Told(
        "What was given was not right: `way` says what it was (a password, a passkey, a code). Whether"
        " there is such a login, nobody tells, here neither.",
        "As sign_in_locked.",
    ),
    "sign_on_refused": Told(
        "A terminal could not prove its key. unknown_terminal, terminal_blocked, generation_retired, "
        "generation_unknown, key_expired: by the registry; key_unreadable: see `registry_fault`; wrong_key: "
        "it has another; backing_off: the address failed before, and came again too soon to be looked at.",
        "`cityswitch terminals show`; give it its key with `terminals key issue` or `key rotate`.",
    ),
    "signed_in": Told(
        "Somebody is in, by `way`: a password, the second factor after it, or a passkey.", NOTHING
    ),
    "supervisor_said": Told("A worker could not read what its supervisor sent.", "A defect: keep `problem`."),
    "terminal_connected_again": Told(
        "A terminal came in while its older connection was open; the older one was closed.",
        "After a cut: nothing. Again and again: two devices have the same number.",
    ),
    "thread_failed": Told(
        "A thread ended by an error nobody was there to catch.", "A defect: keep `exception`."
    ),
    "transaction": Told(
        'One answered request: approvals at debug, declines at info, "try again" and faults as warnings.',
        "`cityswitch explain TERMINAL/STAN` says why.",
    ),
    "unraisable": Told("An error where none can be raised.", "A defect: keep `exception`."),
    "waiting_for_port": Told(
        "A port is still held by the switch before this one, which was killed and drains.",
        "Nothing; after `wait_s` the start fails: see who holds it with `ss -ltnp`.",
    ),
    "worker_crashed": Told(
        "A worker ended by an unexpected error; it is started again.", "A defect: keep `exception`."
    ),
    "worker_died": Told(
        "A worker process has ended; it is started again after `restart_in_s`. Below 0 it is a signal.",
        "-9: the kernel's log (out of memory), or worker_silent before it. Else the worker's own last lines.",
    ),
    "worker_drained": Told(
        "A worker was told to drain and did (`cityswitch drain --worker`, or a SIGTERM to it alone);"
        " another is started in its place.",
        "Nothing. Where nobody asked for it, find who sends signals to the workers.",
    ),
    "worker_killed": Told(
        "A worker did not drain in time and was killed; what it had not answered is asked again.",
        "See database_trouble before it; raise drain_s where Postgres is slow.",
    ),
    "worker_said": Told("A worker printed what is no word of its own.", "A defect: keep `text`."),
    "worker_silent": Told(
        "A worker's event loop stood still for so long that it was killed; it is started again.",
        "See whether the machine was stopped, swapped or starved of CPU.",
    ),
}
