"""Procedural tasks: drawn by seed, exactly verifiable, each with a step oracle."""
