/* sohoc_kernels.c - the templates that are named after ops, against plain loops
 * written from their formulas, in double where rounding is theirs to choose.
 *
 * Sizes are odd, prime, 1. */
#include "tests/unit/kernels.h"

/* ----------------------------------------------------------------- image */

static void
normalise(void)
{
    enum { B = 3, H = 5, W = 37, N = B * H * W * 3 };
    static const f32 mean[3] = {123.675f, 116.28f, 103.53f};
    static const f32 std[3] = {58.395f, 57.12f, 57.375f};
    const i32 size[B][2] = {{5, 37}, {2, 17}, {0, 99}};
    u8 x[N];
    f32 y[N];
    bool good = true;

    for (i32 i = 0; i < N; i++)
        x[i] = (u8)draw();
    good &= CALL("normalise", sizeof y, NULL, P(y), P(x), P(size), I(B), I(H),
                 I(W), I(3), I(B), I(H), I(W), I(3), I(B), I(2));
    for (i32 i = 0; i < N; i++) {
        i32 c = i % 3, at_x = i / 3 % W, at_y = i / 3 / W % H,
            b = i / 3 / W / H;
        bool valid = at_y < size[b][0] && at_x < size[b][1];

        good &= y[i] == (valid ? ((f32)x[i] - mean[c]) / std[c] : 0);
    }
    check(good, "normalise", "a pixel differs");
}

/* The two counts of MODEL.md, and cells by the formula. */
static void
valid_mask(void)
{
    static const struct {
        const char *name;
        i32 h, w, image_h, image_w, high, wide, valid;
    } row[] = {
        {"valid_mask_square", 16, 9, 1024, 1024, 1000, 600, 96},
        {"valid_mask_small", 12, 9, 800, 800, 800, 600, 84},
        {"valid_mask_true", 9, 16, 608, 1024, 600, 700, -1},
    };

    for (u32 k = 0; k < countof(row); k++) {
        i32 size[2] = {row[k].high, row[k].wide}, h = row[k].h, w = row[k].w;
        i32 n = 0;
        f32 y[16 * 16];
        bool good = CALL(row[k].name, (u64)(h * w) * sizeof *y, NULL, P(y),
                         P(size), I(1), I(h), I(w), I(1), I(2));

        for (i32 i = 0; i < h; i++)
            for (i32 j = 0; j < w; j++) {
                i32 at_y = (i32)((f32)i * ((f32)row[k].image_h / (f32)h));
                i32 at_x = (i32)((f32)j * ((f32)row[k].image_w / (f32)w));

                good &= y[i * w + j] == (at_y < size[0] && at_x < size[1]);
                n += y[i * w + j] == 1;
            }
        check(good && (row[k].valid < 0 || n == row[k].valid), row[k].name,
              "a cell differs");
    }
}

/* 2 pi times the share of ones up to (y, x) along one axis. */
static f64
share(const f32 *mask, i32 n, i32 stride, i32 at)
{
    f64 sum = 0, all = 0;

    for (i32 i = 0; i < n; i++) {
        all += mask[i * stride];
        sum += i <= at ? mask[i * stride] : 0;
    }
    return sum / (all + 1e-6) * 2 * M_PI;
}

static void
sine_position(const char *name, i32 nc)
{
    enum { B = 2, H = 3, W = 5, CELLS = B * H * W };
    f32 mask[CELLS], *y = mem_alloc((u64)(CELLS * nc) * sizeof *y);
    f64 *truth = mem_alloc((u64)(CELLS * nc) * sizeof *truth);
    i32 half = nc / 2;
    bool same;

    for (i32 i = 0; i < CELLS; i++)
        mask[i] = i < H * W || (i / W % H < 2 && i % W < 3);
    same = CALL(name, (u64)(CELLS * nc) * sizeof *y, NULL, P(y), P(mask), I(B),
                I(H), I(W), I(nc), I(B), I(H), I(W));
    for (i32 i = 0; i < CELLS * nc; i++) {
        i32 c = i % half, x = i / nc % W, row = i / nc / W % H;
        const f32 *corner = mask + i / nc / (H * W) * (H * W);
        f64 v = i % nc < half ? share(corner + x, H, W, row)
                              : share(corner + row * W, W, 1, x);
        f64 a = v / pow(10000, 2 * floor(c / 2) / half);

        truth[i] = c % 2 ? cos(a) : sin(a);
    }
    check(same && close_to(y, truth, CELLS * nc, 1e-6), name,
          "a channel is off by more than 1e-6");
}

/* ------------------------------------------------------------------ pool */

typedef struct Pool {
    const char *name, *back;
    i32 kernel, stride, pad, b, height, width, nc, h, w;
} Pool;

