/* words.c - a WordPiece vocabulary, and from text to ids.
 *
 * In: a vocabulary file (one entry a line, its number is its id) and UTF-8
 * text.  Out: ids as SOHO's copy of BERT's uncased tokenizer gives them:
 * control characters stay in their word, and [CLS] [SEP] [MASK] [PAD] [UNK]
 * typed in the text count as themselves. */
#include "runtime/data/data.h"
#include "runtime/data/words_own.h"

#include <stdlib.h>
#include <string.h>

enum { VOCABULARY_MAX = 1 << 28 }; /* bytes of a vocabulary file */

enum Special { PAD, UNK, CLS, SEP, MASK, NSPECIAL };

static const char *const special_name[NSPECIAL] = {"[PAD]", "[UNK]", "[CLS]",
                                                   "[SEP]", "[MASK]"};

typedef struct Entry {
    u32 start, bytes; /* in text; a 0 byte follows */
    u32 hash;
} Entry;

struct Words {
    char *text; /* the file, line ends overwritten by 0 */
    Entry *entry;
    u32 n;
    u32 *slot; /* open addressing: id + 1, 0 is free */
    u32 mask;  /* slots - 1 */
    u32 longest;
    u32 special[NSPECIAL];
};

/* ------------------------------------------------------------- hash table */

/* FNV-1a, so that the hash of a prefix grows byte by byte. */
static const u32 hash_start = 0x811c9dc5;

static u32
hash_more(u32 hash, const char *s, u64 n)
{
    for (u64 i = 0; i < n; i++)
        hash = (hash ^ (u8)s[i]) * 0x01000193u;
    return hash;
}

/* Id of the entry that is `a` followed by `b`, or n when there is none. */
static u32
find(const Words *w, u32 hash, const char *a, u32 na, const char *b, u32 nb)
{
    for (u32 i = hash & w->mask; w->slot[i]; i = (i + 1) & w->mask) {
        const Entry *e = &w->entry[w->slot[i] - 1];
        const char *text = w->text + e->start;

        if (e->hash == hash && e->bytes == na + nb &&
            memcmp(text, a, na) == 0 && memcmp(text + na, b, nb) == 0)
            return w->slot[i] - 1;
    }
    return w->n;
}

static u32
find_text(const Words *w, const char *s, u32 n)
{
    return find(w, hash_more(hash_start, s, n), "", 0, s, n);
}

static void
insert(Words *w, u32 id)
{
    u32 i = w->entry[id].hash & w->mask;

    while (w->slot[i])
        i = (i + 1) & w->mask;
    w->slot[i] = id + 1;
}

/* ------------------------------------------------------------- vocabulary */

static u32
count_lines(const u8 *text, u64 bytes)
{
    u64 n = 0;

    for (u64 i = 0; i < bytes; i++)
        n += text[i] == '\n';
    n += bytes && text[bytes - 1] != '\n';
    return n > WORDS_MAX ? WORDS_MAX + 1 : (u32)n;
}

static int
allocate(Err *e, const char *name, u64 bytes, u32 lines, Words *w)
{
    u32 slots = 16;

    while (slots < 2 * lines)
        slots *= 2;
    w->mask = slots - 1;
    w->text = malloc(bytes + 1);
    w->entry = malloc((u64)lines * sizeof *w->entry);
    w->slot = calloc(slots, sizeof *w->slot);
    if (!w->text || !w->entry || !w->slot)
        return err_set(e, SOHO_MEMORY, "%s: no memory for %u words", name,
                       lines);
    return 0;
}

/* Adds the line text[start..end). */
static int
add_entry(Err *e, const char *name, Words *w, u32 start, u32 end)
{
    u32 line = w->n + 1, bytes = end - start, twin;
    const char *text = w->text + start;
    u64 good = words_check((const u8 *)text, bytes);
    Entry *entry = &w->entry[w->n];

    FAIL_IF(good < bytes, e, SOHO_BAD,
            "%s:%u: expected UTF-8, got byte 0x%02x at byte %llu", name, line,
            (u8)text[good], (unsigned long long)(start + good));
    FAIL_IF(!bytes, e, SOHO_BAD, "%s:%u: expected a word, got an empty line",
            name, line);
    FAIL_IF(memchr(text, 0, bytes), e, SOHO_BAD,
            "%s:%u: expected text, got a byte 0", name, line);
    twin = find_text(w, text, bytes);
    FAIL_IF(twin < w->n, e, SOHO_BAD, "%s:%u: the same word as in line %u",
            name, line, twin + 1);
    *entry = (Entry){start, bytes, hash_more(hash_start, text, bytes)};
    w->text[end] = 0;
    insert(w, w->n++);
    if (bytes > w->longest)
        w->longest = bytes;
    return 0;
}

static int
add_lines(Err *e, const char *name, Words *w, u32 bytes)
{
    u32 at = 0;

    while (at < bytes) {
        char *stop = memchr(w->text + at, '\n', bytes - at);
        u32 end = stop ? (u32)(stop - w->text) : bytes, next = end + 1;

        if (end > at && w->text[end - 1] == '\r')
            end--;
        TRY(add_entry(e, name, w, at, end));
        at = next;
    }
    return 0;
}

