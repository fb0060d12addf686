"""What a worker counts, and how Prometheus reads it.

Owns plain integers the hot path may add to at the price of an addition (`meters`), one declaration of every
metric (`catalogue`, `city_catalogue`), and two ways of writing them out (`text`, `protobuf`). Each worker has
an endpoint of its own: no multiprocess mode. Must not decide anything, nor raise into what it counts.
Invariants: counters only grow; what is not declared cannot be exposed, and the reference page is made of the
declarations, so that page and exposition cannot drift.
"""

from switch.metrics.declaration import Kind, Label, Metric
from switch.metrics.histogram import Histogram
from switch.metrics.meters import LedgerObserver, Meters

__all__ = ["Histogram", "Kind", "Label", "LedgerObserver", "Meters", "Metric"]
