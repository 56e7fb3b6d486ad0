"""Files of public data sets, read strictly: every complaint names the file and the line."""
