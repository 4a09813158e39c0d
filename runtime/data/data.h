/* data.h - from files to tensors: images, zips, JSON, words, data sets and
 * the loader.  Every reader treats its input as hostile: a clear error or the
 * right value, never a crash, memory bounded by the limits named here. */
#ifndef SOHO_DATA_H
#define SOHO_DATA_H

#include "runtime/buffer.h"

/* ---------------------------------------------------------------- image.c */

enum { IMAGE_MAX_SIDE = 65500, IMAGE_MAX_PIXELS = 300 * 1000 * 1000 };

/* 8-bit RGB, rows top to bottom without gaps: at[(y*w + x)*3 + c]. */
typedef struct Image {
    i32 w, h;
    u8 *rgb;
} Image;

/* Decodes PNG or JPEG (told by the first bytes).  16 bit -> high byte, alpha
 * dropped without blending, grey -> 3 equal channels, CMYK/YCCK as OpenCV
 * does (C' = K - ((255-C)*K>>8) on libjpeg's output), EXIF orientation applied
 * for JPEG.  `name` is for messages only.  SOHO_BAD, SOHO_MEMORY. */
int image_decode(Err *e, const char *name, const u8 *data, u64 bytes,
                 Image *image);
void image_free(Image *image);
/* The same into memory that the caller keeps; image->rgb lies in `pixels`, and
 * nobody frees it. */
int image_decode_into(Err *e, const char *name, const u8 *data, u64 bytes,
                      Buffer *pixels, Image *image);

/* image_measure.c: the size that image_decode would find, from the head of the
 * file alone; whether the rest is sound is not seen.  SOHO_BAD. */
int image_measure(Err *e, const char *name, const u8 *data, u64 bytes, i32 *w,
               i32 *h);

/* Size that keeps the aspect ratio: scale = min(long/max(h,w), short/min(h,w)),
 * new = (int)(side*scale + 0.5), at least 1.  MODEL: section 1 of the notes
 * on preprocessing (Python's float64 arithmetic). */
void image_target(i32 h, i32 w, i32 longest, i32 shortest, i32 *nh, i32 *nw);

/* resize.c: OpenCV's INTER_LINEAR on uint8 in 11-bit fixed point, bit for
 * bit.  `row_bytes` is the distance of two rows of `to`, so a picture can be
 * put into the corner of a padded one.  `scratch` holds resize_scratch()
 * bytes. */
u64 resize_scratch(i32 h, i32 w, i32 nh, i32 nw);
void resize_u8(const u8 *rgb, i32 h, i32 w, u8 *to, i32 nh, i32 nw,
               u64 row_bytes, void *scratch);

/* ------------------------------------------------------------------ zip.c */

typedef struct Zip Zip; /* archive, folder or index; thread safe to read */

enum { ZIP_MAX_MEMBER = 1 << 28, ZIP_PREFIX = 256 };

/* Opens a zip archive, a folder or an index file (zip_index.h) as a set of
 * named members.  SOHO_IO, SOHO_BAD. */
int zip_open_at(Err *e, const char *path, Zip **zip);
void zip_close_at(Zip *zip);
u64 zip_count(const Zip *zip);
/* UTF-8, or from code page 437 where the archive does not say UTF-8; NULL past
 * the end and for a folder, whose files are not listed (count 0). */
const char *zip_name(const Zip *zip, u64 i);

/* The folder inside an archive in which the pictures lie, which is named as the
 * archive is; "" where that name has "images" in it, and without an archive. */
void zip_prefix(const char *path, char prefix[ZIP_PREFIX]);
/* Is a name relative, without "..", in the one spelling that all systems
 * share? */
int zip_name_is_plain(const char *name);

/* Reads the i-th member; names are not judged, so all that an archive holds
 * can be listed.  SOHO_BAD as zip_read. */
int zip_read_index(Err *e, Zip *zip, u64 i, u8 **data, u64 *bytes);

