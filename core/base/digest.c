/* SPDX-License-Identifier: MIT */
/* digest.c — SHA-256 through libsodium, CRC-32C through SSE 4.2 where the CPU has it. */
#include "base/digest.h"

#include <sodium.h>

#include <assert.h>
#include <string.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(digest), "a digest holds libsodium's state");
_Static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(digest), "and is aligned for it");
_Static_assert(crypto_hash_sha256_BYTES == DIGEST_BYTES, "SHA-256 is 32 bytes");

static crypto_hash_sha256_state *state_of(digest *d)
{
    return (crypto_hash_sha256_state *)(void *)d->state;
}

void digest_begin(digest *d)
{
    /* libsodium's three calls always return 0. */
    int failed = crypto_hash_sha256_init(state_of(d));
    assert(!failed);
}

void digest_update(digest *d, const void *bytes, size_t n)
{
    if (!n)
        return;
    int failed = crypto_hash_sha256_update(state_of(d), bytes, n);
    assert(!failed);
}

void digest_end(digest *d, uint8_t out[DIGEST_BYTES])
{
    int failed = crypto_hash_sha256_final(state_of(d), out);
    assert(!failed);
}

void digest_end_hex(digest *d, char out[DIGEST_TEXT])
{
    uint8_t bytes[DIGEST_BYTES];
    digest_end(d, bytes);
    digest_hex(bytes, out);
}

void digest_sha256_hex(const void *bytes, size_t n, char out[DIGEST_TEXT])
{
    digest d;
    digest_begin(&d);
    digest_update(&d, bytes, n);
    digest_end_hex(&d, out);
}

void digest_hex(const uint8_t bytes[DIGEST_BYTES], char out[DIGEST_TEXT])
{
    sodium_bin2hex(out, DIGEST_TEXT, bytes, DIGEST_BYTES);
}

/* The remainder of each 4-bit value under the reflected polynomial 0x82f63b78. */
static const uint32_t crc_of_nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t digest_crc32c_portable(uint32_t seed, const void *bytes, size_t n)
{
    uint32_t crc = ~seed;
    const uint8_t *from = bytes;
    for (size_t i = 0; i < n; i++) {
        crc ^= from[i];
        crc = crc >> 4 ^ crc_of_nibble[crc & 15];
        crc = crc >> 4 ^ crc_of_nibble[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse(uint32_t seed, const uint8_t *from, size_t n)
{
    uint64_t crc = ~seed;
    for (; n >= 8; n -= 8, from += 8) {
        uint64_t word;
        memcpy(&word, from, sizeof word);
        crc = _mm_crc32_u64(crc, word);
    }
    uint32_t rest = (uint32_t)crc;
    for (; n; n--, from++)
        rest = _mm_crc32_u8(rest, *from);
    return ~rest;
}

uint32_t digest_crc32c(uint32_t seed, const void *bytes, size_t n)
{
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_sse(seed, bytes, n);
    return digest_crc32c_portable(seed, bytes, n);
}
#else
uint32_t digest_crc32c(uint32_t seed, const void *bytes, size_t n)
{
    return digest_crc32c_portable(seed, bytes, n);
}
#endif
