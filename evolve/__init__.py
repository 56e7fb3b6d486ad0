"""Self-evolution rounds: schedule, stages, resume and reports. Floor 5."""
