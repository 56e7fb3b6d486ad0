"""Search trees over reasoning steps. Floor 1: imports only ``tasks``, no torch."""
