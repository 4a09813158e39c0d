/* same.c - are the tensors of one file in another, bit for bit?
 *
 *   same A.safetensors B.safetensors
 *
 * B may hold more.  Prints how many agree; exit 1 with the first that does
 * not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/run.h"

static void *
bytes_of(Err *e, Tensors *file, const TensorRow *row)
{
    void *data = malloc(row->bytes + 1);

    if (data && tensors_read(e, file, row, data)) {
        free(data);
        return NULL;
    }
    return data;
}

static int
is_same(Err *e, Tensors *a, const TensorRow *x, Tensors *b, const TensorRow *y)
{
    void *p, *q;
    int same;

    if (x->dtype != y->dtype || x->bytes != y->bytes)
        return 0;
    p = bytes_of(e, a, x);
    q = bytes_of(e, b, y);
    same = p && q && !memcmp(p, q, x->bytes);
    free(p);
    free(q);
    return same;
}

int
main(int argc, char **argv)
{
    Err e = {0};
    Tensors *a, *b;

    if (argc != 3 || tensors_open(&e, argv[1], &a) ||
        tensors_open(&e, argv[2], &b)) {
        fprintf(stderr, "same: %s\n", argc == 3 ? e.text : "usage: same A B");
        return 2;
    }
    for (u32 i = 0; i < tensors_count(a); i++) {
        const TensorRow *x = tensors_row(a, i), *y = tensors_find(b, x->name);

        if (!y || !is_same(&e, a, x, b, y)) {
            printf("%s %s\n", x->name, y ? "differs" : "is not there");
            return 1;
        }
    }
    printf("%u tensors\n", tensors_count(a));
    tensors_close(a);
    tensors_close(b);
    return 0;
}
