"""Graders as config: what a solution is worth, put together from a JSON or YAML file. docs/graders.md tells how."""
