/* Reading the packed layout; nothing in the file is trusted. */
#include "packed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "compact.h"
#include "h5strings.h"
#include "status.h"

#define PATH_BYTES 512
#define MOST_WORDS ((size_t)1 << 24)

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

/* A dataset of coded bytes, and how far its directory was followed. */
struct coded_bytes {
    const char *path;
    uint64_t *word;
    uint8_t *byte;
    size_t n_words, n, at_word;
    uint64_t at; /* bytes that tensors have taken */
};

static void close_bytes(struct coded_bytes *b)
{
    free(b->word);
    free(b->byte);
}

/* The directory, and how many bytes there are; no bytes yet. */
static int open_bytes(struct coded_bytes *b, struct pare_reader *r,
                      const char *path)
{
    struct pare_h5_info info;
    int err = pare_h5_info(&info, r->h, path);

    b->path = path;
    if (!err && (info.rank != 1 || info.type != PARE_H5_U8))
        err = pare_fail(PARE_EFORMAT, "'%s' is not bytes of rank 1", path);
    if (err)
        return err;
    b->n = info.count;
    err = pare_h5_attr_ints(&b->word, &b->n_words, r->h, path,
                            PARE_PACKED_DIRECTORY, MOST_WORDS);
    return err ? err : pare_reader_charge(r, b->n_words, sizeof *b->word);
}

/* Do the tensors take all bytes and all of the directory? */
static int check_whole(const struct coded_bytes *b)
{
    if (b->at == b->n && b->at_word == b->n_words)
        return 0;
    return pare_fail(PARE_EFORMAT,
                     "'%s' holds %zu bytes, its directory tells of %llu",
                     b->path, b->n, (unsigned long long)b->at);
}

/* All bytes, once it is known that they are taken. */
static int load_bytes(struct coded_bytes *b, struct pare_reader *r)
{
    int err = check_whole(b);

    if (err)
        return err;
    if (r->walk)
        return pare_h5_probe(r->h, b->path, PARE_H5_U8, b->n);
    err = pare_reader_charge(r, b->n, 1);
    if (err)
        return err;
    b->byte = malloc(b->n + 1);
    if (!b->byte)
        return no_memory();
    b->at = 0;
    return pare_h5_read(b->byte, r->h, b->path, PARE_H5_U8, b->n);
}

/* The next tensor of a directory, of n positions; without its bytes. */
static int next_coded(struct pare_coded *c, struct coded_bytes *b, uint64_t n)
{
    size_t used = 0;
    int err = pare_coded_get(c, b->word + b->at_word, b->n_words - b->at_word,
                             n, &used);

    if (err)
        return pare_fail_prefix(err, "'%s'", b->path);
    b->at_word += used;
    b->at += pare_coded_bytes(c);
    return b->at > b->n ? pare_fail(PARE_EFORMAT,
                                    "'%s' holds %zu bytes, its directory "
                                    "tells of more",
                                    b->path, b->n)
                        : 0;
}

/* Its bytes, when those of all before it were taken. */
static int place(struct pare_coded *c, struct coded_bytes *b)
{
    uint64_t n = pare_coded_bytes(c);
    int err = pare_coded_place(c, b->byte + b->at, (size_t)n);

    b->at += n;
    return err;
}

/* ---- arrays ----------------------------------------------------------- */

/* The only array of a dataset: its head and its bytes. */
static int read_only(struct pare_coded *c, struct coded_bytes *b,
                     struct pare_reader *r, const char *path, uint64_t n)
{
    int err = open_bytes(b, r, path);

    if (!err)
        err = next_coded(c, b, n);
    if (!err)
        err = load_bytes(b, r);
    return err || r->walk ? err : place(c, b);
}

