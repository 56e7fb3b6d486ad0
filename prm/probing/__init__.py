"""What can a process reward model be fooled by? Solutions rewritten so that they stay as true as they were."""
