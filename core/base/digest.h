/* SPDX-License-Identifier: MIT */
/*
 * digest.h — fingerprints of bytes: SHA-256 to identify (libsodium), CRC-32C to notice damage.
 * Knows nothing of files or formats.
 */
#ifndef ANOMALYD_BASE_DIGEST_H
#define ANOMALYD_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_TEXT = 65 /* 64 hexadecimal digits and a NUL */ };

/* SHA-256 of bytes that arrive in pieces. A plain value: copying it copies the state. */
typedef struct digest {
    uint64_t state[16];
} digest;

/* Starts a digest. */
void digest_begin(digest *d);
/* Adds n bytes to it. */
void digest_update(digest *d, const void *bytes, size_t n);
/* Each completes the digest and writes it as bytes or as lower-case text. Before another update call digest_begin. */
void digest_end(digest *d, uint8_t out[DIGEST_BYTES]);
void digest_end_hex(digest *d, char out[DIGEST_TEXT]);

/* Writes the SHA-256 of n bytes as lower-case text. */
void digest_sha256_hex(const void *bytes, size_t n, char out[DIGEST_TEXT]);
/* Writes a digest as lower-case hexadecimal text. */
void digest_hex(const uint8_t bytes[DIGEST_BYTES], char out[DIGEST_TEXT]);

/* Returns the CRC-32C (Castagnoli, as in RFC 3720 B.4) of n bytes. `seed` is 0 for the first piece, and the result of
 * the piece before for each further one. It uses the CPU's instruction where there is one. Any thread. */
uint32_t digest_crc32c(uint32_t seed, const void *bytes, size_t n);
/* Returns the same value without that instruction, for tests. */
uint32_t digest_crc32c_portable(uint32_t seed, const void *bytes, size_t n);

#endif
