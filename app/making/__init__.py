"""Questions about a library, made by the chat model and checked."""
