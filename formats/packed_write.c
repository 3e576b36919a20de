/* The packed layout: coded tensors behind each other. */
#include "packed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aside.h"
#include "codec.h"
#include "compact.h"
#include "digest.h"
#include "status.h"

#define PATH_BYTES  512
#define PART        ((size_t)1 << 20)   /* values of a tensor put aside */
#define LAYER_BYTES ((uint64_t)1 << 31) /* a dimension that readers take */

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

/* A dataset under way. */
struct bytes {
    uint8_t *byte;
    uint64_t *word; /* the directory */
    size_t n, n_words;
};

static void bytes_release(struct bytes *b)
{
    free(b->byte);
    free(b->word);
    memset(b, 0, sizeof *b);
}

/* Room for more bytes and words; 0 or PARE_ENOMEM. */
static int bytes_grow(struct bytes *b, uint64_t bytes, size_t words)
{
    uint8_t *byte;
    uint64_t *word;

    if (b->n + bytes > LAYER_BYTES)
        return pare_fail(PARE_ELIMIT, "more than 2^31 bytes");
    byte = realloc(b->byte, b->n + (size_t)bytes + 1);
    if (!byte)
        return no_memory();
    b->byte = byte;
    word = realloc(b->word, (b->n_words + words) * sizeof *word);
    if (!word)
        return no_memory();
    b->word = word;
    return 0;
}

/* Append a coded array; its pieces are freed one by one as they go. */
static int bytes_add(struct bytes *b, struct pare_coded *c)
{
    size_t words = pare_coded_words(c);
    int err = bytes_grow(b, pare_coded_bytes(c), words);

    if (err)
        return err;
    pare_coded_put(b->word + b->n_words, c);
    b->n_words += words;
    for (size_t i = 0; i < c->n_pieces; i++) {
        struct pare_coded_piece *p = &c->piece[i];

        memcpy(b->byte + b->n, p->data, p->stored);
        b->n += p->stored;
        free(p->own);
        p->own = NULL;
        p->data = NULL;
    }
    return 0;
}

/* "the same as tensor s" */
static int bytes_refer(struct bytes *b, size_t s)
{
    int err = bytes_grow(b, 0, 2);

    if (err)
        return err;
    b->word[b->n_words++] = PARE_PACKED_REFERENCE;
    b->word[b->n_words++] = s;
    return 0;
}

/* Into the file; what b owns is gone after it. Numbers of the directory take 4
 * bytes where that is enough. */
static int bytes_write(struct pare_build *to, const char *path, struct bytes *b)
{
    uint32_t *small = malloc((b->n_words + 1) * sizeof *small);
    uint8_t *byte = b->byte;
    uint64_t all = 0;
    int err;

    if (!small)
        return no_memory();
    for (size_t i = 0; i < b->n_words; i++) {
        small[i] = (uint32_t)b->word[i];
        all |= b->word[i];
    }
    if (all > UINT32_MAX)
        pare_h5w_next_ints(to->w, PARE_PACKED_DIRECTORY, PARE_H5_U64,
                           b->n_words, b->word);
    else
        pare_h5w_next_ints(to->w, PARE_PACKED_DIRECTORY, PARE_H5_U32,
                           b->n_words, small);
    b->byte = NULL;
    err = pare_h5w_give(to->w, path, PARE_H5_U8, b->n, byte);
    free(small);
    bytes_release(b);
    return err;
}

/* One coded array as a dataset. */
static int write_coded(struct pare_build *b, const char *path,
                       struct pare_coded *c)
{
    struct bytes bytes = {0};
    int err = bytes_add(&bytes, c);

    if (!err)
        err = bytes_write(b, path, &bytes);
    bytes_release(&bytes);
    return err ? pare_fail_prefix(err, "'%s'", path) : 0;
}

static struct pare_effort effort(const struct pare_build *b)
{
    return (struct pare_effort){.level = b->level, .threads = b->threads};
}

int pare_packed_write_kept(struct pare_build *b, const char *path,
                           const float *v, const struct pare_tensor *t)
{
    struct pare_coded c = {0};
    int err = pare_encode_under(&c, v, t, effort(b));

    if (!err)
        err = write_coded(b, path, &c);
    pare_coded_release(&c);
    return err;
}

int pare_packed_write_whole(struct pare_build *b, const char *path,
                            const float *v, const struct pare_tensor *t)
{
    struct pare_coded c = {0};
    struct pare_tensor as = *t;
    float *copy = malloc((t->n + 1) * sizeof *copy);
    int err;

    if (!copy)
        return no_memory();
    memcpy(copy, v, t->n * sizeof *copy);
    as.value = copy;
    as.dtype = PARE_F32;
    as.quant = (struct pare_quant){0};
    err = pare_encode(&c, &as, effort(b));
    free(copy);
    if (!err)
        err = write_coded(b, path, &c);
    pare_coded_release(&c);
    return err;
}

/* ---- layers ----------------------------------------------------------- */

static bool same_bytes(const void *a, const void *b, size_t n)
{
    return (!a && !b) || (a && b && memcmp(a, b, n) == 0);
}

