"""What must be right before a switch listens, looked at in one go by the supervisor.

Owns the checks that need no database (the workers wait for that). Must not change anything but make the state
directory. Invariant: what `check_start` lets through does not end a switch that serves already.
"""

from __future__ import annotations

import errno
import os

import structlog

from ledger.registry.secrets import MasterKey
from switch.clock import clock_ms
from switch.config import Config
from switch.process.certificate import read_certificate, revocations_problem

log = structlog.get_logger()


def check_start(config: Config) -> None:
    """Raise `ConfigError`, `SecretsError` or OSError with the cause; warn of what is only nearly one."""
    state = config.state_path
    state.mkdir(parents=True, exist_ok=True)
    if not os.access(state, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(state))
    MasterKey.load(config.master_key_path)
    warn_of_certificate(config)


def warn_of_certificate(config: Config) -> None:
    """Log a certificate no terminal can trust. Raises `ConfigError` if it cannot be used at all."""
    certificate = read_certificate(config)
    if certificate is not None and (problem := certificate.problem(clock_ms())):
        log.warning("certificate_invalid", problem=problem)
    if problem := revocations_problem(config, clock_ms()):
        log.warning("certificate_invalid", problem=problem)
