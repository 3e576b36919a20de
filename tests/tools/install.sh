# What cmake --install puts where, and programs built against it.
. "${0%/*}/lib.sh"

[ -n "${PARE_BUILD:-}" ] || skip "PARE_BUILD is not set"
root=$SCRATCH/work/root
run "$PARE_CMAKE" --install "$PARE_BUILD" --prefix "$root"
status_is 0 "it can be installed"
ok "the programs are there" test -x "$root/bin/pare"
ok "the manual is there" test -f "$root/share/man/man1/pare.1"
ok "the completion is there" \
    test -f "$root/share/bash-completion/completions/pare"
ok "headers are there" test -f "$root/include/pare/model_file.h"

run "$root/bin/pare" -V
status_is 0 "an installed program runs"

cat >user.c <<'END'
#include <pare/arch.h>
#include <pare/versions.h>
#include <stdio.h>

int main(void)
{
    struct pare_arch arch = {0};
    char text[160];

    if (pare_arch_parse(&arch, "3-2"))
        return 1;
    puts(arch.text);
    pare_arch_release(&arch);
    return pare_versions(text, sizeof text) != text;
}
END
lib=$(dirname "$(find "$root" -name libpare.so)")
if have pkg-config && have cc; then
    PKG_CONFIG_PATH=$lib/pkgconfig
    export PKG_CONFIG_PATH
    run_sh "cc -o user user.c \$(pkg-config --define-variable=prefix=$root \
        --cflags --libs pare) -Wl,-rpath,$lib"
    status_is 0 "a program builds with pkg-config"
    run ./user
    out_is 'in(3) fc1=linear(2)' "and runs"
fi

# The one file of the plug-in, built with nothing of pare at hand.
if have pkg-config && have cc && pkg-config --exists hdf5-serial; then
    mkdir plugin
    cp "$root/share/pare/pare_rans.c" plugin
    run_sh "cd plugin && cc -Wall -Werror -shared -fPIC \
        \$(pkg-config --cflags hdf5-serial) pare_rans.c -o librans.so"
    status_is 0 "the plug-in builds from one file"
    if have h5dump; then
        pare init -a 'in(400) linear(300,bias=no)' | pare prune -s .9 |
            pare pack --tier F -o filtered.h5
        h5dump -p -H filtered.h5 >header
        ok "the weights have the filter" grep -q 33891 header
        HDF5_PLUGIN_PATH=$PWD/plugin \
            h5dump -d /layers/fc1/weight filtered.h5 >dumped 2>&1
        ok "which it undoes" test "$(grep -c '\.[0-9]' dumped)" -gt 1000
    fi
fi
# Nothing in it takes a size_t of 64 bits for granted; the C library of a
# machine that has fewer need not be there, nor libhdf5.
mkdir words
cat >words/string.h <<'END'
#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
END
cat >words/stdlib.h <<'END'
#include <stddef.h>
void *malloc(size_t);
void *calloc(size_t, size_t);
void *realloc(void *, size_t);
void free(void *);
void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
END
printf '#include <stdint.h>\n' >words/any.c
if cc -m32 -ffreestanding -fsyntax-only words/any.c 2>"$ERR"; then
    sed '/^.* rans_plugin[.]c /,$d' "$root/share/pare/pare_rans.c" >words/rans.c
    run cc -m32 -ffreestanding -fsyntax-only -Wall -Wextra -Werror -Iwords \
        words/rans.c
    status_is 0 "it builds for 32 bits"
fi
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(user C)
find_package(pare REQUIRED)
add_executable(user2 user.c)
target_link_libraries(user2 PRIVATE pare::pare)
END
run_sh "'$PARE_CMAKE' -S . -B b -DCMAKE_PREFIX_PATH='$root' &&
    '$PARE_CMAKE' --build b"
status_is 0 "a program builds with the CMake package"
run b/user2
out_is 'in(3) fc1=linear(2)' "and runs"

finish
