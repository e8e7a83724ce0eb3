"""The library of documents and the ways to search it. Imports no other wing."""
