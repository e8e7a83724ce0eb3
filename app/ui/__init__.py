"""The browser application. `serving` runs it, `main` is the script that Streamlit runs for every view."""
