"""Problems, suites, readers and verifiers. Floor 0: imports nothing of ours, no torch."""
