"""The process preference model: pairs from trees, loss, training, scoring. Floor 4."""
