"""Losses of process and outcome reward models on labelled solutions, one file each."""
