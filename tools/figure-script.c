/* Pictures as scripts of gnuplot. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "figure.h"
#include "number.h"
#include "utf8.h"

/*
 * What a series looks like. The colours are those of Okabe and Ito, which
 * differ for colour-blind eyes too; their order, dashes, points and patterns
 * tell them apart in grey.
 */
struct look {
    const char *colour;
    int point, pattern;
};

static const struct look looks[] = {{"#0072B2", 7, 3},  {"#E69F00", 5, 1},
                                    {"#000000", 9, 2},  {"#D55E00", 13, 4},
                                    {"#009E73", 11, 6}, {"#CC79A7", 6, 5},
                                    {"#56B4E9", 4, 7},  {"#888888", 8, 0}};

#define LOOKS (sizeof looks / sizeof *looks)

static const struct look *look_of(const struct figure_series *s)
{
    return &looks[(size_t)s->look % LOOKS];
}

/* After the last look the first comes again, with other dashes. */
static int dash_of(const struct figure_series *s)
{
    static const int again[] = {1, 4, 5, 3};

    return s->dashed ? 2 : again[(size_t)s->look / LOOKS % 4];
}

/* And with other patterns. */
static int pattern_of(const struct figure_series *s)
{
    return (look_of(s)->pattern + s->look / (int)LOOKS) % 8;
}

void figure_quote(const char *text, FILE *out)
{
    fputc('\'', out);
    while (*text) {
        size_t n = utf8_length(text);

        if (n == 0)
            fputc('?', out);
        else if (*text == '\'')
            fputs("''", out);
        else
            fwrite(text, 1, n, out);
        text += n ? n : 1;
    }
    fputc('\'', out);
}

static void set_text(const char *what, const char *text, FILE *out)
{
    fprintf(out, "set %s ", what);
    figure_quote(text ? text : "", out);
    fputc('\n', out);
}

