/* Texts of strangers in pictures and pages. */
#include "utf8.h"

/* Is the second byte one that the first allows? */
static int second(unsigned char a, unsigned char b)
{
    switch (a) {
    case 0xc2:
        return b >= 0xa0 && b < 0xc0; /* below are controls */
    case 0xe0:
        return b >= 0xa0 && b < 0xc0;
    case 0xed:
        return b >= 0x80 && b < 0xa0;
    case 0xf0:
        return b >= 0x90 && b < 0xc0;
    case 0xf4:
        return b >= 0x80 && b < 0x90;
    default:
        return b >= 0x80 && b < 0xc0;
    }
}

size_t utf8_length(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (n == 1)
        return p[0] >= 0x20 && p[0] != 0x7f;
    if (p[0] < 0xc2 || p[0] > 0xf4 || !second(p[0], p[1]))
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static const char *entity(char c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void utf8_html(const char *text, FILE *out)
{
    while (*text) {
        size_t n = utf8_length(text);

        if (n == 0)
            fputc(*text == '\n' ? '\n' : '?', out);
        else if (entity(*text))
            fputs(entity(*text), out);
        else
            fwrite(text, 1, n, out);
        text += n ? n : 1;
    }
}
