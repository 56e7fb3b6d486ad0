"""A search tree as text and as a networkx graph. Floor 2."""