static bool same_pattern(const struct pare_pattern *a,
                         const struct pare_pattern *b)
{
    return (!a && !b) || (a && b && pare_pattern_same(a, b));
}

/* Do two tensors in memory hold the same to the bit? */
static bool same_tensor(const struct pare_tensor *a,
                        const struct pare_tensor *b)
{
    return a->rank == b->rank && a->n == b->n &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0 &&
           a->dtype == b->dtype && a->quant.kind == b->quant.kind &&
           a->quant.n_book == b->quant.n_book &&
           a->quant.n_scale == b->quant.n_scale &&
           same_bytes(a->quant.book, b->quant.book,
                      a->quant.n_book * sizeof(float)) &&
           same_bytes(a->quant.scale, b->quant.scale,
                      a->quant.n_scale * sizeof(float)) &&
           same_bytes(a->value, b->value, a->n * sizeof(float)) &&
           same_bytes(a->mask, b->mask, a->n) &&
           same_pattern(a->pattern, b->pattern);
}

/* The digest of all that same_tensor compares. */
static int digest_tensor(char hex[PARE_DIGEST_LEN], const struct pare_tensor *t)
{
    struct pare_digest *d = pare_digest_new();

    if (!d)
        return PARE_ENOMEM;
    pare_digest_u64(d, (uint64_t)t->rank);
    for (int i = 0; i < t->rank; i++)
        pare_digest_u64(d, t->dim[i]);
    pare_digest_u64(d, (uint64_t)t->dtype);
    pare_digest_u64(d, (uint64_t)t->quant.kind);
    pare_digest_u64(d, t->quant.n_book);
    pare_digest_bytes(d, t->quant.book, t->quant.n_book * sizeof(float));
    pare_digest_u64(d, t->quant.n_scale);
    pare_digest_bytes(d, t->quant.scale, t->quant.n_scale * sizeof(float));
    pare_digest_bytes(d, t->value, t->n * sizeof *t->value);
    pare_digest_u64(d, t->mask != NULL);
    if (t->mask)
        pare_digest_bytes(d, t->mask, t->n);
    pare_digest_finish(d, hex);
    return 0;
}

/* Is a loaded tensor what was put aside, of another with the same digest? */
static int compare_aside(bool *same, const struct pare_aside *a,
                         const struct pare_tensor *t)
{
    float *value = malloc(PART * sizeof *value);
    uint8_t *mask = malloc(PART);
    int err = value && mask ? 0 : no_memory();

    *same = true;
    for (size_t at = 0; !err && *same && at < t->n; at += PART) {
        const size_t n = t->n - at < PART ? t->n - at : PART;

        err = pare_aside_get(value, mask, a, at, n);
        *same = !err && same_bytes(value, t->value + at, n * sizeof *value) &&
                (!t->mask || same_bytes(mask, t->mask + at, n));
    }
    free(value);
    free(mask);
    return err;
}

/* Do tensors s and t, which is loaded, hold the same? For that t makes room
 * for s for a time. */
static int same_away(bool *same, const struct pare_model *m, size_t s, size_t t)
{
    struct pare_aside *aside = pare_aside_new();
    int err = aside ? pare_aside_put(aside, &m->tensor[t]) : PARE_EIO;

    pare_tensor_drop(m, t);
    if (!err)
        err = pare_tensor_load(m, s);
    if (!err)
        err = compare_aside(same, aside, &m->tensor[s]);
    pare_tensor_drop(m, s);
    pare_aside_free(aside);
    return err ? err : pare_tensor_load(m, t);
}

/* The sums that a reader's limits are about, and digests of tensors that are
 * not in memory together. */
struct sums {
    uint64_t bytes, room;
    char (*digest)[PARE_DIGEST_LEN]; /* [n_tensors], or NULL */
};

/* The first tensor before t that holds the same; t if none does. */
static int find_same(size_t *found, const struct pare_model *m, size_t t,
                     struct sums *sums)
{
    bool same = false;
    int err = sums->digest ? digest_tensor(sums->digest[t], &m->tensor[t]) : 0;
    size_t s = 0;

    for (; !err && s < t; s++) {
        if (!sums->digest)
            same = same_tensor(&m->tensor[s], &m->tensor[t]);
        else if (strcmp(sums->digest[s], sums->digest[t]) == 0)
            err = same_away(&same, m, s, t);
        if (same)
            break;
    }
    *found = s;
    return err;
}

static enum pare_encoding encoding(const struct pare_coded *c)
{
    static const enum pare_encoding of_mask[] = {
        [PARE_MASK_ALL] = PARE_ENC_DENSE,
        [PARE_MASK_BITMAP] = PARE_ENC_BITMAP,
        [PARE_MASK_GAPS] = PARE_ENC_GAPS,
        [PARE_MASK_CHOICE] = PARE_ENC_CHOICE};

    if (c->mask_form == PARE_MASK_ALL && c->value_form == PARE_VALUE_SAME)
        return PARE_ENC_ONE;
    return of_mask[c->mask_form];
}

