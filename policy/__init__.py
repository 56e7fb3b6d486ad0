"""The policy: engines that sample it, step formats, the proposer, and its training. Floor 4."""