/* Maximum and place of one window, PyTorch's rule for NaN. */
static f32
window(const Pool *p, const f32 *x, i32 top, i32 left, i32 *place)
{
    f32 best = -INFINITY;
    bool any = false;

    for (i32 i = 0; i < p->kernel; i++)
        for (i32 j = 0; j < p->kernel; j++) {
            f32 v;

            if (top + i < 0 || top + i >= p->height || left + j < 0 ||
                left + j >= p->width)
                continue;
            v = x[((top + i) * p->width + left + j) * p->nc];
            if (!any || v > best || isnan(v)) {
                best = v;
                *place = i * p->kernel + j;
            }
            any = true;
        }
    return best;
}

static void
max_pool(const Pool *p)
{
    i32 nx = p->b * p->height * p->width * p->nc,
        ny = p->b * p->h * p->w * p->nc;
    f32 *x = numbers(nx), *y = mem_alloc((u64)ny * sizeof *y);
    f32 *alone = mem_alloc((u64)ny * sizeof *alone);
    f32 *dy = numbers(ny), *dx = mem_alloc((u64)nx * sizeof *dx);
    f64 *truth = mem_alloc((u64)nx * sizeof *truth);
    u8 *place = mem_alloc((u64)ny);
    bool good, back;

    x[nx / 2] = NAN;
    x[nx / 3] = -INFINITY;
#define DIMS_X I(p->b), I(p->height), I(p->width), I(p->nc)
#define DIMS_Y I(p->b), I(p->h), I(p->w), I(p->nc)
    good = CALL(p->name, (u64)ny * sizeof *y, NULL, P(y), P(place), P(x),
                DIMS_Y, DIMS_Y, DIMS_X);
    good &= CALL(p->name, (u64)ny * sizeof *y, NULL, P(alone), P(NULL), P(x),
                 DIMS_Y, DIMS_Y, DIMS_X);
    good &= !memcmp(y, alone, (u64)ny * sizeof *y);
    for (i32 i = 0; i < ny; i++) {
        i32 c = i % p->nc, ox = i / p->nc % p->w, oy = i / p->nc / p->w % p->h;
        i32 image = i / p->nc / p->w / p->h * p->height * p->width * p->nc;
        i32 top = oy * p->stride - p->pad, left = ox * p->stride - p->pad,
            at = 0;
        f32 best = window(p, x + image + c, top, left, &at);

        good &= memcmp(&best, &y[i], sizeof best) == 0 && place[i] == at;
        truth[image +
              ((top + at / p->kernel) * p->width + left + at % p->kernel) *
                  p->nc +
              c] += dy[i];
    }
    check(good, p->name, "a maximum or its place differs");
    back = CALL(p->back, (u64)nx * sizeof *dx, NULL, P(dx), P(dy), P(place),
                DIMS_X, DIMS_Y, DIMS_Y);
    check(back && close_to(dx, truth, nx, 1e-7), p->back, "a gradient differs");
}

static void
max_pools(void)
{
    static const Pool row[] = {
        {"max_pool_stem", "max_pool_stem_dx", 3, 2, 1, 2, 13, 7, 67, 7, 4},
        {"max_pool_neck", "max_pool_neck_dx", 2, 2, 0, 1, 19, 5, 130, 9, 2},
        {"max_pool_wide", "max_pool_wide_dx", 5, 1, 2, 1, 6, 3, 1, 6, 3},
        {"max_pool_gaps", "max_pool_gaps_dx", 2, 3, 0, 3, 8, 11, 16, 3, 4},
    };

    for (u32 i = 0; i < countof(row); i++)
        max_pool(&row[i]);
}

/* --------------------------------------------------------------- embedding */

static i32 *
indices(i64 n, i32 below)
{
    i32 *x = mem_alloc((u64)n * sizeof *x);

    for (i64 i = 0; i < n; i++)
        x[i] = (i32)(draw() % (u32)below);
    return x;
}

/* Rows and columns; the index is 2-D in one kernel, 1-D in the other. */
static void
gather(i32 rows, i32 nc, i32 n)
{
    f32 *table = numbers(rows * nc), *y = mem_alloc((u64)(n * nc) * sizeof *y);
    i32 *index = indices(n, rows);
    bool good;

    index[n - 1] = -7;
    index[0] = rows + 3;
    good = CALL("gather", (u64)(n * nc) * sizeof *y, NULL, P(y), P(table),
                P(index), I(1), I(n), I(nc), I(rows), I(nc), I(1), I(n));
    for (i32 i = 0; i < n * nc; i++) {
        i32 row = index[i / nc];

        row = row < 0 ? 0 : row >= rows ? rows - 1 : row;
        good &= y[i] == table[row * nc + i % nc];
    }
    check(good, format("gather_%dx%d", rows, nc), "a row differs");
}