int pare_packed_read_kept(struct pare_reader *r, float *out, const char *path,
                          const struct pare_tensor *t)
{
    struct coded_bytes b = {0};
    struct pare_coded c = {0};
    struct pare_h5_info info;
    int err;

    if (r->walk) { /* nobody knows how many are kept */
        err = pare_h5_info(&info, r->h, path);
        return err ? err : pare_h5_probe(r->h, path, PARE_H5_U8, info.count);
    }
    err = read_only(&c, &b, r, path, pare_tensor_kept(t));
    if (!err)
        err = pare_decode_under(out, &c, t, r->threads);
    pare_coded_release(&c);
    close_bytes(&b);
    return err ? pare_fail_prefix(err, "'%s'", path) : 0;
}

/* Values and mask of a decoded array to where they are wanted. */
static int hand_out(struct pare_tensor *as, float *out, uint8_t **mask,
                    const char *path)
{
    int err = 0;

    if (as->mask && !mask)
        err = pare_fail(PARE_EFORMAT, "'%s' has a mask", path);
    if (!err) {
        memcpy(out, as->value, as->n * sizeof *out);
        if (mask) {
            *mask = as->mask;
            as->mask = NULL;
        }
    }
    free(as->value);
    free(as->mask);
    pare_quant_release(&as->quant);
    return err;
}

int pare_packed_read_whole(struct pare_reader *r, float *out, uint8_t **mask,
                           const char *path, const struct pare_tensor *t)
{
    struct pare_tensor as = {.rank = t->rank};
    struct coded_bytes b = {0};
    struct pare_coded c = {0};
    int err;

    memcpy(as.dim, t->dim, sizeof as.dim);
    if (t->pattern)
        return pare_fail(PARE_EFORMAT, "'%s' is not under the mask", path);
    err = read_only(&c, &b, r, path, pare_tensor_positions(t));
    if (!err && !r->walk)
        err = pare_reader_charge(r, pare_coded_room(&c, false), 1);
    if (!err && !r->walk)
        err = pare_decode(&as, &c, false, r->threads);
    pare_coded_release(&c);
    close_bytes(&b);
    if (err)
        return pare_fail_prefix(err, "'%s'", path);
    return r->walk ? 0 : hand_out(&as, out, mask, path);
}

/* ---- layers ----------------------------------------------------------- */

/* A tensor of a layer: coded at some place, or the earlier one that it
 * equals. */
struct part {
    struct pare_coded coded;
    uint64_t at; /* of its first byte in the dataset */
    bool same;
    uint64_t from;
};

static int refer(struct part *p, struct coded_bytes *b, size_t t)
{
    if (b->n_words - b->at_word < 2 || b->word[b->at_word + 1] >= t)
        return pare_fail(PARE_EFORMAT,
                         "'%s' refers to a tensor that is not before it",
                         b->path);
    p->same = true;
    p->from = b->word[b->at_word + 1];
    b->at_word += 2;
    return 0;
}

static int next_part(struct part *p, struct coded_bytes *b,
                     const struct pare_model *m, size_t t)
{
    p->at = b->at;
    if (b->at_word < b->n_words && b->word[b->at_word] == PARE_PACKED_REFERENCE)
        return refer(p, b, t);
    return next_coded(&p->coded, b, pare_tensor_positions(&m->tensor[t]));
}

/* Where tensor t lies, after a look at the whole directory of its layer. */
static int find_part(struct part *p, struct pare_reader *r, size_t t,
                     char path[PATH_BYTES])
{
    const struct pare_model *m = r->m;
    const size_t layer = m->tensor[t].layer;
    struct coded_bytes b = {0};
    size_t i = t;
    int err;

    while (i > 0 && m->tensor[i - 1].layer == layer)
        i--;
    snprintf(path, PATH_BYTES, "/layers/%s", m->arch.layer[layer].name);
    err = open_bytes(&b, r, path);
    for (; !err && i < m->n_tensors && m->tensor[i].layer == layer; i++) {
        struct part other = {.same = false};

        err = next_part(i == t ? p : &other, &b, m, i);
        pare_coded_release(&other.coded);
    }
    if (!err)
        err = check_whole(&b);
    if (!err && r->walk)
        err = pare_h5_probe(r->h, path, PARE_H5_U8, b.n);
    close_bytes(&b);
    return err;
}

