"""The way of a file into the library: sources, parsers, chunking, pipeline. Imports retrieval/ only."""
