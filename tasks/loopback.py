"""Is a server this machine itself?"""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Is this name or address the machine itself?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
