"""The generative process model: it writes a verification of a step, then its verdict, and the verdict is the score."""
