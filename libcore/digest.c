#include "digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "clones.h"
#include "compact.h"
#include "levels.h"
#include "rewiring.h"
#include "status.h"

struct pare_digest {
    XXH3_state_t *xxh;
};

struct pare_digest *pare_digest_new(void)
{
    struct pare_digest *d = malloc(sizeof *d);

    if (d)
        d->xxh = XXH3_createState();
    if (!d || !d->xxh) {
        free(d);
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    XXH3_128bits_reset(d->xxh);
    return d;
}

void pare_digest_bytes(struct pare_digest *d, const void *p, size_t n)
{
    if (n)
        XXH3_128bits_update(d->xxh, p, n);
}

void pare_digest_u64(struct pare_digest *d, uint64_t v)
{
    uint8_t le[8];

    for (int i = 0; i < 8; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    pare_digest_bytes(d, le, sizeof le);
}

void pare_digest_f64(struct pare_digest *d, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    pare_digest_u64(d, bits);
}

void pare_digest_text(struct pare_digest *d, const char *text)
{
    pare_digest_u64(d, strlen(text));
    pare_digest_bytes(d, text, strlen(text));
}

#define BLOCK 64 /* values whose places share one word */

/* Bytes on their way to the digest, in lumps that it likes. */
struct lump {
    struct pare_digest *d;
    size_t used;
    uint8_t bytes[16384];
};

/* Room for one block: index, bits and values. */
static uint8_t *lump_room(struct lump *l)
{
    if (l->used + 16 + 4 * BLOCK > sizeof l->bytes) {
        pare_digest_bytes(l->d, l->bytes, l->used);
        l->used = 0;
    }
    return l->bytes + l->used;
}

/* Which values of a block are not 0, as bytes; in vector code. */
PARE_CLONES
static void find_nonzero(uint8_t some[BLOCK], const float *v)
{
    for (size_t j = 0; j < BLOCK; j++)
        some[j] = v[j] != 0.0f;
}

static void add_block(struct lump *l, uint64_t index, const float *v, size_t n)
{
    uint8_t some[BLOCK], *to = lump_room(l);
    uint64_t bits;
    size_t used = 16;

    if (n == BLOCK)
        find_nonzero(some, v);
    for (size_t j = 0; n < BLOCK && j < n; j++)
        some[j] = v[j] != 0.0f;
    bits = pare_bits_pack(some, n);
    if (bits == 0)
        return;
    memcpy(to, &index, 8);
    memcpy(to + 8, &bits, 8);
    if (bits == UINT64_MAX) {
        memcpy(to + 16, v, 4 * BLOCK);
        used += 4 * BLOCK;
    } else {
        for (; bits; bits &= bits - 1, used += 4)
            memcpy(to + used, &v[pare_bits_lowest(bits)], 4);
    }
    l->used += used;
}

void pare_digest_values(struct pare_digest *d, const float *v, size_t n)
{
    struct lump l;

    l.d = d;
    l.used = 0;
    pare_digest_u64(d, n);
    for (size_t i = 0; i < n; i += BLOCK)
        add_block(&l, i / BLOCK, v + i, n - i < BLOCK ? n - i : BLOCK);
    pare_digest_bytes(d, l.bytes, l.used);
    pare_digest_u64(d, UINT64_MAX);
}

/*
 * The blocks of a compact tensor, of which entries say what is in them: those
 * of its values, or without values those of the mask.
 */
static void entry_blocks(struct pare_digest *d, const struct pare_pattern *p,
                         const float *v)
{
    const uint64_t n = pare_pattern_count(p);
    uint64_t k = 0, row = 0;
    struct lump l;

    l.d = d;
    l.used = 0;
    while (k < n) {
        uint8_t *to = lump_room(&l);
        uint64_t index = 0, bits = 0;
        size_t used = 16;

        for (bool first = true; k < n; k++, first = false) {
            uint64_t at;

            while (k >= p->row[row + 1])
                row++;
            at = row * p->cols + p->col[k];
            if (first)
                index = at / BLOCK;
            if (at / BLOCK != index)
                break;
            if (v && v[k] == 0.0f)
                continue;
            bits |= (uint64_t)1 << at % BLOCK;
            if (v) {
                memcpy(to + used, &v[k], 4);
                used += 4;
            }
        }
        memcpy(to, &index, 8);
        memcpy(to + 8, &bits, 8);
        l.used += bits ? used : 0;
    }
    pare_digest_bytes(d, l.bytes, l.used);
    pare_digest_u64(d, UINT64_MAX);
}

/* An array of a tensor, the same whether it lies compact or not. */
static void digest_array(struct pare_digest *d, const struct pare_tensor *t,
                         const float *v)
{
    if (!t->pattern) {
        pare_digest_values(d, v, t->n);
        return;
    }
    pare_digest_u64(d, pare_tensor_positions(t));
    entry_blocks(d, t->pattern, v);
}

/* The digest of what was digested so far. */
static void digest_now(const struct pare_digest *d, char hex[PARE_DIGEST_LEN])
{
    XXH128_canonical_t c;

    XXH128_canonicalFromHash(&c, XXH3_128bits_digest(d->xxh));
    for (size_t i = 0; i < sizeof c.digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", c.digest[i]);
}

static void digest_free(struct pare_digest *d)
{
    XXH3_freeState(d->xxh);
    free(d);
}

void pare_digest_finish(struct pare_digest *d, char hex[PARE_DIGEST_LEN])
{
    digest_now(d, hex);
    digest_free(d);
}

static void digest_shape(struct pare_digest *d, const struct pare_tensor *t)
{
    pare_digest_text(d, t->name);
    pare_digest_u64(d, (uint64_t)t->rank);
    for (int i = 0; i < t->rank; i++)
        pare_digest_u64(d, t->dim[i]);
}

int pare_digest_weights_of(char hex[PARE_DIGEST_LEN],
                           const struct pare_model *m, float *const *value)
{
    struct pare_digest *d = pare_digest_new();
    int err = 0;

    if (!d)
        return PARE_ENOMEM;
    for (size_t t = 0; t < m->n_tensors && !err; t++) {
        const struct pare_tensor *tensor = &m->tensor[t];

        err = value ? 0 : pare_tensor_load(m, t);
        digest_shape(d, tensor);
        if (!err)
            digest_array(d, tensor, value ? value[t] : tensor->value);
        if (!value)
            pare_tensor_drop(m, t);
    }
    if (err)
        digest_free(d);
    else
        pare_digest_finish(d, hex);
    return err;
}

/* The digest of the weights, and that of a state as far as its masks when
 * what comes before them has this digest. */
struct pare_known {
    char weights[PARE_DIGEST_LEN], before[PARE_DIGEST_LEN];
    XXH3_state_t *masks;
};

struct pare_known *pare_known_new(void)
{
    struct pare_known *k = calloc(1, sizeof *k);

    if (k)
        k->masks = XXH3_createState();
    if (!k || !k->masks) {
        free(k);
        pare_fail(PARE_ENOMEM, "out of memory");
        return NULL;
    }
    return k;
}

void pare_known_free(struct pare_known *k)
{
    if (!k)
        return;
    XXH3_freeState(k->masks);
    free(k);
}

int pare_digest_weights(char hex[PARE_DIGEST_LEN], const struct pare_model *m)
{
    struct pare_known *known = m->loader.known;
    int err = 0;

    if (!known || !known->weights[0])
        err = pare_digest_weights_of(hex, m, NULL);
    else
        memcpy(hex, known->weights, PARE_DIGEST_LEN);
    if (!err && known)
        memcpy(known->weights, hex, PARE_DIGEST_LEN);
    return err;
}

static void digest_mask(struct pare_digest *d, const uint8_t *mask, size_t n)
{
    struct lump l;

    pare_digest_u64(d, mask != NULL);
    if (!mask)
        return;
    l.d = d;
    l.used = 0;
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t size = n - i < BLOCK ? n - i : BLOCK;
        uint8_t *to = lump_room(&l);
        uint64_t index = i / BLOCK, bits = pare_bits_pack(mask + i, size);

        memcpy(to, &index, 8);
        memcpy(to + 8, &bits, 8);
        l.used += bits ? 16 : 0;
    }
    pare_digest_bytes(d, l.bytes, l.used);
    pare_digest_u64(d, UINT64_MAX);
}

static void digest_own_mask(struct pare_digest *d, const struct pare_tensor *t)
{
    if (!t->pattern) {
        digest_mask(d, t->mask, t->n);
        return;
    }
    pare_digest_u64(d, 1);
    entry_blocks(d, t->pattern, NULL);
}

static void digest_optim(struct pare_digest *d, const struct pare_optstate *s,
                         const struct pare_model *m)
{
    pare_digest_text(d, s->spec);
    pare_digest_u64(d, s->step);
    pare_digest_u64(d, (uint64_t)s->n_slots);
    for (int k = 0; k < s->n_slots; k++)
        for (size_t t = 0; t < m->n_tensors; t++)
            if (s->slot[k][t])
                digest_array(d, &m->tensor[t], s->slot[k][t]);
}

static void digest_training(struct pare_digest *d,
                            const struct pare_training *t)
{
    pare_digest_u64(d, t->epoch);
    pare_digest_u64(d, t->epoch_step);
    pare_digest_u64(d, t->step);
    pare_digest_u64(d, t->sched_step);
    pare_digest_u64(d, t->sched_total);
    pare_digest_u64(d, t->seed);
    pare_digest_u64(d, t->batch);
    pare_digest_u64(d, t->steps_per_epoch);
    pare_digest_f64(d, t->lr);
    pare_digest_f64(d, t->weight_decay);
    pare_digest_text(d, t->loss);
    pare_digest_text(d, t->schedule);
    pare_digest_text(d, t->select);
    if (t->augment[0]) /* a line of its own in the file, or none */
        pare_digest_text(d, t->augment);
    pare_digest_f64(d, t->sum_loss);
    pare_digest_u64(d, t->sum_correct);
    pare_digest_u64(d, t->sum_samples);
}

static void digest_checkpoints(struct pare_digest *d,
                               const struct pare_model *m)
{
    pare_digest_text(d, m->init.spec);
    pare_digest_u64(d, m->init.seed);
    pare_digest_text(d, m->init.digest);
    pare_digest_u64(d, m->n_checkpoints);
    for (size_t i = 0; i < m->n_checkpoints; i++) {
        const struct pare_checkpoint *c = &m->checkpoint[i];

        pare_digest_text(d, c->name);
        pare_digest_u64(d, c->epoch);
        pare_digest_u64(d, c->epoch_step);
        pare_digest_u64(d, c->step);
        pare_digest_u64(d, c->sched_step);
        pare_digest_u64(d, c->mask ? 2 : c->value != NULL);
        for (size_t t = 0; c->value && t < m->n_tensors; t++)
            digest_array(d, &m->tensor[t], c->value[t]);
        for (size_t t = 0; c->mask && t < m->n_tensors; t++)
            digest_mask(d, c->mask[t], m->tensor[t].n);
        digest_optim(d, &c->optim, m);
    }
}

static void digest_history(struct pare_digest *d, const struct pare_model *m)
{
    pare_digest_u64(d, m->n_history);
    for (size_t i = 0; i < m->n_history; i++) {
        const struct pare_history_row *r = &m->history[i];
        const double v[6] = {r->lr,       r->train_loss, r->train_acc,
                             r->val_loss, r->val_acc,    r->sparsity};

        pare_digest_u64(d, r->epoch);
        pare_digest_u64(d, r->step);
        for (int k = 0; k < 6; k++) /* one NaN for all */
            pare_digest_f64(d, v[k] == v[k] ? v[k] : -1e300);
    }
}

/* Parts that most models lack, and that their digests knew nothing of. */
static void digest_gathered(struct pare_digest *d, const struct pare_model *m)
{
    if (m->n_scores) {
        pare_digest_text(d, "scores");
        pare_digest_u64(d, m->n_scores);
    }
    for (size_t i = 0; i < m->n_scores; i++) {
        const struct pare_scores *s = &m->scores[i];

        pare_digest_text(d, s->name);
        pare_digest_u64(d, s->count);
        for (size_t t = 0; t < m->n_tensors; t++) {
            pare_digest_u64(d, s->value[t] != NULL);
            if (s->value[t])
                digest_array(d, &m->tensor[t], s->value[t]);
        }
    }
    if (m->n_curves) {
        pare_digest_text(d, "curves");
        pare_digest_u64(d, m->n_curves);
    }
    for (size_t i = 0; i < m->n_curves; i++) {
        const struct pare_curve *c = &m->curve[i];

        pare_digest_text(d, m->arch.layer[c->layer].name);
        pare_digest_u64(d, c->n);
        for (size_t k = 0; k < c->n; k++) {
            double a = c->accuracy[k];

            pare_digest_f64(d, c->sparsity[k]);
            pare_digest_f64(d, c->loss[k]);
            pare_digest_f64(d, a == a ? a : -1e300);
        }
    }
}

static void digest_marks(struct pare_digest *d, const struct pare_marks *k)
{
    pare_digest_u64(d, k->n);
    for (uint64_t i = 0; i < k->n; i++)
        pare_digest_u64(d, k->at[i]);
    for (int s = 0; s < PARE_SLOTS_MAX; s++) {
        pare_digest_u64(d, k->slot[s] != NULL);
        if (k->slot[s])
            pare_digest_values(d, k->slot[s], (size_t)k->n);
    }
}

/* What sparse training and its dialects brought; nothing where there is
 * none of it. */
static void digest_rewiring(struct pare_digest *d, const struct pare_model *m)
{
    if (m->init.sparse[0]) {
        pare_digest_text(d, "sparse");
        pare_digest_text(d, m->init.sparse);
    }
    if (m->training.dialect[0]) {
        pare_digest_text(d, "dialect");
        pare_digest_text(d, m->training.dialect);
    }
    if (!pare_model_rewired(m))
        return;
    pare_digest_text(d, "rewiring");
    for (size_t t = 0; t < m->n_tensors; t++) {
        pare_digest_u64(d, m->tensor[t].target);
        digest_marks(d, &m->tensor[t].removed);
        digest_marks(d, &m->tensor[t].added);
    }
    pare_digest_u64(d, m->n_rewirings);
    for (size_t i = 0; i < m->n_rewirings; i++) {
        const struct pare_rewiring *r = &m->rewiring[i];

        pare_digest_u64(d, r->epoch);
        pare_digest_text(d, m->tensor[r->tensor].name);
        pare_digest_u64(d, r->times);
        pare_digest_u64(d, r->before);
        pare_digest_u64(d, r->removed);
        pare_digest_u64(d, r->grown);
        pare_digest_u64(d, r->fresh);
        pare_digest_u64(d, r->survived);
    }
}

/* What tensors promise of their values; nothing where all are float32. */
static void digest_levels(struct pare_digest *d, const struct pare_model *m)
{
    if (!pare_model_encoded(m))
        return;
    pare_digest_text(d, "levels");
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct pare_tensor *t = &m->tensor[i];

        pare_digest_text(d, pare_dtype_name(t->dtype));
        pare_digest_text(d, pare_quant_name(t->quant.kind));
        pare_digest_values(d, t->quant.book, t->quant.n_book);
        pare_digest_values(d, t->quant.scale, t->quant.n_scale);
    }
}

static void digest_input(struct pare_digest *d, const struct pare_model *m)
{
    pare_digest_text(d, m->arch.text);
    pare_digest_f64(d, (double)m->norm.scale);
    pare_digest_u64(d, m->norm.n);
    if (m->norm.n) {
        pare_digest_values(d, m->norm.mean, m->norm.n);
        pare_digest_values(d, m->norm.std, m->norm.n);
    }
    pare_digest_u64(d, m->n_classes);
    for (size_t i = 0; m->class_name && i < m->n_classes; i++)
        pare_digest_text(d, m->class_name[i]);
}

/* The masks; those that come from a loader once only. */
static int digest_masks(struct pare_digest *d, const struct pare_model *m)
{
    struct pare_known *known = m->loader.known;
    char before[PARE_DIGEST_LEN];
    int err = 0;

    digest_now(d, before);
    if (known && strcmp(known->before, before) == 0) {
        XXH3_copyState(d->xxh, known->masks);
        return 0;
    }
    for (size_t t = 0; t < m->n_tensors && !err; t++) {
        err = pare_tensor_load_mask(m, t);
        if (!err)
            digest_own_mask(d, &m->tensor[t]);
        pare_tensor_drop(m, t);
    }
    if (!err && known) {
        XXH3_copyState(known->masks, d->xxh);
        memcpy(known->before, before, sizeof before);
    }
    return err;
}

int pare_digest_both(char weights[PARE_DIGEST_LEN], char state[PARE_DIGEST_LEN],
                     const struct pare_model *m)
{
    int err = pare_digest_weights(weights, m);
    struct pare_digest *d = err ? NULL : pare_digest_new();

    if (!d)
        return err ? err : PARE_ENOMEM;
    digest_input(d, m);
    pare_digest_text(d, weights);
    err = digest_masks(d, m);
    if (err) {
        digest_free(d);
        return err;
    }
    digest_optim(d, &m->optim, m);
    digest_training(d, &m->training);
    digest_checkpoints(d, m);
    digest_history(d, m);
    digest_gathered(d, m);
    digest_rewiring(d, m);
    digest_levels(d, m);
    pare_digest_finish(d, state);
    return 0;
}

int pare_digest_state(char hex[PARE_DIGEST_LEN], const struct pare_model *m)
{
    char weights[PARE_DIGEST_LEN];

    return pare_digest_both(weights, hex, m);
}

uint64_t pare_digest_seed(const char *hex, const char *purpose)
{
    XXH64_hash_t h = XXH3_64bits(hex, strlen(hex));

    return XXH3_64bits_withSeed(purpose, strlen(purpose), h);
}
