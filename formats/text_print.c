#include "text_twin.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "status.h"
#include "text_levels.h"
#include "text_rewiring.h"

#define PER_LINE 8

/**
 * Text to the end of the line: control characters and '%' as %XX, and an
 * empty text as nothing.
 */
static void print_text(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;

        if (byte < 0x20 || byte == 0x7f || byte == '%')
            fprintf(out, "%%%02X", byte);
        else
            putc(byte, out);
    }
    putc('\n', out);
}

/** A float32; a NaN other than the usual one shows its bits. */
static void print_float(FILE *out, float f)
{
    const float usual = NAN;
    uint32_t bits;

    if (!isnan(f)) {
        fprintf(out, "%a", (double)f);
        return;
    }
    memcpy(&bits, &f, sizeof bits);
    if (memcmp(&f, &usual, sizeof f) == 0)
        fputs("nan", out);
    else
        fprintf(out, "nan:%08" PRIx32, bits);
}

static void print_double(FILE *out, double d)
{
    const double usual = (double)NAN;
    uint64_t bits;

    if (!isnan(d)) {
        fprintf(out, "%a", d);
        return;
    }
    memcpy(&bits, &d, sizeof bits);
    if (memcmp(&d, &usual, sizeof d) == 0)
        fputs("nan", out);
    else
        fprintf(out, "nan:%016" PRIx64, bits);
}

/** Eight values a line, each line indented. */
static void print_dense(FILE *out, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputs(i % PER_LINE ? " " : "  ", out);
        print_float(out, v[i]);
        if (i % PER_LINE == PER_LINE - 1 || i == n - 1)
            putc('\n', out);
    }
}

static bool is_zero(float f)
{
    const float zero = 0;

    return memcmp(&f, &zero, sizeof f) == 0;
}

/** index:value of what is kept, or without a mask of what is not +0. */
static void print_sparse(FILE *out, const float *v, const uint8_t *mask,
                         size_t n)
{
    size_t printed = 0;

    for (size_t i = 0; i < n; i++) {
        if (mask ? !mask[i] : is_zero(v[i]))
            continue;
        fprintf(out, "%s%zu:", printed % PER_LINE ? " " : "  ", i);
        print_float(out, v[i]);
        if (++printed % PER_LINE == 0)
            putc('\n', out);
    }
    if (printed % PER_LINE)
        putc('\n', out);
}

/** index:value of the entries of a compact tensor; of all, or of what is not
 *  +0. */
static void print_entries(FILE *out, const float *v,
                          const struct pare_pattern *p, bool all)
{
    size_t printed = 0;

    for (size_t r = 0; r < p->rows; r++)
        for (uint64_t k = p->row[r]; k < p->row[r + 1]; k++) {
            if (!all && is_zero(v[k]))
                continue;
            fprintf(out, "%s%" PRIu64 ":", printed % PER_LINE ? " " : "  ",
                    (uint64_t)r * p->cols + p->col[k]);
            print_float(out, v[k]);
            if (++printed % PER_LINE == 0)
                putc('\n', out);
        }
    if (printed % PER_LINE)
        putc('\n', out);
}

/** "dense" or "sparse" and the values of an array beside a tensor's. */
static void print_array(FILE *out, const float *v, const struct pare_tensor *t)
{
    if (t->pattern) {
        fputs(" sparse\n", out);
        print_entries(out, v, t->pattern, false);
    } else if (t->mask) {
        fputs(" sparse\n", out);
        print_sparse(out, v, NULL, t->n);
    } else {
        fputs(" dense\n", out);
        print_dense(out, v, t->n);
    }
}

static void print_head(FILE *out, const struct pare_model *m)
{
    fprintf(out, "pare-text %d\narch ", PARE_TEXT_VERSION);
    print_text(out, m->arch.text);
    fputs("scale ", out);
    print_float(out, m->norm.scale);
    putc('\n', out);
    if (m->norm.n) {
        fprintf(out, "mean %zu\n", m->norm.n);
        print_dense(out, m->norm.mean, m->norm.n);
        fprintf(out, "std %zu\n", m->norm.n);
        print_dense(out, m->norm.std, m->norm.n);
    }
    fprintf(out, "classes %zu\n", m->n_classes);
    for (size_t i = 0; m->class_name && i < m->n_classes; i++) {
        fputs("class ", out);
        print_text(out, m->class_name[i]);
    }
}

static void print_training(FILE *out, const struct pare_model *m)
{
    const struct pare_training *t = &m->training;

    if (m->init.digest[0])
        fprintf(out, "init %s\n", m->init.digest);
    if (m->init.spec[0]) {
        fprintf(out, "init-seed %" PRIu64 "\ninit-spec ", m->init.seed);
        print_text(out, m->init.spec);
    }
    if (m->init.sparse[0]) {
        fputs("init-sparse ", out);
        print_text(out, m->init.sparse);
    }
    fprintf(out,
            "training epoch=%" PRIu64 " epoch_step=%" PRIu64 " step=%" PRIu64
            " sched_step=%" PRIu64 " sched_total=%" PRIu64 " seed=%" PRIu64
            " batch=%" PRIu64 " steps_per_epoch=%" PRIu64
            " sum_correct=%" PRIu64 " sum_samples=%" PRIu64 "\nsum-loss ",
            t->epoch, t->epoch_step, t->step, t->sched_step, t->sched_total,
            t->seed, t->batch, t->steps_per_epoch, t->sum_correct,
            t->sum_samples);
    print_double(out, t->sum_loss);
    fputs("\nlr ", out);
    print_double(out, t->lr);
    fputs("\nweight-decay ", out);
    print_double(out, t->weight_decay);
    fputs("\nloss ", out);
    print_text(out, t->loss);
    fputs("schedule ", out);
    print_text(out, t->schedule);
    fputs("select ", out);
    print_text(out, t->select);
    if (t->augment[0]) {
        fputs("augment ", out);
        print_text(out, t->augment);
    }
    if (t->dialect[0]) {
        fputs("dialect ", out);
        print_text(out, t->dialect);
    }
}