/* Letters, that is characters that do not continue one. */
static size_t letters(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/*
 * A name in the legend, its middle left out where it is longer than `most`
 * letters: gnuplot draws no legend at all that is wider than the axes.
 */
static void quote_short(const char *name, size_t most, FILE *out)
{
    size_t n = letters(name), head = most / 2, tail = most - head - 1, at = 0;
    char cut[1000];
    size_t used = 0;

    for (; *name && used + 8 < sizeof cut; name++) {
        bool begins = ((unsigned char)*name & 0xc0) != 0x80;

        if (n > most && begins && at++ == head) {
            memcpy(cut + used, "\xe2\x80\xa6", 3);
            used += 3;
        }
        if (n <= most || at <= head || at > n - tail)
            cut[used++] = *name;
    }
    cut[used] = '\0';
    figure_quote(cut, out);
}

/* ---- data -------------------------------------------------------------- */

static void put_value(double v, double scale, FILE *out)
{
    char buf[PARE_NUMBER_MAX];

    if (isfinite(v))
        fputs(pare_number_print(buf, v * scale), out);
    else
        fputs("NaN", out);
}

static void print_data(const struct figure_panel *p, size_t panel,
                       size_t series, FILE *out)
{
    const struct figure_series *s = &p->series[series];
    double sx = p->x_percent ? 100 : 1, sy = p->y_percent ? 100 : 1;
    double sz = s->style == FIGURE_ERROR ? sy : 1;

    fprintf(out, "$p%zu_%zu << END\n", panel, series);
    for (size_t i = 0; i < s->n; i++) {
        put_value(s->x[i], sx, out);
        fputc(' ', out);
        /* An empty bin of a logarithmic histogram is below the axis. */
        put_value(p->y_log && s->y[i] <= 0 ? 0.1 : s->y[i], sy, out);
        fputc(' ', out);
        /* A single run has no deviation: a bar of no length. */
        put_value(isnan(s->z[i]) ? 0 : s->z[i], sz, out);
        fputc('\n', out);
    }
    fputs("END\n", out);
}

/* ---- a panel ----------------------------------------------------------- */

static bool has_style(const struct figure_panel *p, enum figure_style style)
{
    return p->n && p->series[0].style == style;
}

static bool is_curve(const struct figure_panel *p)
{
    return p->n && p->series[0].style <= FIGURE_ERROR;
}

/* Points not too many of a curve, so that they do not merge. */
static size_t interval(const struct figure_series *s)
{
    return s->n / 30 + 1;
}

static void print_style(const struct figure_panel *p, size_t series, FILE *out)
{
    const struct figure_series *s = &p->series[series];
    const struct look *l = look_of(s);
    double width = 0.8 / (double)p->n;

    switch (s->style) {
    case FIGURE_POINTS:
        fprintf(out,
                " using 1:2 with linespoints lw 2 dt %d lc rgb '%s' pt %d "
                "ps %s pi %zu",
                dash_of(s), l->colour, l->point, s->dashed ? "0.5" : "0.7",
                interval(s));
        break;
    case FIGURE_ERROR:
        fprintf(out,
                " using 1:2:3 with yerrorlines lw 2 dt %d lc rgb '%s' pt %d "
                "ps 0.8",
                dash_of(s), l->colour, l->point);
        break;
    case FIGURE_BARS:
        fprintf(out,
                " using ($1%+.6g):2:(%.6g) with boxes fs pattern %d border lt "
                "-1 lc rgb '%s'",
                ((double)series + 0.5) * width - 0.4, width, pattern_of(s),
                l->colour);
        break;
    case FIGURE_STEPS:
        fprintf(out, " using 1:2 with histeps lw 2 dt %d lc rgb '%s'",
                dash_of(s), l->colour);
        break;
    case FIGURE_BOX:
        fprintf(out,
                " using 1:2:3 with boxes fs pattern %d border lt -1 lc rgb "
                "'%s'",
                pattern_of(s), l->colour);
        break;
    case FIGURE_IMAGE:
        fputs(" using 1:2:3 with image", out);
        break;
    }
}

static void print_ticks(const struct figure_panel *p, FILE *out)
{
    fputs("set xtics (", out);
    for (size_t i = 0; i < p->n_ticks; i++) {
        fputs(i ? ", " : "", out);
        figure_quote(p->tick[i], out);
        fprintf(out, " %zu", i);
    }
    fputs(p->n_ticks > 8 ? ") rotate by -45\n" : ") norotate\n", out);
    fprintf(out, "set xrange [-0.6:%g]\n", (double)p->n_ticks - 0.4);
}

/* The pixels of an image: one more than the largest place. */
static size_t extent(const double *v, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = v[i] > most ? v[i] : most;
    return (size_t)most + 1;
}

static void print_image_axes(const struct figure *f,
                             const struct figure_panel *p, bool text, FILE *out)
{
    const struct figure_series *s = &p->series[0];
    size_t width = extent(s->x, s->n), height = extent(s->y, s->n);

    fprintf(out, "set xrange [-0.5:%g]\n", (double)width - 0.5);
    fprintf(out, "set yrange [%g:-0.5]\n", (double)height - 0.5);
    if (!text)
        fprintf(out, "set size ratio %.6g\n", (double)height / (double)width);
    fprintf(out, "set cbrange [0:%.6g]\n", f->z_max > 0 ? f->z_max : 1);
    fputs("unset key\nunset grid\n", out);
    set_text("cblabel", p->z_label, out);
}

/* The least and largest finite number of all series, with deviations. */
static void extremes(double *least, double *most, const struct figure_panel *p,
                     bool y)
{
    *least = HUGE_VAL;
    *most = -HUGE_VAL;
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->series[i].n; k++) {
            const struct figure_series *s = &p->series[i];
            double v = y ? s->y[k] : s->x[k];
            double d =
                y && s->style == FIGURE_ERROR && s->z[k] > 0 ? s->z[k] : 0;

            if (!isfinite(s->x[k]) || !isfinite(s->y[k]))
                continue;
            *least = fmin(*least, v - d);
            *most = fmax(*most, v + d);
        }
}

/* The space between ticks of whole numbers: 1, 2, 5, 10, ... */
static void print_whole(const struct figure_panel *p, FILE *out)
{
    double least, most, step = 1;

    extremes(&least, &most, p, false);
    for (int i = 0; step * 12 < most - least && i < 30; i++)
        step *= i % 3 == 1 ? 2.5 : 2;
    fprintf(out, "set xtics %.6g\n", step);
}

/*
 * The range of an axis. The room around curves must not make it go below 0,
 * or above 100 %, where no number is.
 */
