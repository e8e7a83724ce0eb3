"""The page of the library: adding documents, and what there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ...errors import RagstoneError
from ...eval.report.wording import counted
from ...ingest.parsers import SUFFIXES
from ...retrieval import tags
from ...retrieval.records import Document
from ..given import require_name
from .duplicates_view import show_duplicates
from .folders import forget_folder, known_folders, note_folder
from .ingest_view import show_ingest, show_outcome
from .state import serves_folders, shared
from .tagging import show_tagging
from .uploads import remove_upload, store_uploads
from .words import plain, short


def show() -> None:
    """Show the page."""
    both = shared()
    st.header("Library", anchor=False)
    documents, chunks = both.engines.library.counts()
    folder = plain(str(both.engines.library.folder.absolute()))
    st.caption(f"{counted(documents, 'document')}, {counted(chunks, 'chunk')}, in {folder}")
    last = both.ingests.last
    # The browser knows an element by its place: in places of their own, these shift nothing below, which keeps its
    # state (an open expander, a button that is being clicked) when an ingest begins or ends.
    of_ingest, of_adding = st.container(), st.container()
    if last is not None and not last.ended:
        with of_ingest:
            show_ingest()
    else:
        if last is not None:
            with of_ingest:
                show_outcome(last)
        with of_adding:
            _show_adding()
    if documents:
        _show_documents()


def _show_adding() -> None:
    with st.expander("Add documents", expanded=True, icon=":material/library_add:"):
        collections = [name for name in shared().engines.library.collections() if name]
        collection = st.selectbox(
            "Collection",
            collections,
            index=None,
            placeholder="None",
            accept_new_options=True,
            help="A name under which a chat or a search can find these documents alone.",
        )
        names = ["Files", "Folder"] + (["Folder on this machine"] if serves_folders() else [])
        for name, tab in zip(names, st.tabs(names), strict=True):
            with tab:
                if name == "Folder on this machine":
                    _show_folders(collection)
                else:
                    _show_uploader(name, collection)


def _show_uploader(name: str, collection: str | None) -> None:
    # A number in the key makes a new, empty uploader once the files are taken.
    key = f"{name}-{st.session_state.setdefault('uploads', 0)}"
    if name == "Files":
        files = st.file_uploader("Drop files here", sorted(SUFFIXES), accept_multiple_files=True, key=key)
    else:
        files = st.file_uploader("Drop a folder here", sorted(SUFFIXES), accept_multiple_files="directory", key=key)
    if files and st.button(
        f"Add {counted(len(files), 'file')}", key=f"{key}-add", type="primary", icon=":material/upload:"
    ):
        stored, refused = store_uploads(shared().engines.library, [(file.name, file) for file in files])
        st.session_state["uploads"] += 1
        if refused:
            st.toast(f"Not read: {', '.join(plain(name) for name in refused)}")
        _start(stored, collection)


def _show_folders(collection: str | None) -> None:
    library = shared().engines.library
    folder = st.text_input("Its path", placeholder="/home/me/Documents", key="server-folder")
    if st.button("Add the folder", type="primary", icon=":material/folder_open:") and folder.strip():
        place = Path(folder.strip()).expanduser().absolute()
        if _start([place], collection, rerun=False):
            note_folder(library, place)
            st.rerun()
    for number, known in enumerate(known_folders(library)):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(str(known))
            if st.button("Bring up to date", key=f"sync-{number}", icon=":material/sync:"):
                _start([known], None)
            if st.button("Forget", key=f"forget-{number}", type="tertiary", help="Its documents stay."):
                forget_folder(library, known)
                st.rerun()


def _start(paths: list[Path], collection: str | None, *, rerun: bool = True) -> bool:
    """Begin an ingest; whether it began."""
    if not paths:
        return False
    try:
        shared().ingests.start(paths, collection)
    except RagstoneError as error:
        st.error(str(error))
        return False
    if rerun:
        st.rerun()
    return True


def _show_documents() -> None:
    library = shared().engines.library
    documents = library.documents()
    show_duplicates(documents, _remove)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input("Find", placeholder="Letters of a path, title or tag", key="document-words")
        suspicious = st.toggle(
            "Only suspicious ones", key="suspicious", help="What speaks to the assistant, or has no text"
        )
    letters = words.casefold()
    found = [
        document
        for document in documents
        if letters in f"{document.path} {document.title} {document.collection} {' '.join(document.tags)}".casefold()
        and (_problem(document) or not suspicious)
    ]
    if not found:
        st.caption("No document fits.")
        return
    chosen = st.dataframe(
        [
            {
                "document": short(document.path),
                "collection": document.collection,
                "tags": ", ".join(document.tags),
                "pages": str(document.pages or ""),
                "chunks": document.chunks,
                "kB": document.size // 1000,
                "added": document.added_at[:10],
                "note": _problem(document),
            }
            for document in found
        ],
        hide_index=True,
        key=f"documents-{_removals()}",
        on_select="rerun",
        selection_mode="multi-row",
    )
    rows = chosen["selection"]["rows"]
    selected = [found[row] for row in rows if row < len(found)]
    if selected:
        _show_selected(selected)
    else:
        st.caption("Choose rows to remove documents, tag them or move them to another collection.")


def _show_selected(documents: list[Document]) -> None:
    if len(documents) == 1:
        _show_details(documents[0])
    with st.container(horizontal=True):
        with st.popover(f"Remove {len(documents)}", icon=":material/delete:"):
            st.markdown("They leave the library. Your files stay where they are; what was uploaded is deleted.")
            if st.button("Remove them", type="primary", key="remove"):
                _remove(documents)
        show_tagging(documents)
        with st.popover("Move to a collection", icon=":material/drive_file_move:"):
            name = st.text_input("Collection", key="move-to", help="Empty: into none.")
            if st.button("Move", type="primary", key="move"):
                _move(documents, name.strip())


def _show_details(document: Document) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(document.title)}**")
        st.caption(plain(document.path))
        for name, value in document.metadata.items():
            st.caption(f"{plain(name)}: {plain(value)}")
        if document.empty_pages:
            st.warning(f"No text on pages {', '.join(map(str, document.empty_pages[:30]))}. OCR may read them.")
        if document.instructions:
            text = shared().engines.library.text(document.id)
            st.warning("It speaks to the assistant. The model is not shown these words:")
            for place in document.instructions[:20]:
                st.text(text[place.char_start : place.char_end])


def _move(documents: Sequence[Document], collection: str) -> None:
    try:
        require_name(collection)
        with shared().ingests.held_off(), shared().engines.lease() as rag, rag.library.locked():
            tags.file_under(rag.library, [document.id for document in documents], collection)
    except RagstoneError as error:
        st.error(str(error))
        return
    st.rerun()


def _remove(documents: Sequence[Document]) -> None:
    library = shared().engines.library
    files = {place[0] for document in documents if (place := library.source_of(document.id))}
    try:
        with shared().ingests.held_off(), shared().engines.lease() as rag:
            rag.remove(*(document.id for document in documents))
    except RagstoneError as error:
        st.error(str(error))
        return
    left = set(library.files())
    for file in files:
        if str(file) not in left:
            remove_upload(library, file)
    # A number in the key makes a new table, in which nothing is chosen.
    st.session_state["removals"] = _removals() + 1
    st.rerun()


def _removals() -> int:
    return int(st.session_state.get("removals", 0))


def _problem(document: Document) -> str:
    """What makes a document suspicious, in words; empty when nothing does."""
    problems = []
    if document.instructions:
        problems.append(f"speaks to the assistant ({len(document.instructions)})")
    if not document.chunks:
        problems.append("no text")
    elif document.empty_pages:
        problems.append(f"{len(document.empty_pages)} pages without text")
    return ", ".join(problems)
