/* pare-stats(1): connections, their trend, and the record of rewiring. */
#include "stats-sparse.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "compact.h"
#include "number.h"
#include "status.h"

static void put_name(const char *name)
{
    for (; *name; name++)
        putchar((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name);
}

static void put_number(double v)
{
    char buf[PARE_NUMBER_MAX];

    /* The sign of what is no number says nothing. */
    printf("\t%s", pare_number_print(buf, isnan(v) ? (double)NAN : v));
}

/* ---- connections ------------------------------------------------------- */

static void print_side(const char *path, const char *layer, const char *side,
                       const uint64_t *count, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_name(path);
        printf("\t%s\t%s\t%zu\t%" PRIu64 "\n", layer, side, i, count[i]);
    }
}

static void print_map(const char *path, const char *layer,
                      const struct connections *c)
{
    for (size_t r = 0; r < c->chw[1]; r++) {
        put_name(path);
        printf("\t%s\t%zu", layer, r);
        for (size_t k = 0; k < c->chw[2]; k++)
            printf("\t%" PRIu64, c->map[r * c->chw[2] + k]);
        putchar('\n');
    }
}

static void json_counts(struct pare_json *j, const char *key,
                        const uint64_t *count, size_t n)
{
    pare_json_array(j, key);
    for (size_t i = 0; i < n; i++)
        pare_json_int(j, NULL, (int64_t)count[i]);
    pare_json_end(j);
}

static void json_connections(struct pare_json *j, const struct connections *c)
{
    if (c->map) {
        pare_json_array(j, "map");
        for (size_t r = 0; r < c->chw[1]; r++)
            json_counts(j, NULL, c->map + r * c->chw[2], c->chw[2]);
        pare_json_end(j);
        return;
    }
    json_counts(j, "in", c->count.in, c->count.n_in);
    json_counts(j, "out", c->count.out, c->count.n_out);
}

static void print_connections(const char *path, const char *layer,
                              const struct connections *c, bool first)
{
    if (!c->map) {
        if (first)
            puts("model\tlayer\tside\tunit\tconnections");
        print_side(path, layer, "in", c->count.in, c->count.n_in);
        print_side(path, layer, "out", c->count.out, c->count.n_out);
        return;
    }
    if (first) {
        printf("model\tlayer\trow");
        for (size_t k = 0; k < c->chw[2]; k++)
            printf("\t%zu", k);
        putchar('\n');
    }
    print_map(path, layer, c);
}

/* ---- trend ------------------------------------------------------------- */

static void json_trend(struct pare_json *j, const struct pare_trend *t)
{
    pare_json_array(j, "squares");
    for (size_t i = 0; i < t->n; i++) {
        pare_json_object(j, NULL);
        pare_json_int(j, "side", (int64_t)t->side[i]);
        pare_json_real(j, "mean", t->mean[i]);
        pare_json_end(j);
    }
    pare_json_end(j);
    pare_json_real(j, "all", t->all);
    pare_json_int(j, "half", (int64_t)t->half);
    pare_json_real(j, "half_ratio", t->half_ratio);
    pare_json_int(j, "centre", (int64_t)t->middle);
    pare_json_int(j, "border", (int64_t)t->ring);
    pare_json_real(j, "centre_border", t->centre_ratio);
}

static void print_trend(const char *path, const char *layer,
                        const struct pare_trend *t, bool first)
{
    if (first) {
        printf("model\tlayer");
        for (size_t i = 0; i < t->n; i++)
            printf("\t%zu", t->side[i]);
        printf("\tall\tside%zu_all\tcentre_border\n", t->half);
    }
    put_name(path);
    printf("\t%s", layer);
    for (size_t i = 0; i < t->n; i++)
        put_number(t->mean[i]);
    put_number(t->all);
    put_number(t->half_ratio);
    put_number(t->centre_ratio);
    putchar('\n');
}

/* Begin the object of a model; the caller ends it. */
static void begin(struct pare_json *j, const char *path)
{
    pare_json_object(j, NULL);
    pare_json_text(j, "model", path);
}

/* The table, or an object that goes on where it is begun, of what was read. */
static void show_read(struct stats_sparse *s, struct pare_json *j,
                      const char *path, const char *layer,
                      const struct connections *c, const struct pare_trend *t)
{
    bool first = s->height == 0;

    s->height = c->map ? c->chw[1] : 1;
    s->width = c->map ? c->chw[2] : 1;
    if (j) {
        begin(j, path);
        pare_json_text(j, "layer", layer);
    }
    if (j && s->view == STATS_TREND)
        json_trend(j, t);
    else if (j)
        json_connections(j, c);
    else if (s->view == STATS_TREND)
        print_trend(path, layer, t, first);
    else
        print_connections(path, layer, c, first);
    if (j)
        pare_json_end(j);
}

