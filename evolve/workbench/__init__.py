"""The bench of process models: every way to label by every loss, judged alike (docs/prm.md, "The bench")."""
