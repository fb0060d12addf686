# One command per job. Every target sets up what it needs first (.venv, hash-locked); a second run skips that.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help venv venv-dev venv-office venv-ha venv-fuzz demo up office test test-under-load worlds mutants fuzz check crash-test torture alerts-drill static published references upgrade-drill load load-headless clicks bench bench-quick lock clean sbom audit

# Settings of a run, e.g. `make demo DEMO_SECONDS=20`, `make test PYTEST_ARGS='-k session'`, `make venv PYTHON=python3.12`.
DEMO_SECONDS ?= 60
PYTEST_ARGS ?=
# Processes the tests run in, a file of tests to one of them at a time; 0: all in one, as a debugger wants it.
TEST_PROCESSES ?= auto
RUNS ?= 10
SEED ?= 1
SEEDS ?= 200
TORTURE_SECONDS ?= 600
TORTURE_ARGS ?=
BASE ?=
ALERTS ?=
FUZZ ?=
FUZZ_SECONDS ?= 60
INPUTS ?=
LOCK ?=
export PYTHON
RUN := .venv/bin/python -m
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv  ## the whole switch with three simulated cities for DEMO_SECONDS (60), then the books reconciled
	@.venv/bin/cityswitch demo --seconds $(DEMO_SECONDS)

up: venv  ## the same with a light load, until Ctrl-C
	@.venv/bin/cityswitch up

office: venv-office  ## the same, with the pages of holders and desks; prints logins to try them with
	@.venv/bin/cityswitch office demo

test: venv-dev  ## the whole test suite
	@$(RUN) pytest -n $(TEST_PROCESSES) --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

test-under-load: venv-dev  ## the suite RUNS times (10) while every processor is kept busy: nothing may depend on speed
	@$(RUN) tests.under_load --runs $(RUNS)

worlds: venv  ## SEEDS (200) simulated worlds of 2,000 operations under faults, from seed SEED (1) on: RELIABILITY.md
	@.venv/bin/cityswitch simulate world --seed $(SEED) --seeds $(SEEDS)

mutants: venv-dev  ## every planted bug of tests/mutants in a copy of the checkout, and what finds it: tests/mutants/TABLE.md
	@$(RUN) tests.mutants --write

.PHONY: machines
MACHINE_EXAMPLES ?= 300
MACHINE_STEPS ?= 100
machines: venv-dev  ## sessions, books and cards driven in any order, MACHINE_EXAMPLES (300) runs of MACHINE_STEPS (100) steps each: RELIABILITY.md
	@MACHINE_EXAMPLES=$(MACHINE_EXAMPLES) MACHINE_STEPS=$(MACHINE_STEPS) $(RUN) pytest -q -n 0 --hypothesis-show-statistics tests/machines

fuzz: venv-fuzz  ## FUZZ (all) harnesses under a coverage-guided fuzzer, FUZZ_SECONDS (60) or INPUTS of each: RELIABILITY.md
	@$(RUN) tests.fuzz $(FUZZ) --seconds $(FUZZ_SECONDS) $(if $(INPUTS),--inputs $(INPUTS)) --seed $(SEED)

static: venv-dev  ## format, lint and strict types, without the tests
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy

published: venv-dev  ## what is made of the code, written anew: tables of SPEC.md, vectors.json, scenarios.json, docs/reference/metrics.md, acts of docs/office/desk.md
	@$(RUN) tests.publish

upgrade-drill: venv  ## from BASE (a commit) to this version under load, migrated in between: nothing refused (docs/how-to/upgrade.md)
	@$(RUN) ops.deploy.upgrade_drill --base $(BASE)

references: venv-dev  ## what is made of the code, written anew: pages of docs/reference, dashboards for Grafana
	@$(RUN) ops.deploy.references
	@$(RUN) ops.monitoring.dashboards.grafana

settled-month: venv  ## two months of a simulated year of three cities settled in Postgres, 900 statements each, held to the auditor's own sums
	@$(RUN) ops.settlement.simulated_month $(SETTLED)

crash-test: venv-dev  ## kill Postgres 20 times under load, with synchronous_commit off everywhere: nothing acknowledged is lost
	@CRASH_KILLS=20 $(RUN) pytest -s tests/ledger/test_crash.py

