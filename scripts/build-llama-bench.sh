#!/bin/sh
# Build llama.cpp's own llama-bench from the very source of the installed llama-cpp-python, for `ragstone models bench`.
#   scripts/build-llama-bench.sh PYTHON NAME==VERSION
# LLAMA_BENCH_WORK=DIR keeps source and build there, and goes on from what an earlier run left.
# Only the tool is kept, in the cache: what computes is Ragstone's own llama.cpp, which it is run with. So the library that
# is built here only for linking is the plain one, for any processor and without a GPU.
set -eu
python=$1 requirement=$2
version=${requirement#*==}
target=$("$python" -c 'import platformdirs; print(platformdirs.user_cache_path("ragstone") / "llama-bench")')/$version
if [ -x "$target/llama-bench" ]; then
    echo "llama-bench: $target/llama-bench is there already" >&2
    exit 0
fi

if [ -n "${LLAMA_BENCH_WORK:-}" ]; then
    work=$LLAMA_BENCH_WORK
    mkdir -p "$work"
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
source=$work/llama_cpp_python-$version
if [ ! -d "$source" ]; then
    "$python" -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest "$work" "$requirement"
    tar -xzf "$source.tar.gz" -C "$work"
fi
if ! command -v cmake >/dev/null || ! command -v ninja >/dev/null; then
    [ -d "$work/tools" ] || "$python" -m venv "$work/tools"
    "$work/tools/bin/pip" install --quiet cmake ninja
    PATH=$work/tools/bin:$PATH
fi
if [ ! -f "$work/build/CMakeCache.txt" ]; then
    echo "llama-bench: building; this takes 5 to 15 minutes, once" >&2
    cmake -S "$source/vendor/llama.cpp" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
        -DGGML_NATIVE=OFF -DGGML_METAL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_COMMON=ON -DLLAMA_BUILD_TOOLS=ON \
        -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
        -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF >/dev/null
fi
cmake --build "$work/build" --target llama-bench >/dev/null

rm -rf "$target.new" && mkdir -p "$target.new"
for part in llama-bench libllama-bench-impl libllama-common; do
    cp -P "$work/build/bin/$part"* "$target.new/"
done
# It has to start with the installed library: a symbol that this lacks shows now.
library=$("$python" -c 'import llama_cpp, pathlib; print(pathlib.Path(llama_cpp.__file__).parent / "lib")')
LD_LIBRARY_PATH=$library:$target.new DYLD_LIBRARY_PATH=$library:$target.new "$target.new/llama-bench" --list-devices >/dev/null
rm -rf "$target" && mv "$target.new" "$target"
echo "llama-bench: built, $target/llama-bench" >&2
