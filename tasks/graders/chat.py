"""Asking a chat endpoint that speaks OpenAI's protocol. Retries, deadlines, and no secret in an error."""

from __future__ import annotations

import importlib
import os
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from tasks.loopback import is_loopback

_TRY_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
_MAX_ANSWER = 1_000_000


class ChatFailed(Exception):
    """Why there is no answer; holds neither the key nor what was asked."""


class ChatEndpoint:
    """One endpoint and model. Threads may share it. The key goes into a header of the requests and nowhere else."""

    def __init__(self, url: str, key_variable: str | None, timeout_s: float, retries: int) -> None:
        self._url = url.rstrip("/") + "/chat/completions"
        self._key_variable = key_variable
        self._timeout_s = timeout_s
        self._retries = retries
        self._is_near = is_loopback(urlsplit(url).hostname or "")
        self._lock = threading.Lock()
        self._opened: tuple[int, Any] | None = None  # the process that opened the client, and it

    def ask(self, body: dict[str, Any]) -> str:
        """The text of the first choice. Raises ChatFailed."""
        why = ""
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1)))
            try:
                return self._post(body)
            except _Passing as error:
                why = str(error)
        raise ChatFailed(f"the judge gave no answer in {self._retries + 1} tries ({why})")

    def _post(self, body: dict[str, Any]) -> str:
        httpx: Any = importlib.import_module("httpx")
        try:
            response = self._client(httpx).post(self._url, json=body)
        except httpx.TransportError as error:
            raise _Passing(type(error).__name__) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ChatFailed(f"the judge cannot be asked ({type(error).__name__})") from None
        if response.status_code in _TRY_AGAIN:
            raise _Passing(f"status {response.status_code}")
        if response.status_code in (401, 403):
            raise ChatFailed(
                f"the judge refuses the key (status {response.status_code}); put the right one into the environment "
                f"variable {self._key_variable or 'that key_env names'}"
            )
        if response.status_code != 200 or len(response.content) > _MAX_ANSWER:
            raise ChatFailed(f"the judge answers with status {response.status_code}")  # its text may repeat the key
        try:
            content = response.json()["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise ChatFailed("the judge answers with something that is no chat completion") from None
        if not isinstance(content, str):
            raise ChatFailed("the judge answers without a text")
        return content

    def _client(self, httpx: Any) -> Any:
        """A client of this process: connections must not be shared over a fork."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                key = os.environ.get(self._key_variable, "") if self._key_variable else ""
                client = httpx.Client(
                    headers={"Authorization": f"Bearer {key}"} if key else {},
                    timeout=httpx.Timeout(self._timeout_s, connect=min(5.0, self._timeout_s)),
                    trust_env=not self._is_near,  # proxies are for what lies outside
                )
                self._opened = (os.getpid(), client)
            return self._opened[1]


class _Passing(Exception):
    """Worth another try."""


def url_fault(url: str, key_variable: str | None) -> str | None:
    """What a base URL must be if this one will not do: http(s), no password in it, no key over an open line."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "an http(s) URL such as http://127.0.0.1:8000/v1"
    if parts.username or parts.password or parts.query:
        return "a URL without a password or a query; name the environment variable of the key in key_env"
    if parts.scheme == "http" and key_variable and os.environ.get(key_variable) and not is_loopback(parts.hostname):
        return "https: the key would go over the line unencrypted"
    return None