static int show_layer(struct stats_sparse *s, struct pare_json *j,
                      const char *path, const struct pare_model *m)
{
    struct connections c = {0};
    struct pare_trend t = {0};
    struct connections_want want = {s->layer, s->shape, s->view == STATS_TREND};
    int rc = connections_read(&c, m, &want);

    if (!rc && !j && s->height && c.map &&
        (c.chw[1] != s->height || c.chw[2] != s->width))
        rc = pare_fail(PARE_EMISMATCH,
                       "an image of %zu x %zu, but the model before has one "
                       "of %zu x %zu",
                       c.chw[1], c.chw[2], s->height, s->width);
    if (!rc && s->view == STATS_TREND)
        rc = pare_trend(&t, c.map, c.chw[1], c.chw[2]);
    if (!rc)
        show_read(s, j, path, m->arch.layer[c.layer].name, &c, &t);
    pare_trend_release(&t);
    connections_release(&c);
    return rc;
}

/* ---- rewiring ---------------------------------------------------------- */

/* Numbers that follow from a row, means over its prunings. */
struct derived {
    double survival, kept, added;
};

static struct derived derive(const struct pare_rewiring *r,
                             const struct pare_model *m)
{
    double positions = (double)pare_tensor_positions(&m->tensor[r->tensor]);
    double times = (double)r->times;
    struct derived d = {(double)r->survived / (double)r->fresh,
                        ((double)r->before - (double)r->removed) / times /
                            positions,
                        (double)r->grown / times / positions};

    return d;
}

static const char *rewired_layer(const struct pare_rewiring *r,
                                 const struct pare_model *m)
{
    return m->arch.layer[m->tensor[r->tensor].layer].name;
}

static void print_rewiring(const char *path, const struct pare_rewiring *r,
                           const struct pare_model *m)
{
    struct derived d = derive(r, m);

    put_name(path);
    printf("\t%" PRIu64 "\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
           "\t%" PRIu64 "\t%" PRIu64,
           r->epoch, rewired_layer(r, m), r->times, r->before, r->removed,
           r->grown, r->fresh, r->survived);
    put_number(d.survival);
    put_number(d.kept);
    put_number(d.added);
    putchar('\n');
}

static void json_rewiring(struct pare_json *j, const struct pare_rewiring *r,
                          const struct pare_model *m)
{
    struct derived d = derive(r, m);

    pare_json_object(j, NULL);
    pare_json_int(j, "epoch", (int64_t)r->epoch);
    pare_json_text(j, "layer", rewired_layer(r, m));
    pare_json_int(j, "times", (int64_t)r->times);
    pare_json_int(j, "before", (int64_t)r->before);
    pare_json_int(j, "removed", (int64_t)r->removed);
    pare_json_int(j, "grown", (int64_t)r->grown);
    pare_json_int(j, "fresh", (int64_t)r->fresh);
    pare_json_int(j, "survived", (int64_t)r->survived);
    pare_json_real(j, "survival", d.survival);
    pare_json_real(j, "kept_density", d.kept);
    pare_json_real(j, "added_density", d.added);
    pare_json_end(j);
}

static void show_rewiring(struct stats_sparse *s, struct pare_json *j,
                          const char *path, const struct pare_model *m)
{
    if (!j && s->height == 0)
        puts("model\tepoch\tlayer\ttimes\tbefore\tremoved\tgrown\tfresh\t"
             "survived\tsurvival\tkept_density\tadded_density");
    s->height = s->width = 1;
    if (j) {
        begin(j, path);
        pare_json_array(j, "rewiring");
    }
    for (size_t i = 0; i < m->n_rewirings; i++) {
        if (j)
            json_rewiring(j, &m->rewiring[i], m);
        else
            print_rewiring(path, &m->rewiring[i], m);
    }
    if (j) {
        pare_json_end(j);
        pare_json_end(j);
    }
}

int stats_sparse_show(struct stats_sparse *s, struct pare_json *j,
                      const char *path, const struct pare_model *m)
{
    if (s->view != STATS_REWIRING)
        return show_layer(s, j, path, m);
    show_rewiring(s, j, path, m);
    return 0;
}
