"""The library's schema, as the list of steps that lead to it. A step that has landed is never edited: add one."""

MIGRATIONS: list[str] = [
    """
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO settings VALUES ('revision', '0');

    CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,   -- AUTOINCREMENT: an id is never used again
        path TEXT NOT NULL,                     -- as it was given at ingest
        absolute_path TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        media_type TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        recipe TEXT NOT NULL,                   -- parser and chunker that made it; another recipe means ingesting again
        added_at TEXT NOT NULL,
        text TEXT NOT NULL
    );

    CREATE TABLE pages (
        document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        number INTEGER NOT NULL,
        char_start INTEGER NOT NULL,
        char_end INTEGER NOT NULL,
        lines TEXT NOT NULL,                    -- JSON: [[char_start, char_end, x0, y0, x1, y1], ...]
        PRIMARY KEY (document_id, number)
    ) WITHOUT ROWID;

    CREATE TABLE chunks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        ordinal INTEGER NOT NULL,
        page INTEGER,
        char_start INTEGER NOT NULL,
        char_end INTEGER NOT NULL,
        heading TEXT NOT NULL,
        text TEXT NOT NULL,
        tokens INTEGER NOT NULL,
        vector BLOB NOT NULL                    -- float32, little-endian, length 1
    );
    CREATE INDEX chunks_by_document ON chunks (document_id, ordinal);

    CREATE VIEW searchable AS
        SELECT chunks.id AS id, documents.title AS title, chunks.heading AS heading, chunks.text AS text,
               chunks.document_id AS document_id
        FROM chunks JOIN documents ON documents.id = chunks.document_id;
    CREATE VIRTUAL TABLE lexicon USING fts5 (
        title, heading, text, content='searchable', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
    );
    """,
    # A file can hold several documents: an archive's members, a letter and its attachments.
    """
    CREATE TABLE files (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL,                     -- as it was given at ingest
        absolute_path TEXT NOT NULL UNIQUE,
        collection TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        recipe TEXT NOT NULL,                   -- parser and chunker that read it; another recipe means reading again
        read_at TEXT NOT NULL,
        failed TEXT NOT NULL                    -- JSON: [[part, reason], ...] what in it gave no document
    );
    INSERT INTO files SELECT id, path, absolute_path, '', sha256, size, mtime_ns, recipe, added_at, '[]' FROM documents;

    DROP VIEW searchable;
    CREATE TABLE new_documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        file_id INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
        part TEXT NOT NULL,                     -- path inside the file; empty for the file itself
        title TEXT NOT NULL,
        media_type TEXT NOT NULL,
        metadata TEXT NOT NULL,                 -- JSON object of strings
        signature BLOB NOT NULL,                -- MinHash of the text; empty for short texts
        text TEXT NOT NULL,
        UNIQUE (file_id, part)
    );
    INSERT INTO new_documents SELECT id, id, '', title, media_type, '{}', x'', text FROM documents;
    DELETE FROM sqlite_sequence WHERE name = 'new_documents';
    INSERT INTO sqlite_sequence SELECT 'new_documents', seq FROM sqlite_sequence WHERE name = 'documents';
    DROP TABLE documents;
    ALTER TABLE new_documents RENAME TO documents;

    ALTER TABLE pages ADD COLUMN label TEXT NOT NULL DEFAULT '';
    ALTER TABLE pages ADD COLUMN links TEXT NOT NULL DEFAULT '[]';  -- JSON: [[x0, y0, x1, y1, uri], ...]
    ALTER TABLE pages ADD COLUMN ocr INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE chunks ADD COLUMN table_header TEXT NOT NULL DEFAULT '';

    CREATE VIEW searchable AS
        SELECT chunks.id AS id, documents.title AS title, chunks.heading AS heading,
               trim(chunks.table_header || char(10) || chunks.text, char(10)) AS text, chunks.document_id AS document_id
        FROM chunks JOIN documents ON documents.id = chunks.document_id;
    """,
    # Terms and vectors in tables of their own, from which an index that searches by both is made (see `index`). The
    # terms themselves are made when the library is opened, as after every change of `analysis.VERSION`.
    """
    CREATE TABLE terms (id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);
    CREATE TABLE vectors (
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
        vector BLOB NOT NULL                    -- float32, little-endian, length 1
    );
    CREATE TABLE postings (
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
        terms BLOB NOT NULL                     -- n ids, uint32, little-endian, ascending; n frequencies, uint8
    );
    CREATE TABLE tombstones (chunk_id INTEGER PRIMARY KEY);  -- of chunks gone since the stored index was made
    CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN
        INSERT OR IGNORE INTO tombstones VALUES (old.id);
    END;

    INSERT INTO vectors SELECT id, vector FROM chunks;
    DROP TABLE lexicon;
    DROP VIEW searchable;
    ALTER TABLE chunks DROP COLUMN vector;
    DELETE FROM settings WHERE name = 'published';
    """,
    # What filters ask for, without the texts that lie between.
    """
    CREATE INDEX documents_described ON documents (file_id, part, title, media_type, metadata);
    """,
    # What speaks to the assistant in a text (see `ingest.instructions`). The next ingest checks files of before.
    """
    CREATE TABLE instructions (
        document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        char_start INTEGER NOT NULL,
        char_end INTEGER NOT NULL,
        score REAL NOT NULL,
        PRIMARY KEY (document_id, char_start)
    ) WITHOUT ROWID;
    ALTER TABLE files ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;  -- version of the detector; 0: none has read it
    """,
    # What people asked, what they were told and what they said of it. None of it belongs to a document.
    """
    CREATE TABLE chats (
        id TEXT PRIMARY KEY,                    -- random: it stands in addresses
        owner TEXT NOT NULL,
        title TEXT NOT NULL,
        shared INTEGER NOT NULL DEFAULT 0,      -- whether others may read it
        settings TEXT NOT NULL DEFAULT '{}',    -- JSON object: those that differ from the library's
        created_at TEXT NOT NULL,
        changed_at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX chats_by_owner ON chats (owner, changed_at);
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        chat_id TEXT NOT NULL REFERENCES chats ON DELETE CASCADE,
        question TEXT NOT NULL,
        answer TEXT NOT NULL DEFAULT '{}',      -- JSON as `ragstone ask --json` writes it; while running, what there is
        state TEXT NOT NULL,                    -- running, done, stopped, failed
        error TEXT NOT NULL DEFAULT '',         -- why it failed, with the remedy
        replaced INTEGER NOT NULL DEFAULT 0,    -- the question was asked again, or one before it
        asked_at TEXT NOT NULL
    );
    CREATE INDEX messages_by_chat ON messages (chat_id, id);
    CREATE TABLE feedback (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
        owner TEXT NOT NULL,
        kind TEXT NOT NULL,                     -- good, bad, correction, wrong source
        citation INTEGER,                       -- the number of the wrong source
        text TEXT NOT NULL DEFAULT '',
        given_at TEXT NOT NULL
    );
    CREATE INDEX feedback_by_message ON feedback (message_id);
    """,
    # What the monitor keeps of real use, where it was turned on (see `docs/monitoring.md`). Hits are named by ids.
    """
    CREATE TABLE uses (
        id INTEGER PRIMARY KEY,
        asked_at TEXT NOT NULL,                 -- UTC, ISO 8601
        question TEXT NOT NULL,                 -- as it was searched for; empty unless text was asked for
        embedder TEXT NOT NULL,                 -- sha256 of the weights that made the vector; empty without one
        vector BLOB NOT NULL,                   -- float16, little-endian; empty unless embeddings were asked for
        hits TEXT NOT NULL,                     -- JSON: [[chunk, document, score, probability], ...], best first
        model TEXT NOT NULL,
        abstained INTEGER NOT NULL,
        confidence REAL NOT NULL,
        support REAL,                           -- NULL where nothing was scored
        timings_ms TEXT NOT NULL,               -- JSON object: retrieve, first_token, total
        tokens TEXT NOT NULL                    -- JSON object: prompt, completion
    );
    CREATE INDEX uses_by_time ON uses (asked_at);
    """,
    # What people call their documents. By file and part: a file that is read again gives new documents.
    """
    CREATE TABLE tags (
        file_id INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
        part TEXT NOT NULL,                     -- path inside the file; empty for the file itself
        tag TEXT NOT NULL,
        PRIMARY KEY (file_id, part, tag)
    ) WITHOUT ROWID;
    """,
    # Texts that are no files stand under their names as they were given; before, some shared one, such as a/b and a//b.
    """
    UPDATE files SET absolute_path = 'text:' || path WHERE absolute_path LIKE 'text:%';
    """,
]
