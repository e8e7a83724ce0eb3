#!/bin/sh
# The main job on the sample documents: ingest, then three questions, the last of which they do not answer.
set -eu
bin=.venv/bin
library=.demo

run() {
    printf '\n\033[1m$ %s\033[0m\n' "$*"
    command=$1
    shift
    "$bin/$command" "$@"
}

for model in all-minilm-l6-v2 qwen2.5-coder-1.5b; do
    "$bin/ragstone" models path "$model" >/dev/null 2>&1 || run ragstone models pull "$model"
done
run ingest app/samples --library $library
run ragstone ask "What is the greatest depth of water along the cable route?" --library $library
run ragstone ask "What was the state of health of the battery in the capacity test of January 2022?" --library $library
run ragstone ask "Which company manufactured the subsea cable?" --library $library

cat <<END

Chat with the sample documents:   $bin/ragstone chat --library $library
Ingest your own folder:           $bin/ingest ~/Documents/my-folder
... and ask:                      $bin/ragstone ask "your question"
What is installed, and how well:  $bin/ragstone doctor
END