torture: venv  ## kill, stop, fill, cut and jump a running switch for TORTURE_SECONDS (600), by SEED: nothing told is lost or told otherwise
	@$(RUN) ops.torture --seconds $(TORTURE_SECONDS) --seed $(SEED) $(TORTURE_ARGS)

.PHONY: ha-demo
HA_FAILOVERS ?= 3
ha-demo: venv-ha  ## three Patroni nodes, one etcd (Debian's etcd-server): HA_FAILOVERS (3) times the primary is killed under load
	@$(RUN) ops.deploy.ha --failovers $(HA_FAILOVERS) --freeze --alone

alerts-drill: venv  ## each alert fired once by the real fault, on a live switch under a live Prometheus (half an hour)
	@$(RUN) ops.monitoring.drill $(ALERTS)

sbom: venv  ## what an installation is made of, as CycloneDX: cityswitch.cdx.json (LOCK=office: with the office)
	@$(RUN) ops.deploy.sbom $(LOCK) >cityswitch.cdx.json && echo "cityswitch.cdx.json"

audit: venv  ## known holes in every package of the locks, by pip-audit; where no advisories can be had a line says that nothing was asked
	@.venv/bin/python ops/setup/audit.py

check: static audit test  ## everything a change must pass: format, lint, strict types, import direction, tests

load: venv-dev  ## Locust's web page with a switch of its own (LOAD_HOST= LOAD_PORT=: one that runs already)
	@$(RUN) bench.load

load-headless: venv-dev  ## the load test by itself (LOAD_SECONDS=60 LOAD_SHAPE=day): a page of both sides in bench/reports
	@$(RUN) bench.load --headless

clicks: venv-dev  ## 50 officers and 2,000 holders at the office's pages, in turn with nobody: what it costs the switch's p99 (CLICKS=--rounds=3 …)
	@$(RUN) ops.clicks $(CLICKS)

bench: venv  ## every lane of the throughput bench in turn (some twenty minutes): bench/THROUGHPUT.md and a picture
	@.venv/bin/cityswitch bench

bench-quick: venv  ## a change against the commit before it (BASE=COMMIT), both in turn: some minutes, a quiet machine
	@.venv/bin/cityswitch bench --quick $(if $(BASE),--base $(BASE))

venv:  ## .venv with what the switch needs to run (every target does this by itself)
	@./ops/setup/setup_environment.sh runtime

venv-office:  ## .venv with what desk, holders' pages and statements need as well
	@./ops/setup/setup_environment.sh office

venv-ha:  ## .venv with the switch and Patroni, for `make ha-demo`
	@./ops/setup/setup_environment.sh ha

venv-fuzz: venv  ## the same and atheris, where there is a wheel of it
	@./ops/setup/setup_environment.sh fuzz || echo "without atheris: the harnesses mutate by themselves"

venv-dev:  ## .venv with the tools for tests and checks as well
	@./ops/setup/setup_environment.sh dev

lock:  ## make the lock files again (needs uv)
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) --extra office pyproject.toml -o requirements/office.txt
	$(COMPILE) --extra ha pyproject.toml -o requirements/ha.txt
	$(COMPILE) --extra fuzz pyproject.toml -o requirements/fuzz.txt
	$(COMPILE) --extra dev --extra load --extra office pyproject.toml -o requirements/dev.txt
	$(COMPILE) requirements/audit.in -o requirements/audit.txt

clean:  ## remove var/ (the demo's database and keys), .venv and what was compiled, nothing else
	@pid=$$(head -n 1 var/postgres/data/postmaster.pid 2>/dev/null) && kill -0 "$$pid" 2>/dev/null && \
	  { echo "make clean: a switch runs in var/ (its Postgres is process $$pid). Stop it first." >&2; exit 1; } || true
	@used=$$(find var -name '*.used-by' -exec grep -l ' database ' {} + 2>/dev/null | head -n 1) && [ -n "$$used" ] && \
	  { echo "make clean: $${used%.used-by} is the master key of a database outside var/ ($$used says which)." \
	    "Move both to a safe place first." >&2; exit 1; } || true
	rm -rf var .venv protocol/sealing/*.so
