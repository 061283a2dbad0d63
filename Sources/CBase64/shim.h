// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
// Base64 by vectors, which Swift cannot write: it has no look-up in a table held in a register. Whole blocks of the
// standard alphabet only; where the processor lacks AVX2 nothing is taken, and the caller's plain way does it all.
// And the way through the JSON string that such a text stands in.
#ifndef GATEWAY_CBASE64_SHIM_H
#define GATEWAY_CBASE64_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// How many bytes of a JSON string stand in front of the first quote or escape; all of them if there is none.
//
// One look at each byte, where two searches of the C library take two; in the vectors that every processor has.
static inline size_t gateway_json_plain(const uint8_t *_Nonnull text, size_t count) {
    typedef uint8_t vector __attribute__((vector_size(16)));
    typedef uint64_t halves __attribute__((vector_size(16)));
    size_t place = 0;
    while (count - place >= 64) {
        vector part[4];
        memcpy(part, text + place, sizeof part);
        const halves found = (halves)(part[0] == '"') | (halves)(part[0] == '\\') | (halves)(part[1] == '"')
            | (halves)(part[1] == '\\') | (halves)(part[2] == '"') | (halves)(part[2] == '\\')
            | (halves)(part[3] == '"') | (halves)(part[3] == '\\');
        if (found[0] | found[1]) break;
        place += sizeof part;
    }
    while (count - place >= 16) {
        vector part;
        memcpy(&part, text + place, sizeof part);
        const halves found = (halves)(part == '"') | (halves)(part == '\\');
        if (found[0] | found[1]) break;
        place += sizeof part;
    }
    while (place < count && text[place] != '"' && text[place] != '\\') place++;
    return place;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define GATEWAY_AVX2 __attribute__((target("avx2"))) static inline
// One table for each half of a vector.
#define GATEWAY_TWICE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

// Gives the six bits of 32 characters, and whether all of them are of the standard alphabet.
//
// The alphabet is five runs of characters, each within rows of sixteen. Each row has a bit, and the table of columns has
// the bits of the rows in which that column is no character: a bit in both means a stranger.
GATEWAY_AVX2 int gateway_base64_values(__m256i text, __m256i *_Nonnull values) {
    const __m256i rows = GATEWAY_TWICE(16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16);
    const __m256i columns = GATEWAY_TWICE(21, 17, 17, 17, 17, 17, 17, 17, 17, 17, 19, 26, 27, 27, 27, 26);
    // From a character to its value, by row; for '/' by the row before its own, which has no other use.
    const __m256i distances = GATEWAY_TWICE(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i half = _mm256_set1_epi8(15);
    const __m256i row = _mm256_and_si256(_mm256_srli_epi16(text, 4), half);
    const __m256i column = _mm256_and_si256(text, half);
    const __m256i slash = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('/'));
    *values = _mm256_add_epi8(text, _mm256_shuffle_epi8(distances, _mm256_add_epi8(row, slash)));
    return _mm256_testz_si256(_mm256_shuffle_epi8(rows, row), _mm256_shuffle_epi8(columns, column));
}

GATEWAY_AVX2 size_t gateway_base64_decode_avx2(const uint8_t *_Nonnull text, size_t count, uint8_t *_Nonnull bytes) {
    const __m256i order = GATEWAY_TWICE(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    const __m256i together = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
    size_t place = 0;
    // Each step writes 32 bytes, of which 24 count: what is left of the text has room for the others.
    while (count - place >= 48) {
        __m256i values;
        if (!gateway_base64_values(_mm256_loadu_si256((const __m256i *)(text + place)), &values)) break;
        // Twice six bits into twelve, twice twelve into 24, the highest byte first, and the gap between the halves closed.
        const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0140));
        const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(fours, order), together);
        _mm256_storeu_si256((__m256i *)(bytes + place / 4 * 3), packed);
        place += 32;
    }
    return place;
}

GATEWAY_AVX2 size_t gateway_base64_check_avx2(const uint8_t *_Nonnull text, size_t count) {
    size_t place = 0;
    __m256i values;
    while (count - place >= 32
           && gateway_base64_values(_mm256_loadu_si256((const __m256i *)(text + place)), &values)) {
        place += 32;
    }
    return place;
}

#undef GATEWAY_TWICE
#undef GATEWAY_AVX2
#endif

// Decodes from the beginning as long as whole blocks are of the standard alphabet; gives how many characters it took, a
// multiple of 32. `bytes` has room for three quarters of `count`, and may be the memory of `text` itself.
static inline size_t gateway_base64_decode(const void *_Nonnull text, size_t count, void *_Nonnull bytes) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return gateway_base64_decode_avx2(text, count, bytes);
#endif
    return 0;
}

// How many characters from the beginning are of the standard alphabet, as far as whole blocks tell: a multiple of 32.
static inline size_t gateway_base64_check(const void *_Nonnull text, size_t count) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return gateway_base64_check_avx2(text, count);
#endif
    return 0;
}

#endif
