/* made by sohoc from templates/cuda/gather.cu for language.bert.embeddings.word_embeddings
 * (lib/nn.lua:77 < lib/bert.lua:41 < lib/bert.lua:56 < lib/vqa.lua:14 < lib/vqa.lua:22) */
#define NAME gather
#define RANK0 3
#define RANK1 2
#define RANK2 2
#define SKIP 0
#define BLOCK 256
#define ARGS 10
#line 1 "templates/cuda/gather.cu"
/* gather - rows of a table by index.
 *
 * y [..,C] <- table [N,C], index [..] i32;  RANK0 of y, RANK2 of the index
 *
 * An index beyond the table is the loader's to refuse; here it is clamped, so
 * that nothing outside the table is ever read. */
#line 14 "templates/cuda/gather.cu"
#include "prelude.h"

ENTRY(NAME)
{
    float *y = a[0].p;
    const float *table = a[1].p;
    const int32_t *index = a[2].p;
    int64_t nrow = a[3 + RANK0].i, nc = a[4 + RANK0].i;
    int64_t n = count_of(a, 5 + RANK0, RANK2);

    FOR_EACH (i, n * nc)
        y[i] = table[clamp_i64(index[i / nc], 0, nrow - 1) * nc + i % nc];
}
#undef NAME
#undef RANK0
#undef RANK1
#undef RANK2
#undef SKIP
#undef BLOCK
#undef ARGS