static void print_range(const struct figure_panel *p, bool y, FILE *out)
{
    bool percent = y ? p->y_percent : p->x_percent;
    double least, most, room;

    if (y && p->y_zero) {
        fputs(percent ? "set yrange [0:100]\n" : "set yrange [0:*]\n", out);
        return;
    }
    if (!is_curve(p) || (!y && p->x_log)) {
        fprintf(out, "set %crange [*:*]\n", y ? 'y' : 'x');
        return;
    }
    extremes(&least, &most, p, y);
    room = 0.05 * (most - least);
    fprintf(out, "set %crange [%s:%s]\n", y ? 'y' : 'x',
            least >= 0 && (least <= room || (y && p->y_low)) ? "0" : "*",
            percent && most <= 1 && most + room >= 1 ? "100" : "*");
}

/* Room around curves, so that no point lies on an axis. */
static void print_offsets(const struct figure_panel *p, FILE *out)
{
    if (is_curve(p) && !p->x_log && !p->y_log)
        fputs("set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03\n",
              out);
    else
        fputs("set offsets 0, 0, 0, 0\n", out);
}

/* Text has no room beside the axis: the label is above it. */
static void print_labels(const struct figure *f, const struct figure_panel *p,
                         bool text, FILE *out)
{
    const char *colon = *p->title ? ": " : "";
    char title[600], most[PARE_NUMBER_MAX];

    if (has_style(p, FIGURE_IMAGE))
        snprintf(title, sizeof title, "%.400s%s%s, @ is %s", p->title, colon,
                 p->z_label, pare_number_print(most, f->z_max));
    else
        snprintf(title, sizeof title, "%.400s%s%s", p->title, colon,
                 p->y_label);
    set_text("title", text ? title : p->title, out);
    set_text("xlabel", p->x_label, out);
    set_text("ylabel", text ? "" : p->y_label, out);
}

static void print_axes(const struct figure *f, const struct figure_panel *p,
                       bool text, FILE *out)
{
    print_labels(f, p, text, out);
    fputs("set xtics autofreq norotate\n", out);
    print_range(p, false, out);
    print_range(p, true, out);
    fputs(p->x_log ? "set logscale x 2\n" : "unset logscale x\n", out);
    fputs(p->y_log ? "set logscale y 10\nset yrange [0.5:*]\n"
                   : "unset logscale y\n",
          out);
    print_offsets(p, out);
    if (p->x_whole)
        print_whole(p, out);
    if (p->n_ticks)
        print_ticks(p, out);
    if (has_style(p, FIGURE_IMAGE))
        print_image_axes(f, p, text, out);
    if (p->n == 1 && !*p->series[0].name)
        fputs("unset key\n", out);
}

/* Pixels of text: ten letters, the fuller the more. */
static void print_letters(const struct figure *f, FILE *out)
{
    fprintf(out,
            " using 1:2:(i = 1 + int(9 * $3 / %.6g), substr(' .:-=+*#%%@', i, "
            "i)) with labels",
            f->z_max > 0 ? f->z_max : 1);
}

/* ---- the whole --------------------------------------------------------- */

/* Panels in a row: of text a single one, which would be too narrow. */
static size_t columns_of(const struct figure *f, const struct figure_medium *m)
{
    return f->columns && m->format != FIGURE_TEXT ? f->columns : 1;
}

/* Room for a letter and a space to each pixel, and for axes and title. */
static void fit_letters(const struct figure *f, size_t rows, size_t *width,
                        size_t *height)
{
    const struct figure_series *s = &f->panel[0].series[0];
    size_t w = 2 * extent(s->x, s->n) + 14, h = extent(s->y, s->n) + 8;

    if (!*width)
        *width = w < 60 ? 60 : w;
    if (!*height)
        *height = (h < 14 ? 14 : h) * rows + 1;
}

/* Lines of the longest legend beyond four. */
static size_t long_legend(const struct figure *f)
{
    size_t most = 4;

    for (size_t i = 0; i < f->n; i++) {
        size_t n = 0;

        for (size_t k = 0; k < f->panel[i].n; k++)
            n += !f->panel[i].series[k].unnamed;
        most = n > most ? n : most;
    }
    return most - 4;
}

