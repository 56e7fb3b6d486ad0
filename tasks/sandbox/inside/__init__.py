"""What runs on the far side: the warm server and the programs forked from it. Standard library only, imported alone."""