/** Values with the mask they have, or dense. */
static void print_tensor(FILE *out, const float *v, const uint8_t *mask,
                         size_t n)
{
    fputs(mask ? " sparse\n" : " dense\n", out);
    if (mask)
        print_sparse(out, v, mask, n);
    else
        print_dense(out, v, n);
}

static void print_tensors(FILE *out, const struct pare_model *m)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct pare_tensor *t = &m->tensor[i];

        fprintf(out, "tensor %s", t->name);
        for (int k = 0; k < t->rank; k++)
            fprintf(out, " %zu", t->dim[k]);
        if (t->pattern) {
            fputs(" sparse\n", out);
            print_entries(out, t->value, t->pattern, true);
            continue;
        }
        print_tensor(out, t->value, t->mask, t->n);
    }
}

static void print_optimizer(FILE *out, const struct pare_optstate *s,
                            const struct pare_model *m)
{
    if (!s->spec[0] && !s->step && !s->n_slots)
        return;
    fprintf(out, "optimizer %" PRIu64 " %d ", s->step, s->n_slots);
    print_text(out, s->spec);
    for (int k = 0; k < s->n_slots; k++) {
        for (size_t i = 0; i < m->n_tensors; i++) {
            if (!s->slot[k][i])
                continue;
            fprintf(out, "slot %d %s", k, m->tensor[i].name);
            print_array(out, s->slot[k][i], &m->tensor[i]);
        }
    }
}

static void print_checkpoints(FILE *out, const struct pare_model *m)
{
    for (size_t i = 0; i < m->n_checkpoints; i++) {
        const struct pare_checkpoint *c = &m->checkpoint[i];

        fprintf(out,
                "checkpoint epoch=%" PRIu64 " epoch_step=%" PRIu64
                " step=%" PRIu64 " sched_step=%" PRIu64 " %s ",
                c->epoch, c->epoch_step, c->step, c->sched_step,
                c->mask    ? "whole"
                : c->value ? "stored"
                           : "regenerated");
        print_text(out, c->name);
        for (size_t t = 0; c->value && t < m->n_tensors; t++) {
            fprintf(out, "value %s", m->tensor[t].name);
            if (c->mask)
                print_tensor(out, c->value[t], c->mask[t], m->tensor[t].n);
            else
                print_array(out, c->value[t], &m->tensor[t]);
        }
        print_optimizer(out, &c->optim, m);
        fputs("end-checkpoint\n", out);
    }
}

static void print_gathered(FILE *out, const struct pare_model *m)
{
    for (size_t i = 0; i < m->n_scores; i++) {
        const struct pare_scores *s = &m->scores[i];

        fprintf(out, "scores %" PRIu64 " %s\n", s->count, s->name);
        for (size_t t = 0; t < m->n_tensors; t++) {
            if (!s->value[t])
                continue;
            fprintf(out, "score %s %s", s->name, m->tensor[t].name);
            print_array(out, s->value[t], &m->tensor[t]);
        }
    }
    for (size_t i = 0; i < m->n_curves; i++) {
        const struct pare_curve *c = &m->curve[i];

        for (size_t k = 0; k < c->n; k++) {
            const double d[] = {c->sparsity[k], c->loss[k], c->accuracy[k]};

            fprintf(out, "curve %s", m->arch.layer[c->layer].name);
            for (size_t j = 0; j < sizeof d / sizeof *d; j++) {
                putc(' ', out);
                print_double(out, d[j]);
            }
            putc('\n', out);
        }
    }
}

static void print_tail(FILE *out, const struct pare_model *m)
{
    const unsigned char *user = m->user;

    for (size_t i = 0; i < m->n_history; i++) {
        const struct pare_history_row *r = &m->history[i];
        const double d[] = {r->lr,       r->train_loss, r->train_acc,
                            r->val_loss, r->val_acc,    r->sparsity};

        fprintf(out, "history %" PRIu64 " %" PRIu64, r->epoch, r->step);
        for (size_t k = 0; k < sizeof d / sizeof *d; k++) {
            putc(' ', out);
            print_double(out, d[k]);
        }
        putc('\n', out);
    }
    for (size_t i = 0; i < m->n_steps; i++) {
        fputs("step ", out);
        print_text(out, m->step[i]);
    }
    if (m->user_size)
        fprintf(out, "user %zu\n", m->user_size);
    for (size_t i = 0; i < m->user_size; i++)
        fprintf(out, "%s%02x%s", i % 32 ? "" : "  ", user[i],
                i % 32 == 31 || i == m->user_size - 1 ? "\n" : "");
    fputs("end\n", out);
}

int pare_text_print(FILE *out, const struct pare_model *m)
{
    print_head(out, m);
    print_training(out, m);
    print_tensors(out, m);
    pare_text_print_levels(out, m);
    print_optimizer(out, &m->optim, m);
    print_checkpoints(out, m);
    print_gathered(out, m);
    pare_text_print_rewiring(out, m);
    print_tail(out, m);
    if (fflush(out) != 0 || ferror(out))
        return pare_fail(PARE_EIO, "cannot write: %s", strerror(errno));
    return 0;
}