/* The size of the whole, as asked for or as it needs. */
static void fit(size_t *width, size_t *height, const struct figure *f,
                const struct figure_medium *m)
{
    size_t columns = columns_of(f, m), rows = (f->n + columns - 1) / columns;
    bool text = m->format == FIGURE_TEXT;

    *width = m->width;
    *height = m->height;
    if (text && f->n && has_style(&f->panel[0], FIGURE_IMAGE))
        fit_letters(f, rows, width, height);
    if (!*width)
        *width = text ? 79 : columns == 1 ? 720 : 520 * columns;
    if (!*height)
        *height = text        ? 24 * rows
                  : rows == 1 ? 460 + 16 * long_legend(f)
                              : 420 * rows;
}

/* Letters that a name in a legend may have: what the axes have room for. */
static size_t legend_room(const struct figure *f, const struct figure_medium *m)
{
    size_t width, height, room;

    fit(&width, &height, f, m);
    room = width / columns_of(f, m);
    if (m->format != FIGURE_TEXT)
        room = room > 160 ? (room - 160) / 8 : 0;
    else
        room = room > 20 ? room - 20 : 0;
    return room < 8 ? 8 : room;
}

static void print_panel(const struct figure *f, size_t panel,
                        const struct figure_medium *m, FILE *out)
{
    const struct figure_panel *p = &f->panel[panel];
    bool text = m->format == FIGURE_TEXT;
    size_t room = legend_room(f, m);

    print_axes(f, p, text, out);
    fputs("plot", out);
    for (size_t i = 0; i < p->n; i++) {
        fprintf(out, "%s $p%zu_%zu", i ? ", \\\n    " : "", panel, i);
        if (text && p->series[i].style == FIGURE_IMAGE)
            print_letters(f, out);
        else
            print_style(p, i, out);
        fputs(p->series[i].unnamed ? " notitle" : " title ", out);
        if (!p->series[i].unnamed)
            quote_short(p->series[i].name, room, out);
    }
    fputc('\n', out);
}

/* And the title: it is in larger letters, and over all columns. */
static size_t title_room(const struct figure *f, const struct figure_medium *m)
{
    size_t width, height, room;

    fit(&width, &height, f, m);
    room = m->format == FIGURE_TEXT ? width : width / 9;
    return room < 8 ? 8 : room;
}

static void print_terminal(const struct figure *f,
                           const struct figure_medium *m, FILE *out)
{
    size_t width, height;

    fit(&width, &height, f, m);
    if (m->format == FIGURE_TEXT) {
        fprintf(out, "set terminal dumb mono noenhanced size %zu,%zu\n", width,
                height);
        return;
    }
    if (m->format == FIGURE_SVG)
        fprintf(out,
                "set terminal svg noenhanced size %zu,%zu font 'sans,13' "
                "background '#ffffff'\n",
                width, height);
    else if (m->format == FIGURE_PNG)
        fprintf(out,
                "set terminal pngcairo noenhanced size %zu,%zu font 'sans,10' "
                "background '#ffffff'\n",
                width, height);
    else
        fprintf(out,
                "set terminal pdfcairo noenhanced size %.4gin,%.4gin font "
                "'sans,10' background '#ffffff'\n",
                (double)width / 96, (double)height / 96);
}

static void print_settings(const struct figure_medium *m, FILE *out)
{
    fputs("set encoding utf8\n"
          "set minussign\n"
          "set border 3 lw 1\n"
          "set tics nomirror out\n"
          "set key tmargin center horizontal\n"
          "set palette defined (0 '#00224e', 0.25 '#404c6b', 0.5 '#7b7b78', "
          "0.75 '#b9ab69', 1 '#fee838')\n",
          out);
    if (m->format != FIGURE_TEXT)
        fputs("set grid ytics lt 1 lw 0.5 lc rgb '#cccccc'\n", out);
}

void figure_print_script(const struct figure *f, const struct figure_medium *m,
                         FILE *out)
{
    size_t columns = columns_of(f, m), rows = (f->n + columns - 1) / columns;

    print_terminal(f, m, out);
    print_settings(m, out);
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->panel[i].n; k++)
            print_data(&f->panel[i], i, k, out);
    fprintf(out, "set multiplot layout %zu,%zu title ", rows, columns);
    quote_short(f->title ? f->title : "", title_room(f, m), out);
    fprintf(out, " font ',%d'\n", m->format == FIGURE_SVG ? 16 : 12);
    for (size_t i = 0; i < f->n; i++)
        print_panel(f, i, m, out);
    fputs("unset multiplot\n", out);
}
