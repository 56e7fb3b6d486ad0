"""The arms: what may be done with a budget after the cold start. One file per recipe."""
