/* make_adolc.cpp - writes adolc.txt on standard output: scalar programs with gradient, Hessian and third derivatives as ADOL-C computes them.
 *
 * Needs Debian's libadolc-dev: g++ -O1 make_adolc.cpp -ladolc -o make_adolc && ./make_adolc > adolc.txt */
#include <adolc/adolc.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

typedef std::vector<adouble> numbers;

/* ---- programs: R^n -> R ---- */

/* The product of all, Speelpenning's example. */
static adouble speelpenning(const numbers &x) {
    adouble y = 1;
    for (const adouble &one : x) y *= one;
    return y;
}

static adouble rosenbrock(const numbers &x) {
    adouble y = 0;
    for (size_t i = 0; i + 1 < x.size(); i++) {
        const adouble a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
        y += a * a + 100 * b * b;
    }
    return y;
}

/* Griewank's example of an energy: sum x ln(x / (1 - b x)) - x A x / (sqrt(8) b x) ln((1 + (1 + sqrt 2) b x) / (1 + (1 - sqrt 2) b x)),
 * with b_i = 0.01 (i + 1) and A_ij = 1 / (i + j + 1). */
static adouble helmholtz(const numbers &x) {
    adouble bx = 0, xax = 0, y = 0;
    for (size_t i = 0; i < x.size(); i++) {
        bx += 0.01 * (double)(i + 1) * x[i];
        for (size_t j = 0; j < x.size(); j++) xax += x[i] * x[j] / (double)(i + j + 1);
    }
    for (size_t i = 0; i < x.size(); i++) y += x[i] * log(x[i] / (1 - bx));
    const double root = std::sqrt(2.0);
    return y - xax / (std::sqrt(8.0) * bx) * log((1 + (1 + root) * bx) / (1 + (1 - root) * bx));
}

/* Mean squared error of a 2-3-1 net with tanh on four rows, by its 13 parameters: W1 [2, 3], b1, W2 [3, 1], b2. */
static adouble net(const numbers &w) {
    static const double x[4][2] = { { 0.5, -1 }, { 1.5, 0.25 }, { -0.75, 2 }, { -1.25, -0.5 } }, t[4] = { 1, -0.5, 0.25, -1 };
    adouble loss = 0;
    for (int r = 0; r < 4; r++) {
        adouble y = w[12];
        for (int h = 0; h < 3; h++) y += tanh(x[r][0] * w[h] + x[r][1] * w[3 + h] + w[6 + h]) * w[9 + h];
        loss += (y - t[r]) * (y - t[r]) / 4;
    }
    return loss;
}

/* Functions on top of each other. */
static adouble nested(const numbers &x) {
    adouble y = 0;
    for (size_t i = 0; i < x.size(); i++) {
        const adouble &next = x[(i + 1) % x.size()];
        y += exp(sin(x[i] * next)) * sqrt(1 + next * next) / (2 + cos(x[i])) + pow(1.5 + x[i] * x[i], 1.5);
    }
    return log(y);
}

/* Cross-entropy of logits against the first class, and their softplus. */
static adouble classes(const numbers &x) {
    adouble sum = 0, soft = 0;
    for (const adouble &one : x) sum += exp(one), soft += log(1 + exp(one));
    return log(sum) - x[0] + soft * soft / 8;
}

/* ---- writing ---- */

static void matrix(const char *word, int rows, int cols, const std::vector<double> &at) {
    std::printf("%s %d %d", word, rows, cols);
    for (double one : at) std::printf(" %a", one);
    std::printf("\n");
}

static void write(const char *name, adouble (*program)(const numbers &), const std::vector<double> &at) {
    const short tag = 1;
    const int   n   = (int)at.size();
    double      y;
    trace_on(tag);
    numbers x(at.size());
    for (int i = 0; i < n; i++) x[(size_t)i] <<= at[(size_t)i];
    adouble result = program(x);
    result >>= y;
    trace_off();

    std::vector<double> point(at), gradient_(at.size()), hessian_, third;
    gradient(tag, n, point.data(), gradient_.data());
    double **h = myalloc2((size_t)n, (size_t)n);
    hessian(tag, n, point.data(), h);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) hessian_.push_back(h[i > j ? i : j][i > j ? j : i]);      /* it fills the lower triangle */

    double **seed = myalloc2((size_t)n, (size_t)n);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) seed[i][j] = i == j;
    const int size   = binomi(n + 3, 3);
    double  **tensor = myalloc2(1, (size_t)size);
    tensor_eval(tag, 1, n, 3, n, point.data(), tensor, seed);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            for (int k = 0; k < n; k++) {
                int index[3] = { i + 1, j + 1, k + 1 };      /* from 1, the largest first; 0 would be a lower derivative */
                std::sort(index, index + 3, std::greater<int>());
                third.push_back(tensor[0][tensor_address(3, index)]);
            }
    std::printf("program %s\n", name);
    matrix("x", 1, n, at);
    matrix("value", 1, 1, { y });
    matrix("gradient", 1, n, gradient_);
    matrix("hessian", n, n, hessian_);
    matrix("third", n * n, n, third);
    myfree2(h);
    myfree2(seed);
    myfree2(tensor);
}

int main() {
    write("speelpenning", speelpenning, { 0.5, -1.25, 2, 0.75, -1.5, 1.125 });
    write("speelpenning", speelpenning, { 0.5, 0, 2, -0.75 });
    write("rosenbrock", rosenbrock, { -1.25, 1, 0.5, 0.75, -0.5 });
    write("rosenbrock", rosenbrock, { 1, 1, 1 });
    write("helmholtz", helmholtz, { 0.5, 1.25, 2, 0.75, 1.5 });
    write("nested", nested, { 0.5, -1.25, 2, 0.75 });
    write("classes", classes, { 0.5, -1.25, 2, 0.75, -3 });
    write("net", net, { 0.5, -1, 0.25, 0.75, 0.125, -0.5, 0.0625, -0.25, 0.375, 1, -0.75, 0.5, 0.125 });
    return 0;
}