/* skip: no index of `skip` adds; accum: to what was there. */
static void
scatter_add(const char *name, i32 rows, i32 nc, i32 n, i32 skip, bool accum)
{
    f32 *table = mem_alloc((u64)(rows * nc) * sizeof *table);
    f32 *before = numbers(rows * nc), *dy = numbers(n * nc);
    f64 *truth = mem_alloc((u64)(rows * nc) * sizeof *truth);
    i32 *index = indices(n, rows);
    bool good = CALL(name, (u64)(rows * nc) * sizeof *table, before, P(table),
                     P(dy), P(index), I(rows), I(nc), I(n), I(nc), I(n));

    for (i32 i = 0; accum && i < rows * nc; i++)
        truth[i] = before[i];
    for (i32 i = 0; i < n * nc; i++)
        if (index[i / nc] != skip)
            truth[index[i / nc] * nc + i % nc] += dy[i];
    check(good && close_to(table, truth, rows * nc, 1e-6),
          format("%s_%dx%d", name, rows, nc), "a sum differs");
}

/* ----------------------------------------------------------------- maximum */

static void
maxima(i32 n, i32 width)
{
    f32 *z = numbers(n * width), *t = numbers(n * width), y[64];
    i32 at[64];
    bool good;

    z[(n - 1) * width + width / 2] = NAN;
    good = CALL("pick_max", (u64)n * sizeof *y, NULL, P(y), P(z), P(t), I(n),
                I(n), I(width), I(n), I(width));
    good &= CALL("arg_max", (u64)n * sizeof *at, NULL, P(at), P(z), I(1), I(n),
                 I(1), I(n), I(width));
    for (i32 i = 0; i < n; i++) {
        i32 best = 0;

        for (i32 j = 0; j < width; j++)
            if (z[i * width + j] > z[i * width + best])
                best = j;
        if (i == n - 1)
            best = width / 2;
        good &= at[i] == best && y[i] == t[i * width + best];
    }
    check(good, format("maxima_%dx%d", n, width), "a maximum differs");
}

/* ---------------------------------------------------------------- kernels */

static const char *const kernel[][3] = {
    /* name, template, defines */
    {"normalise", "normalise",
     "MEAN0=123.675 MEAN1=116.28 MEAN2=103.53 MEAN_N=3 STD0=58.395 STD1=57.12 "
     "STD2=57.375 STD_N=3 CELL=1 BEFORE=0 AFTER=0 CHANNELS=3"},
    {"valid_mask_square", "valid_mask", "IMAGE0=1024 IMAGE1=608 SQUARE=1"},
    {"valid_mask_small", "valid_mask", "IMAGE0=800 IMAGE1=608 SQUARE=1"},
    {"valid_mask_true", "valid_mask", "IMAGE0=608 IMAGE1=1024 SQUARE=0"},
    {"sine_position_c36", "sine_position", "CHANNELS=36"},
    {"sine_position_c768", "sine_position", "CHANNELS=768"},
    {"max_pool_stem", "max_pool", "KERNEL=3 STRIDE=2 PAD=1"},
    {"max_pool_neck", "max_pool", "KERNEL=2 STRIDE=2 PAD=0"},
    {"max_pool_wide", "max_pool", "KERNEL=5 STRIDE=1 PAD=2"},
    {"max_pool_gaps", "max_pool", "KERNEL=2 STRIDE=3 PAD=0"},
    {"max_pool_stem_dx", "max_pool_dx", "KERNEL=3 STRIDE=2 PAD=1"},
    {"max_pool_neck_dx", "max_pool_dx", "KERNEL=2 STRIDE=2 PAD=0"},
    {"max_pool_wide_dx", "max_pool_dx", "KERNEL=5 STRIDE=1 PAD=2"},
    {"max_pool_gaps_dx", "max_pool_dx", "KERNEL=2 STRIDE=3 PAD=0"},
    {"gather", "gather", "RANK0=3 RANK1=2 RANK2=2 SKIP=-1"},
    {"scatter_new", "scatter_add", "RANK1=2 RANK2=1 SKIP=-1 ACCUM=0"},
    {"scatter_more", "scatter_add", "RANK1=2 RANK2=1 SKIP=0 ACCUM=1"},
    {"pick_max", "pick_max", "RANK0=1"},
    {"arg_max", "arg_max", "RANK0=2"},
};

static void
run(u32 cpu)
{
    open_kernels(cpu, "kernels", kernel, countof(kernel));
    normalise();
    valid_mask();
    sine_position("sine_position_c36", 36);
    sine_position("sine_position_c768", 768);
    max_pools();
    gather(1, 1, 1);
    gather(7, 65, 11);
    gather(30, 768, 31);
    scatter_add("scatter_new", 1, 1, 1, -1, false);
    scatter_add("scatter_new", 13, 131, 29, -1, false);
    scatter_add("scatter_more", 5, 67, 23, 0, true);
    scatter_add("scatter_more", 3, 768, 2, 0, true);
    maxima(1, 1);
    maxima(5, 17);
    maxima(41, 409);
}

int
main(void)
{
    return run_sets(run);
}
