#ifndef PARE_FIGURE_H
#define PARE_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** How a series is drawn. */
enum figure_style {
    FIGURE_POINTS, /* a line with points */
    FIGURE_ERROR,  /* the same with bars of one standard deviation */
    FIGURE_BARS,   /* a bar for each tick, beside those of other series */
    FIGURE_STEPS,  /* a histogram's outline */
    FIGURE_BOX,    /* a bar of width z */
    FIGURE_IMAGE   /* pixels: x column, y row, z colour */
};

/** Numbers that belong together; NaN is a gap. */
struct figure_series {
    char *name; /* in the legend and the table */
    enum figure_style style;
    int look; /* colour, point and pattern, by number */
    bool dashed;
    bool unnamed; /* not in the legend */
    size_t n, room;
    double *x, *y, *z; /* [n]; z: deviation, colour, width */
};

/** One pair of axes. */
struct figure_panel {
    char *title; /* "" none */
    const char *x_label, *y_label, *z_label;
    bool x_percent, y_percent; /* fractions, drawn in percent */
    bool x_log, y_log;
    bool x_whole; /* ticks at whole numbers alone */
    bool y_zero;  /* the axis begins at 0, and ends at 100 % */
    bool y_low;   /* it begins at 0, and ends where the numbers do */
    size_t n_ticks;
    char **tick; /* [n_ticks] names of x = 0, 1, ... */
    size_t n, room;
    struct figure_series *series;
};

/** A picture: panels in rows. Zero-initialise, release after use. */
struct figure {
    char *title;
    size_t columns; /* panels in a row */
    double z_max;   /* of the colours of all panels */
    size_t n, room;
    struct figure_panel *panel;
};

/** Files that a figure can become. */
enum figure_format { FIGURE_SVG, FIGURE_PNG, FIGURE_PDF, FIGURE_TEXT };

/** How a figure is put down. */
struct figure_medium {
    enum figure_format format;
    size_t height, width; /* pixels, or lines and columns of text; 0: fits */
};

/** Append a panel. NULL without memory (message set). */
struct figure_panel *figure_panel(struct figure *f, const char *title);

/** Append a series to a panel. NULL without memory (message set). */
struct figure_series *figure_series(struct figure_panel *p, const char *name,
                                    enum figure_style style, int look);

/** Append a point. 0 or PARE_ENOMEM. */
int figure_point(struct figure_series *s, double x, double y, double z);

/** Name the next tick, x = 0, 1, ... 0 or PARE_ENOMEM. */
int figure_tick(struct figure_panel *p, const char *name);

/** Free what it owns and zero it; zeroed is fine. */
void figure_release(struct figure *f);

/** Has it a finite point? */
bool figure_has_points(const struct figure *f);

/**
 * Print the numbers: a line for each point with panel, series, x (or the
 * tick's name), y and z, which is NaN where a point has none.
 */
void figure_print_table(const struct figure *f, FILE *out);

/**
 * Print the script that draws it on gnuplot's standard output. Texts are
 * quoted so that gnuplot takes nothing in them for a command or for markup.
 */
void figure_print_script(const struct figure *f, const struct figure_medium *m,
                         FILE *out);

/** Print a text in gnuplot's single quotes, what is no text as '?'. */
void figure_quote(const char *text, FILE *out);

#endif
