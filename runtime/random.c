/* random.c - Philox4x32-10 (Salmon et al., 2011) and the site rule.
 *
 * In: seed, site, step, index.  Out: 32-bit words; no state anywhere. */
#include "runtime/random.h"

#include <string.h>

/* t[k][b]: what byte b does to the CRC when k bytes follow it. */
static void
crc_tables(u32 t[8][256])
{
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;

        for (u32 bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xEDB88320 : 0);
        t[0][i] = c;
    }
    for (u32 k = 1; k < 8; k++)
        for (u32 i = 0; i < 256; i++)
            t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 255];
}

/* Eight bytes at once, where tables pay; begins and ends inverted. */
static u32
crc_long(u32 crc, const u8 *p, u64 eights)
{
    u32 t[8][256];

    crc_tables(t);
    for (; eights-- > 0; p += 8) {
        u64 x;

        memcpy(&x, p, sizeof x); /* little-endian, as all of the project */
        x ^= crc;
        crc = 0;
        for (u32 k = 0; k < 8; k++)
            crc ^= t[7 - k][x >> 8 * k & 255];
    }
    return crc;
}

u32
random_crc32(u32 crc, const void *data, u64 bytes)
{
    enum { LONG = 1 << 14 };
    static const u32 nibble[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    const u8 *p = data;

    crc = ~crc;
    if (bytes >= LONG) {
        crc = crc_long(crc, p, bytes / 8);
        p += bytes / 8 * 8;
        bytes %= 8;
    }
    for (u64 i = 0; i < bytes; i++) {
        crc ^= p[i];
        crc = (crc >> 4) ^ nibble[crc & 15];
        crc = (crc >> 4) ^ nibble[crc & 15];
    }
    return ~crc;
}

u32
random_site(const char *name)
{
    return random_crc32(0, name, strlen(name));
}

void
random_philox(u64 seed, const u32 counter[4], u32 out[4])
{
    u32 c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    u32 k0 = (u32)seed, k1 = (u32)(seed >> 32);

    for (int round = 0; round < 10; round++) {
        u64 a = (u64)0xD2511F53 * c0, b = (u64)0xCD9E8D57 * c2;

        c0 = (u32)(b >> 32) ^ c1 ^ k0;
        c1 = (u32)b;
        c2 = (u32)(a >> 32) ^ c3 ^ k1;
        c3 = (u32)a;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

u32
random_word(u64 seed, u32 site, u32 t, u32 i)
{
    u32 counter[4] = {i / 4, 0, site, t}, out[4];

    random_philox(seed, counter, out);
    return out[i % 4];
}

f32
random_uniform(u64 seed, u32 site, u32 t, u32 i)
{
    return (f32)(random_word(seed, site, t, i) >> 8) * 0x1p-24f;
}

u32
random_below(u64 seed, u32 site, u32 t, u32 i, u32 n)
{
    return (u32)((u64)random_word(seed, site, t, i) * n >> 32);
}

void
random_shuffle(u64 seed, u32 site, u32 t, u32 first, u32 *at, u32 n)
{
    for (u32 i = n; i > 1; i--) {
        u32 k = random_below(seed, site, t, first + i - 1, i);
        u32 other = at[k];

        at[k] = at[i - 1];
        at[i - 1] = other;
    }
}
