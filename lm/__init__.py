"""Language models: HF folders, batching, log-probs and the one optimiser loop. Floor 3."""