/* Reads one member whole into malloc'ed memory; of several with one name the
 * first.  Names with "..", a leading "/" or a backslash are refused, and so are
 * links that lead out of a folder; encrypted, truncated, wrong CRC, packed
 * in another way than by deflate or LZMA, larger than ZIP_MAX_MEMBER: SOHO_BAD
 * with the member's name.  Not there: SOHO_IO. */
int zip_read(Err *e, Zip *zip, const char *member, u8 **data, u64 *bytes);
/* The same into memory that the caller keeps. */
int zip_read_into(Err *e, Zip *zip, const char *member, Buffer *to, u64 *bytes);

/* For readers that are not to allocate later: the bytes of the largest member,
 * 0 for a folder. */
u64 zip_largest(const Zip *zip);

/* ----------------------------------------------------------------- json.c */

/* A pull reader of RFC 8259 over text in memory or a file: the caller walks, no
 * tree is built, nothing is allocated.  A UTF-8 byte order mark at the start is
 * passed over; the escape of a lone surrogate becomes U+FFFD.  Every error of
 * the text is SOHO_BAD and reads "path:line: byte N: expected X, got Y". */
enum JsonKind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY,
                JSON_OBJECT };
enum { JSON_MAX_DEPTH = 512 };

typedef struct Json {
    const char *path; /* for messages */
    const u8 *text;
    u64 bytes, at; /* at: byte offset of what comes next */
    u64 ready;     /* text[0..ready) has been read */
    u64 gone;      /* text[0..gone) has been given back */
    int open, fd;  /* of json_open */
    Err *err;
    u32 depth, deepest; /* open containers: now, and at most so far */
    u64 nvalue;         /* values taken so far, containers included */
    u32 place;          /* bytes of the error's text that say the place */
    int fresh;          /* the innermost container was opened just now */
    u64 object[JSON_MAX_DEPTH / 64]; /* bit d: level d is an object */
} Json;

void json_start(Json *j, Err *e, const char *path, const u8 *text, u64 bytes);
/* The text of a regular file of at most 16 GiB, of which about 1 MiB is in
 * memory at a time: `text` holds only what lies near `at`.  json_close in any
 * case.  SOHO_IO (while reading, too), SOHO_BAD, SOHO_MEMORY. */
int json_open(Json *j, Err *e, const char *path);
void json_close(Json *j);
/* Kind of the next value, without taking it; <0 is an error that is set. */
int json_peek(Json *j);
/* Each takes one value of that kind or fails with SOHO_BAD and its place. */
int json_null(Json *j);
int json_bool(Json *j, int *value);
int json_number(Json *j, f64 *value); /* finite */
int json_integer(Json *j, i64 low, i64 high, i64 *value);
int json_u64(Json *j, u64 *value);
/* The decoded string goes to a buffer of `size` bytes that the caller owns and
 * is ended by a 0 byte; *n is its length without that (NUL may occur inside).
 * More than size-1 bytes: SOHO_BAD. */
int json_string(Json *j, char *to, u64 size, u64 *n);
/* Walking: `while (json_next(j, &more) == 0 && more)` after json_array or
 * json_object; for objects json_key comes before each value. */
