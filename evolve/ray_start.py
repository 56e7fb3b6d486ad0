"""Finding ray: is it installed, is it a version that this project was written for, does the cluster answer.

Nothing is reported to anyone. A ray of the run's own listens on the loopback interface only, asks for a token that
nobody else has, shows no dashboard and keeps its files in a temporary folder that is removed with it.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import secrets
import shutil
import socket
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import UserError

if TYPE_CHECKING:
    from evolve.executor import RayConfig

OLDEST, TOO_NEW = (2, 50), (3, 0)  # the same range as the extra in pyproject.toml; a test compares them
RANGE = f">={OLDEST[0]}.{OLDEST[1]},<{TOO_NEW[0]}"
_REACH_SECONDS = 5.0
# Small values only travel through ray's store of objects; without a limit it takes a third of the memory.
_STORE_BYTES = 100 * 2**20


def installed_ray() -> str | None:
    """The version of the installed ray; None without one."""
    try:
        return metadata.version("ray")
    except metadata.PackageNotFoundError:
        return None


def refuse_ray(version: str | None) -> None:
    """UserError unless ``version`` lies in the supported range; None means that ray is not installed."""
    mend = "pip install 'treeward[ray]', or use executor=processes"
    if version is None:
        raise UserError(f"executor=ray needs ray, which is not installed here; {mend}")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None or not OLDEST <= (int(numbers[1]), int(numbers[2])) < TOO_NEW:
        raise UserError(f"executor=ray works with ray {RANGE}, found {version}; {mend}")


class Connection:
    """This process's connection to ray; ``module`` is ray itself. A process has at most one."""

    def __init__(self, config: RayConfig, actors: int) -> None:
        """Connect; UserError if there is nothing to connect to. ``actors``: processors of a ray of the run's own."""
        refuse_ray(installed_ray())
        # Nothing reported; an actor without a GPU of its own sees those of its machine, whatever the version of ray.
        os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
        self._folder: Path | None = None
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if config.address == "local":
            # Without the first ray answers on every network interface, whatever address it is given; without a token
            # of the run's own it writes one into the home folder, for everyone to read.
            os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            # Paths of sockets may have a hundred letters, and some systems' own temporary folders use most of them up.
            self._folder = Path(tempfile.mkdtemp(prefix="treeward-ray-", dir="/tmp"))
            options |= {"num_cpus": actors, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
            options |= {"_node_ip_address": "127.0.0.1", "_temp_dir": str(self._folder)}
        elif config.address != "auto":
            _reach(config.address)
        self.module: Any = importlib.import_module("ray")
        if self.module.is_initialized():
            raise ValueError("this process is connected to ray already")
        try:
            self.module.init(address=config.address, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            self.close()
            raise UserError(f"ray at ray.address={config.address} cannot be used: {_cause(error)}") from error

    def close(self) -> None:
        """Leave the cluster; a ray of the run's own ends, with all that it kept."""
        self.module.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _reach(address: str) -> None:
    # Ray itself tries for minutes.
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), _REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"no ray answers at ray.address={address} ({error}); start one with ray start --head, or use "
            "ray.address=local"
        ) from error


def _cause(error: BaseException) -> str:
    """The first sentence of what ray says."""
    text = " ".join(str(error).split()) or type(error).__name__
    return re.split(r"(?<=[a-z])[.;:] ", text, maxsplit=1)[0].rstrip(".")[:200]
