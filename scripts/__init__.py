"""Programs: compose the config, build the parts, run, print."""