void pare_packed_tell(struct pare_stored *stored, const struct pare_coded *c)
{
    stored->encoding = encoding(c);
    stored->mask_bytes = pare_coded_part(c, PARE_PART_MASK);
    stored->value_bytes = pare_coded_part(c, PARE_PART_BOOK) +
                          pare_coded_part(c, PARE_PART_VALUE);
}

static int add_loaded(struct pare_build *b, struct bytes *bytes, size_t t,
                      struct pare_stored *stored, struct sums *sums)
{
    const struct pare_tensor *tensor = &b->m->tensor[t];
    struct pare_coded c = {0};
    size_t same = t;
    int err = pare_write_finite(tensor->value, tensor);

    if (!err)
        err = find_same(&same, b->m, t, sums);
    *stored = (struct pare_stored){PARE_ENC_SAME, 0, 0};
    if (!err && same < t) {
        sums->room += pare_tensor_positions(tensor) * (sizeof(float) + 1);
        return bytes_refer(bytes, same);
    }
    if (err)
        return err;
    err = pare_encode(&c, tensor, effort(b));
    if (err)
        return pare_fail_prefix(err, "'%s'", tensor->name);
    pare_packed_tell(stored, &c);
    sums->bytes += pare_coded_bytes(&c);
    sums->room += pare_coded_room(&c, tensor->pattern != NULL);
    pare_tensor_drop(b->m, t); /* the bytes are copied now */
    err = bytes_add(bytes, &c);
    pare_coded_release(&c);
    return err;
}

static int add_tensor(struct pare_build *b, struct bytes *bytes, size_t t,
                      struct pare_stored *stored, struct sums *sums)
{
    int err = pare_tensor_load(b->m, t);

    if (!err)
        err = add_loaded(b, bytes, t, stored, sums);
    pare_tensor_drop(b->m, t);
    return err;
}

/* The tensors of a layer from t on; *end is behind the last. */
static int write_layer(struct pare_build *b, size_t t, size_t *end,
                       struct pare_stored *stored, struct sums *sums)
{
    const struct pare_model *m = b->m;
    const size_t layer = m->tensor[t].layer;
    struct bytes bytes = {0};
    char path[PATH_BYTES];
    int err = 0;

    for (; !err && t < m->n_tensors && m->tensor[t].layer == layer; t++)
        err = add_tensor(b, &bytes, t, &stored[t], sums);
    *end = t;
    snprintf(path, sizeof path, "/layers/%s", m->arch.layer[layer].name);
    if (!err)
        err = bytes_write(b, path, &bytes);
    bytes_release(&bytes);
    return err;
}

/* The group of the layers, as small as it can be. */
static int write_group(struct pare_build *b)
{
    const struct pare_model *m = b->m;
    size_t n = 0, length = 0;

    for (size_t t = 0; t < m->n_tensors; t++)
        if (t == 0 || m->tensor[t].layer != m->tensor[t - 1].layer) {
            length += strlen(m->arch.layer[m->tensor[t].layer].name);
            n++;
        }
    return pare_h5w_group_for(b->w, "/layers", n, n ? (length + n - 1) / n : 0);
}

/* Arrays of a tensor's size that a reader allocates besides it. */
static uint64_t other_arrays(const struct pare_model *m)
{
    uint64_t n = m->n_scores + (uint64_t)m->optim.n_slots;

    for (size_t i = 0; i < m->n_checkpoints; i++)
        n += 2 * (uint64_t)(m->checkpoint[i].value != NULL) +
             (uint64_t)m->checkpoint[i].optim.n_slots;
    return n;
}

/* What is 0 takes so few bytes that readers would refuse to make memory for
 * it: zeros fill the file up to where they do. */
static int write_room(struct pare_build *b, const struct sums *sums)
{
    uint64_t need = sums->room, n;
    uint8_t *zeros;

    for (size_t t = 0; t < b->m->n_tensors; t++)
        need += other_arrays(b->m) * (sizeof(float) + 1) * b->m->tensor[t].n;
    if (need <= pare_model_budget(sums->bytes))
        return 0;
    n = (need - PARE_ALLOWANCE) / PARE_EXPANSION + 1 - sums->bytes;
    if (n > LAYER_BYTES)
        return pare_fail(PARE_ELIMIT, "the model is too large to be packed");
    zeros = calloc(1, (size_t)n);
    return zeros ? pare_h5w_give(b->w, "/room", PARE_H5_U8, (size_t)n, zeros)
                 : no_memory();
}

int pare_packed_write_layers(struct pare_build *b, struct pare_stored *stored)
{
    struct sums sums = {0};
    int err = write_group(b);

    if (!err && pare_model_streams(b->m)) {
        sums.digest = calloc(b->m->n_tensors + 1, sizeof *sums.digest);
        err = sums.digest ? 0 : no_memory();
    }
    for (size_t t = 0; !err && t < b->m->n_tensors && !pare_h5w_failed(b->w);)
        err = write_layer(b, t, &t, stored, &sums);
    free(sums.digest);
    return err ? err : write_room(b, &sums);
}
