"""Labels of steps: one file a method, all on the contract of ``prm.labels.base``."""
