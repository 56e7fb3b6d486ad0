"""Credit: which tokens of a group's trajectories are to be made likelier, and how much. One file per method."""
