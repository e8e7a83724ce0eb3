"""Reports of runs: what is all right, what changed, and whether that is more than noise."""
