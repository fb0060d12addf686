"""Load tests and measurements of a running switch, seen from outside as a terminal sees it.

terminal          a blocking terminal over the sans-I/O session: no event loop, so it runs anywhere
city              the seeded city its terminals belong to
terminal_numbers  hands out terminal numbers, each to one simulated user at a time
shapes            how many tills are busy at which hour, as pure functions of time
business          what a till does next, drawn from a seed
outcome           what is a failure and what is business, and when a run has failed
locustfile        these as a Locust test

local_switch      a switch of our own on the embedded Postgres, seeded, for as long as a block lasts
load              `make load` and `make load-headless`
block_latency     from the commit of a card's block to its refusal by every worker
flooder           from the commit of a flooding terminal's block until it is served no more
start_time        from the start of the process to ready

throughput        `cityswitch bench`: which lanes run, and where results go
lanes, open_lanes, growth
                  what each lane measures: closed loop, open loop, data of later years
rounds, goals     lanes in turn, ratios within a round; what these must be, and the guard
stage, driver     one Postgres with everything compared running on it; processes and windows
generator, open_loop, lines, sealing
                  the load generator, from the pace down to the sealed frames
peers             what the switch is compared with

command, circumstances, figures, pages
                  shared: status and signals, machine and commit, percentiles, a worker's pages

README.md says how to run and read each; RESULTS.md and THROUGHPUT.md hold what was measured, where and
when.
"""