static int
read_vocabulary(Err *e, const char *name, const u8 *text, u64 bytes, Words *w)
{
    u32 lines;

    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3; /* a byte order mark is no part of the first word */
        bytes -= 3;
    }
    while (bytes && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
        bytes--; /* blank lines at the end are no words */
    FAIL_IF(!bytes, e, SOHO_BAD, "%s: the vocabulary is empty", name);
    lines = count_lines(text, bytes);
    FAIL_IF(lines > WORDS_MAX || bytes > VOCABULARY_MAX, e, SOHO_BAD,
            "%s: too large for a vocabulary: at most %d words and %d bytes",
            name, WORDS_MAX, VOCABULARY_MAX);
    TRY(allocate(e, name, bytes, lines, w));
    memcpy(w->text, text, bytes);
    w->text[bytes] = 0;
    TRY(add_lines(e, name, w, (u32)bytes));
    for (u32 i = 0; i < NSPECIAL; i++) {
        const char *s = special_name[i];

        w->special[i] = find_text(w, s, (u32)strlen(s));
        FAIL_IF(w->special[i] == w->n, e, SOHO_BAD,
                "%s: no line %s among the %u of this vocabulary", name, s,
                w->n);
    }
    return 0;
}

int
words_open(Err *e, const char *name, const u8 *text, u64 bytes, Words **words)
{
    Words *w = calloc(1, sizeof *w);
    int code;

    *words = NULL;
    FAIL_IF(!w, e, SOHO_MEMORY, "%s: no memory for a vocabulary", name);
    code = read_vocabulary(e, name, text, bytes, w);
    if (code)
        words_close(w);
    else
        *words = w;
    return code;
}

void
words_close(Words *w)
{
    if (!w)
        return;
    free(w->text);
    free(w->entry);
    free(w->slot);
    free(w);
}

u32
words_count(const Words *w)
{
    return w->n;
}

const char *
words_text(const Words *w, u32 id)
{
    return id < w->n ? w->text + w->entry[id].start : NULL;
}

u32
words_pad(const Words *w)
{
    return w->special[PAD];
}

u32
words_mask(const Words *w)
{
    return w->special[MASK];
}

int
words_special(const Words *w, i32 id)
{
    for (int i = 0; i < NSPECIAL; i++)
        if (w->special[i] == (u32)id)
            return 1;
    return 0;
}

/* ---------------------------------------------------------- text to ids */

typedef struct Ids {
    const Words *words;
    i32 *to;
    u32 cap, n; /* n may pass cap; nothing is written there */
} Ids;

static void
add_id(Ids *ids, u32 id)
{
    if (ids->n < ids->cap)
        ids->to[ids->n] = (i32)id;
    ids->n++;
}

/* The longest entry that s[0..n) begins with, *used its bytes; in the middle of
 * a word entries carry "##" in front.  words->n when there is none. */
static u32
longest_piece(const Words *w, const char *s, u32 n, int inside, u32 *used)
{
    const char *front = inside ? "##" : "";
    u32 nfront = inside ? 2 : 0, best = w->n;
    u32 hash = hash_more(hash_start, front, nfront);

    for (u32 i = 0; i < n && nfront + i < w->longest; i++) {
        u32 id;

        hash = hash_more(hash, s + i, 1);
        id = find(w, hash, front, nfront, s, i + 1);
        if (id < w->n) {
            best = id;
            *used = i + 1;
        }
    }
    return best;
}

/* WordPiece: greedy from the left; a word with a part that is in no entry is
 * unknown as a whole. */
static int
add_word(void *context, const char *word, i32 n)
{
    Ids *ids = context;
    const Words *w = ids->words;
    u32 before = ids->n, id = n == WORD_LONG ? w->n : 0;
    i32 at = 0;

    while (id < w->n && at < n) {
        u32 used = 0;

        id = longest_piece(w, word + at, (u32)(n - at), at > 0, &used);
        add_id(ids, id);
        at += (i32)used;
    }
    if (id == w->n) {
        ids->n = before;
        add_id(ids, w->special[UNK]);
    }
    return ids->n >= ids->cap;
}

/* The special token that stands at s, or NSPECIAL. */
static int
special_at(const char *s, u64 n)
{
    for (int i = 0; i < NSPECIAL; i++) {
        u64 length = strlen(special_name[i]);

        if (length <= n && memcmp(s, special_name[i], length) == 0)
            return i;
    }
    return NSPECIAL;
}

/* Words up to the next special token and that token; returns the bytes. */
static u64
add_stretch(Ids *ids, const char *s, u64 n)
{
    u64 at = 0;
    int special = NSPECIAL;

    while (at < n && (special = special_at(s + at, n - at)) == NSPECIAL) {
        const char *next = memchr(s + at + 1, '[', n - at - 1);

        at = next ? (u64)(next - s) : n;
    }
    words_split((const u8 *)s, at, add_word, ids);
    if (special == NSPECIAL)
        return n;
    add_id(ids, ids->words->special[special]);
    return at + strlen(special_name[special]);
}

int
words_ids(Err *e, const Words *w, const char *text, u64 bytes, i32 *to, u32 cap,
          u32 *n)
{
    u64 good = words_check((const u8 *)text, bytes), at = 0;
    Ids ids = {w, to, cap - 1, 0};

    FAIL_IF(cap < 2, e, SOHO_BUG, "words_ids: room for %u ids, need 2", cap);
    FAIL_IF(good < bytes, e, SOHO_BAD,
            "expected UTF-8, got byte 0x%02x at byte %llu of the text",
            (u8)text[good], (unsigned long long)good);
    add_id(&ids, w->special[CLS]);
    while (at < bytes && ids.n < ids.cap)
        at += add_stretch(&ids, text + at, bytes - at);
    *n = ids.n < ids.cap ? ids.n : ids.cap;
    to[(*n)++] = (i32)w->special[SEP];
    return 0;
}
