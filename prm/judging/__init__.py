"""Judging a process reward model: scores of steps in, figures out. Nothing here loads a model or draws."""
