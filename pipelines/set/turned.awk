# Pictures of 28 x 28 bytes, as numbers between blanks, to pictures of 32 x 32
# that are turned about their middle by 0, 5 .. 355 degrees: CSV of numbers from
# 0 to 1, the label is the picture's number.  Between pixels it is the bilinear
# mean, and outside of a picture 0.

{
    for (f = 1; f <= NF; f++)
        pixel[n++] = $f / 255
}

# Pixel of picture t at column u and row v.
function at(t, u, v)
{
    if (u < 0 || u > 27 || v < 0 || v > 27)
        return 0
    return pixel[784 * t + 28 * v + u]
}

function between(t, u, v,    a, b)
{
    if (u <= -1 || u >= 28 || v <= -1 || v >= 28)
        return 0
    # int() cuts towards 0, and all are above -1.
    a = int(u + 1) - 1
    b = int(v + 1) - 1
    u -= a
    v -= b
    return (1 - v) * ((1 - u) * at(t, a, b) + u * at(t, a + 1, b)) + \
        v * ((1 - u) * at(t, a, b + 1) + u * at(t, a + 1, b + 1))
}

function picture(t, angle,    c, s, x, y, p)
{
    c = cos(angle)
    s = sin(angle)
    printf "%d", t
    for (y = -15.5; y < 16; y++)
        for (x = -15.5; x < 16; x++) {
            p = between(t, c * x + s * y + 13.5, c * y - s * x + 13.5)
            # Rounding may leave it just outside of 0 to 1.
            printf ",%.4g", (p > 1 ? 1 : p < 1e-6 ? 0 : p)
        }
    print ""
}

END {
    printf "thing"
    for (i = 0; i < 1024; i++)
        printf ",p%d", i
    print ""
    for (t = 0; t < n / 784; t++)
        for (k = 0; k < 72; k++)
            picture(t, k * atan2(0, -1) / 36)
}
