// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
// Counts what a program allocates and copies; loaded in front of the C library by LD_PRELOAD (glibc only).
//
// The counts stand in the file COST_COUNTS names, mapped into memory, so that they can be read while the program runs.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Smaller ones belong to the words around a picture, not to the picture.
enum { LARGE_BLOCK = 64 << 10, LARGE_COPY = 1 << 10 };

struct counts {
    _Atomic uint64_t allocations, large_bytes, copied_bytes;
};

static struct counts unmapped;
static struct counts *counts = &unmapped;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

__attribute__((constructor)) static void map_counts(void) {
    const char *path = getenv("COST_COUNTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *place = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (place != MAP_FAILED) counts = place;
}

static inline void count_block(size_t size) {
    atomic_fetch_add_explicit(&counts->allocations, 1, memory_order_relaxed);
    if (size >= LARGE_BLOCK) atomic_fetch_add_explicit(&counts->large_bytes, size, memory_order_relaxed);
}

static inline void count_copy(size_t size) {
    if (size >= LARGE_COPY) atomic_fetch_add_explicit(&counts->copied_bytes, size, memory_order_relaxed);
}

void *malloc(size_t size) {
    count_block(size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    count_block(count * size);
    return __libc_calloc(count, size);
}

// Counted whole: a block that grows is copied, or moved by the kernel, which is no cheaper to rely on.
void *realloc(void *block, size_t size) {
    count_block(size);
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count_block(size);
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *made = aligned_alloc(alignment, size);
    if (!made) return ENOMEM;
    *block = made;
    return 0;
}

typedef void *(*copier)(void *, const void *, size_t);
static _Atomic(copier) real_move;

// While the linker still works, and while it is asked for the real function, a loop does it.
static void *move_slowly(void *to, const void *from, size_t size) {
    volatile unsigned char *target = to;
    const volatile unsigned char *source = from;
    if (target <= source) {
        for (size_t place = 0; place < size; place++) target[place] = source[place];
    } else {
        while (size-- > 0) target[size] = source[size];
    }
    return to;
}

static void *move(void *to, const void *from, size_t size) {
    copier known = atomic_load_explicit(&real_move, memory_order_relaxed);
    if (!known) {
        atomic_store(&real_move, move_slowly);
        known = (copier)dlsym(RTLD_NEXT, "memmove");
        atomic_store(&real_move, known ? known : move_slowly);
        if (!known) known = move_slowly;
    }
    return known(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) {
    count_copy(size);
    return move(to, from, size);
}

void *memcpy(void *to, const void *from, size_t size) {
    count_copy(size);
    return move(to, from, size);
}

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room) {
    if (size > room) abort();
    return memcpy(to, from, size);
}

void *__memmove_chk(void *to, const void *from, size_t size, size_t room) {
    if (size > room) abort();
    return memmove(to, from, size);
}
