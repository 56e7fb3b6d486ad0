"""Outcome against process supervision at equal counted cost: arms, ledger, statistics, report. Floor 6."""
