#!/bin/sh
# Build llama-cpp-python for this machine and install it into an environment.
#   scripts/install-llama.sh PYTHON NAME==VERSION
# LLAMA_BACKEND = auto (default) | cpu | cuda | metal | vulkan. `auto` is CUDA where both a GPU and nvcc answer,
# Metal on an Apple Silicon Mac, else the CPU. The wheel is kept, one per backend and processor, because llama.cpp compiles
# for the very CPU it finds (a wheel made on an AVX-512 machine stops with "illegal instruction" on another).
set -eu
python=$1 requirement=$2
backend=${LLAMA_BACKEND:-auto}
why="LLAMA_BACKEND=$backend"

if [ "$backend" = auto ]; then
    if nvidia-smi -L >/dev/null 2>&1 && command -v nvcc >/dev/null 2>&1; then
        backend=cuda why="a GPU and nvcc are present"
    elif [ "$(uname -sm)" = "Darwin arm64" ]; then
        backend=metal why="an Apple GPU is present"
    elif nvidia-smi -L >/dev/null 2>&1; then
        backend=cpu why="a GPU is present but nvcc is not; install the CUDA toolkit and run make again to use it"
    else
        backend=cpu why="no GPU was found"
    fi
fi
case $backend in
    cpu) flag="-DGGML_METAL=OFF" ;;
    cuda) flag="-DGGML_CUDA=ON" ;;
    metal) flag="-DGGML_METAL=ON" ;;
    vulkan) flag="-DGGML_VULKAN=ON" ;;
    *) echo "LLAMA_BACKEND=$backend is not one of auto, cpu, cuda, metal, vulkan" >&2; exit 2 ;;
esac

# AMX, the matrix unit of some Intel processors, reads prompts several times as fast. GCC 12 tells its optimizer that loading
# the unit's configuration reads only 8 of its 64 bytes, which then drops the stores to the others, and the process ends with
# a protection fault: so no store may be dropped there.
keep_stores=""
if grep -qs amx_int8 /proc/cpuinfo; then keep_stores="-fno-tree-dse -fno-dse"; fi

processor=$( { uname -m; sed -n 's/^\(model name\|flags\|Features\)[^:]*: //p' /proc/cpuinfo 2>/dev/null | sort -u; } | cksum | cut -d' ' -f1)
version=$("$python" -c 'import sys; print("%d%d" % sys.version_info[:2])')
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/ragstone/wheels/$backend-2-$processor-py$version-$(echo "$requirement" | tr -d '=')

if ! ls "$wheels"/*.whl >/dev/null 2>&1; then
    echo "llama.cpp: building for $backend ($why); this takes 5 to 10 minutes, once" >&2
    # Neither the multimodal tools nor llama.cpp's command-line helpers are used.
    CMAKE_ARGS="$flag -DLLAVA_BUILD=OFF '-DCMAKE_C_FLAGS=$keep_stores' '-DCMAKE_CXX_FLAGS=$keep_stores' ${CMAKE_ARGS:-}" \
        "$python" -m pip wheel --quiet --no-deps --no-cache-dir --no-binary llama-cpp-python --wheel-dir "$wheels.new" "$requirement"
    rm -rf "$wheels" && mv "$wheels.new" "$wheels"
else
    echo "llama.cpp: the $backend build of an earlier run is used ($why)" >&2
fi
"$python" -m pip install --quiet --no-deps --force-reinstall "$wheels"/*.whl
