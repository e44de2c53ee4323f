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

void digest_begin(digest *d);
void digest_update(digest *d, const void *bytes, size_t n);
/* Either ends the digest; begin again before another update. */
void digest_end(digest *d, uint8_t out[DIGEST_BYTES]);
void digest_end_hex(digest *d, char out[DIGEST_TEXT]);

void digest_sha256_hex(const void *bytes, size_t n, char out[DIGEST_TEXT]);
/* Lower-case hexadecimal of a digest. */
void digest_hex(const uint8_t bytes[DIGEST_BYTES], char out[DIGEST_TEXT]);

/* CRC-32C (Castagnoli, as in RFC 3720 B.4) of `bytes` continuing from `seed`: 0 for the first piece, the result
 * of the last piece for the next. By the CPU's instruction where it has one. Any thread. */
uint32_t digest_crc32c(uint32_t seed, const void *bytes, size_t n);
/* The same values without that instruction. */
uint32_t digest_crc32c_portable(uint32_t seed, const void *bytes, size_t n);

#endif
