"""Model-written code runs here and nowhere else."""
