# Means, deviations and intervals, for the tables of the experiments.
# Used as a library: awk -f interval.awk -f table.awk

# Probability that |t| < x, Student's t with n degrees of freedom.
# Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
function t_within(x, n,    theta, c, term, sum, k)
{
    theta = atan2(x, sqrt(n))
    c = cos(theta)
    if (n % 2 == 0) {
        term = sum = 1
        for (k = 2; k < n; k += 2) {
            term *= c * c * (k - 1) / k
            sum += term
        }
        return sin(theta) * sum
    }
    term = n > 1 ? c : 0
    sum = term
    for (k = 3; k < n; k += 2) {
        term *= c * c * (k - 1) / k
        sum += term
    }
    return 2 / 3.14159265358979 * (theta + sin(theta) * sum)
}

# The x with P(|t| < x) = .95, by halving.
function t95(n,    low, high, middle)
{
    low = 0
    high = 16
    while (high - low > 1e-9) {
        middle = (low + high) / 2
        if (t_within(middle, n) < .95)
            low = middle
        else
            high = middle
    }
    return high
}

function mean(x, n,    i, sum)
{
    for (i = 1; i <= n; i++)
        sum += x[i]
    return sum / n
}

# Standard deviation of a sample, 0 for one value.
function deviation(x, n,    i, m, sum)
{
    if (n < 2)
        return 0
    m = mean(x, n)
    for (i = 1; i <= n; i++)
        sum += (x[i] - m) ^ 2
    return sqrt(sum / (n - 1))
}

# Half the 95 % interval of a mean of n independent values.
function half_interval(x, n)
{
    return n < 2 ? 0 : t95(n - 1) * deviation(x, n) / sqrt(n)
}