static bool same_shape(const struct pare_tensor *a, const struct pare_tensor *b)
{
    return a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* The coded tensor that t is or equals, and the dataset that it lies in. */
static int resolve(struct part *p, struct pare_reader *r, size_t t,
                   char path[PATH_BYTES])
{
    int err = find_part(p, r, t, path);
    size_t from = (size_t)p->from;

    if (err || !p->same)
        return err;
    if (!same_shape(&r->m->tensor[from], &r->m->tensor[t]))
        return pare_fail(PARE_EFORMAT,
                         "'%s' refers to a tensor of another shape", path);
    *p = (struct part){.same = false};
    err = find_part(p, r, from, path);
    if (!err && p->same)
        err = pare_fail(PARE_EFORMAT, "'%s' refers to a reference", path);
    p->same = true;
    return err;
}

/* On a walk a tensor only says how many values it has. */
static int sketch(struct pare_tensor *t, const struct pare_coded *c,
                  bool compact)
{
    int err;

    if (!compact) {
        t->mask = c->masked ? calloc(1, t->n + 1) : NULL;
        return c->masked && !t->mask ? no_memory() : 0;
    }
    err = pare_pattern_new(&t->pattern, t->dim[0], t->dim[1], 0);
    if (err)
        return err;
    t->n = (size_t)c->nnz;
    t->pattern->row[t->dim[0]] = t->n;
    return 0;
}

/* Its bytes alone, decoded. */
static int decode(struct pare_reader *r, struct pare_tensor *t, struct part *p,
                  const char *path, bool compact)
{
    const size_t n = (size_t)pare_coded_bytes(&p->coded);
    uint8_t *bytes = NULL;
    int err = pare_reader_charge(r, n, 1);

    if (err)
        return err;
    bytes = malloc(n + 1);
    if (!bytes)
        return no_memory();
    err = n ? pare_h5_read_rows(bytes, r->h, path, PARE_H5_U8, (size_t)p->at, n)
            : 0;
    if (!err)
        err = pare_coded_place(&p->coded, bytes, n);
    pare_quant_release(&t->quant); /* of an earlier loading */
    if (!err)
        err = pare_decode(t, &p->coded, compact, r->threads);
    if (!err)
        err = pare_read_finite(t->value, t->name, t->n);
    free(bytes);
    return err;
}

/* Fill t with what was found, if the file may ask for so much memory. */
static int fill(struct pare_reader *r, struct pare_tensor *t, struct part *p,
                const char *path)
{
    int compact = pare_lies_compact(r, t), err;

    if (compact < 0)
        return compact;
    compact = compact && p->coded.masked;
    if (!compact && pare_tensor_positions(t) > (uint64_t)1 << 32)
        return pare_fail(PARE_ELIMIT,
                         "'%s' has more than 2^32 positions and no mask: it "
                         "can only be sparse",
                         t->name);
    err = pare_reader_charge(r, pare_coded_room(&p->coded, compact), 1);
    if (err)
        return err;
    return r->walk ? sketch(t, &p->coded, compact)
                   : decode(r, t, p, path, compact);
}

int pare_packed_read_tensor(struct pare_reader *r, size_t tensor,
                            struct pare_stored *stored)
{
    struct pare_tensor *t = &r->m->tensor[tensor];
    struct part p = {.same = false};
    char path[PATH_BYTES];
    int err = resolve(&p, r, tensor, path);

    if (!err)
        err = fill(r, t, &p, path);
    *stored = (struct pare_stored){PARE_ENC_SAME, 0, 0};
    if (!err && !p.same)
        pare_packed_tell(stored, &p.coded);
    pare_coded_release(&p.coded);
    return err ? pare_fail_prefix(err, "'%s'", t->name) : 0;
}
