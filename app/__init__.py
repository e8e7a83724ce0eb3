"""What people touch: the engine, the settings and the command line."""
