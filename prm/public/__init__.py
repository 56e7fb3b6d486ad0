"""Public process reward models behind one face: ``prm.judging.scored.Prm``. One file each."""