int json_array(Json *j);
int json_object(Json *j);
int json_next(Json *j, int *more);
int json_key(Json *j, char *to, u64 size); /* a key with NUL: SOHO_BAD */
int json_key_text(Json *j, char *to, u64 size, u64 *n); /* as json_string */
int json_is(const char *key, u64 n, const char *word); /* key[0..n) = word? */
int json_skip(Json *j);  /* any value, checked in full */
int json_end(Json *j);   /* nothing but white space may follow */
int json_more(Json *j);  /* 1: something follows (a file of many values) */
u64 json_at(Json *j);    /* byte offset of what comes next, past white space */
/* An error of the caller's own about the value at byte `at`. */
int json_bad(Json *j, u64 at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---------------------------------------------------------------- words.c */

typedef struct Words Words; /* WordPiece vocabulary */

enum { WORDS_MAX = 1 << 20 };

/* Vocabulary: one entry a line, LF or CRLF, UTF-8; [PAD] [UNK] [CLS] [SEP]
 * [MASK] must occur (their ids come from the file).  SOHO_BAD with the
 * line. */
int words_open(Err *e, const char *name, const u8 *text, u64 bytes,
               Words **words);
void words_close(Words *words);
u32 words_count(const Words *words);
const char *words_text(const Words *words, u32 id);
u32 words_pad(const Words *words);
u32 words_mask(const Words *words);
/* Is it one of the five? */
int words_special(const Words *words, i32 id);

/* BERT uncased as the official SOHO code does it: [CLS] pieces [SEP], cut to
 * at most `cap` ids (the last one stays [SEP]); *n is the count, no padding.
 * The text is UTF-8; invalid bytes are SOHO_BAD. */
int words_ids(Err *e, const Words *words, const char *text, u64 bytes, i32 *ids,
              u32 cap, u32 *n);

/* ------------------------------------------------------------------ vqa.c */

/* One question of a data set; strings live in the set. */
typedef struct Question {
    u64 id;              /* question_id, up to 2^64-1 kept exactly */
    u32 image;           /* index into pictures */
    u32 token, ntoken;   /* into tokens: ids without padding */
    u32 label, nlabel;   /* into labels/scores */
} Question;

typedef struct Picture {
    const char *file;    /* file_name */
    i32 w, h;            /* as the annotation file says; 0 = unknown */
    u32 first, count;    /* its questions */
} Picture;

typedef struct Vqa {
    Picture *picture;
    u32 npicture;
    Question *question; /* grouped by picture, in file order */
    u32 nquestion;
    i32 *token;
    i32 *label;
    f32 *score;
    u32 dropped;        /* pictures whose shorter side is below 32 */
    struct Vqa_own *own;
} Vqa;

/* Reads SOHO's grouped training form {data:[{file_name,...,vqa:[...]}]} or the
 * flat test form, with questions turned into ids (at most `tokens`).  Labels
 * must lie below `answers`; `names` (may be NULL) are the plan's answers: the
 * file's label2ans must agree with them.  `train` drops pictures whose shorter
 * side is below 32.  SOHO_BAD names file, line and question id. */
int vqa_open(Err *e, const char *path, const Words *words, u32 tokens,
             u32 answers, const char *const *names, int train, Vqa *set);

/* Only the answer list of such a file: *names[0..n) by label, in one block that
 * free() releases.  SOHO_BAD when the file has none. */
int vqa_answers(Err *e, const char *path, char ***names, u32 *n);

/* ----------------------------------------------------------------- caps.c */

/* What is a sentence about a picture besides its captions. */
typedef enum CapsExtra {
    CAPS_ALONE,     /* nothing */
    CAPS_QUESTIONS, /* use_qa: the texts of `question` */
    CAPS_ANSWERS    /* use_qa and use_answer: those of `questionAns` */
} CapsExtra;

/* Reads SOHO's pre-training form [{file_name,...,captions:[...]}]: captions
 * take the place of questions, without ids and labels.  `train` drops small
 * pictures.  SOHO_BAD names file, line and item. */
int caps_open(Err *e, const char *path, const Words *words, u32 tokens,
              CapsExtra extra, int train, Vqa *set);

/* ------------------------------------------------------------------ set.c */

void vqa_close(Vqa *set);
/* Bytes that the set holds in memory. */
u64 vqa_bytes(const Vqa *set);
/* Puts the pictures of `from` behind those of `to`; `from` is empty then.
 * SOHO_MEMORY, SOHO_BAD (more than 2^32-1 of something): both stay. */
int vqa_join(Err *e, Vqa *to, Vqa *from);

#endif
