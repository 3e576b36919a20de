/* Numbers of pictures. */
#include "figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "status.h"

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "out of memory");
}

/* Room for one more of n elements of a size; NULL without memory. */
static void *room_for(void *list, size_t n, size_t *room, size_t size)
{
    void *grown;

    if (n < *room)
        return list;
    grown = realloc(list, (2 * n + 8) * size);
    if (grown)
        *room = 2 * n + 8;
    else
        no_memory();
    return grown;
}

struct figure_panel *figure_panel(struct figure *f, const char *title)
{
    struct figure_panel *p = room_for(f->panel, f->n, &f->room, sizeof *p);

    if (!p)
        return NULL;
    f->panel = p;
    p += f->n;
    memset(p, 0, sizeof *p);
    p->title = strdup(title);
    if (!p->title) {
        no_memory();
        return NULL;
    }
    f->n++;
    return p;
}

struct figure_series *figure_series(struct figure_panel *p, const char *name,
                                    enum figure_style style, int look)
{
    struct figure_series *s = room_for(p->series, p->n, &p->room, sizeof *s);

    if (!s)
        return NULL;
    p->series = s;
    s += p->n;
    memset(s, 0, sizeof *s);
    s->style = style;
    s->look = look;
    s->name = strdup(name);
    if (!s->name) {
        no_memory();
        return NULL;
    }
    p->n++;
    return s;
}

int figure_point(struct figure_series *s, double x, double y, double z)
{
    if (s->n == s->room) {
        size_t room = 2 * s->room + 32;
        double **list[] = {&s->x, &s->y, &s->z};

        for (size_t i = 0; i < 3; i++) {
            double *grown = realloc(*list[i], room * sizeof *grown);

            if (!grown)
                return no_memory();
            *list[i] = grown;
        }
        s->room = room;
    }
    s->x[s->n] = x;
    s->y[s->n] = y;
    s->z[s->n++] = z;
    return 0;
}

int figure_tick(struct figure_panel *p, const char *name)
{
    char **grown = realloc(p->tick, (p->n_ticks + 1) * sizeof *grown);

    if (!grown)
        return no_memory();
    p->tick = grown;
    grown[p->n_ticks] = strdup(name);
    if (!grown[p->n_ticks])
        return no_memory();
    p->n_ticks++;
    return 0;
}

static void release_panel(struct figure_panel *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->series[i].name);
        free(p->series[i].x);
        free(p->series[i].y);
        free(p->series[i].z);
    }
    free(p->series);
    for (size_t i = 0; i < p->n_ticks; i++)
        free(p->tick[i]);
    free(p->tick);
    free(p->title);
}

void figure_release(struct figure *f)
{
    for (size_t i = 0; i < f->n; i++)
        release_panel(&f->panel[i]);
    free(f->panel);
    free(f->title);
    memset(f, 0, sizeof *f);
}

bool figure_has_points(const struct figure *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->panel[i].n; k++) {
            const struct figure_series *s = &f->panel[i].series[k];

            for (size_t j = 0; j < s->n; j++)
                if (isfinite(s->x[j]) && isfinite(s->y[j]))
                    return true;
        }
    return false;
}

/* ---- the table --------------------------------------------------------- */

static void put_cell(const char *text, FILE *out)
{
    for (; *text; text++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

static void put_number(double v, FILE *out)
{
    char buf[PARE_NUMBER_MAX];

    fprintf(out, "\t%s", pare_number_print(buf, isnan(v) ? (double)NAN : v));
}

static void print_series(const struct figure_panel *p,
                         const struct figure_series *s, FILE *out)
{
    for (size_t i = 0; i < s->n; i++) {
        put_cell(p->title, out);
        fputc('\t', out);
        put_cell(s->name, out);
        if (s->x[i] >= 0 && s->x[i] < (double)p->n_ticks) {
            fputc('\t', out);
            put_cell(p->tick[(size_t)s->x[i]], out);
        } else {
            put_number(s->x[i], out);
        }
        put_number(s->y[i], out);
        put_number(s->z[i], out);
        fputc('\n', out);
    }
}

void figure_print_table(const struct figure *f, FILE *out)
{
    fputs("panel\tseries\tx\ty\tz\n", out);
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->panel[i].n; k++)
            print_series(&f->panel[i], &f->panel[i].series[k], out);
}
