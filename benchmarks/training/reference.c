/* Training steps of a dense network as one writes them by hand, for one network and one batch size.

Built with -D for each of
    SIZES       units of the layers, separated by commas, the inputs first
    UNITS       their sum
    PARAMETERS  number of weights and biases
    BATCH       rows of a minibatch; BLOCK of them, a divisor, are taken through the network at a time
    HIDDEN      activation of the hidden layers: RELU or TANH
    OUTPUT      SOFTMAX with cross-entropy, SIGMOID with binary cross-entropy, or IDENTITY with the squared error
    OPTIMIZER   ADAM or SGD
    THREADS     threads that share the blocks of a batch; products within one block may use threads of BLAS
    SMALL       multiplications up to which a product is a plain loop, whose sizes the compiler knows, and not BLAS

Layer l has weights W of shape (sizes[l], sizes[l + 1]), then its bias b, one layer after the other in `parameters`.
With the activations a[l] of a block, one row for each example, and the sensitivities d[l] = dC/dz[l]:
    z[l + 1] = a[l] W + b,   a[l + 1] = f(z[l + 1])
    d[l] = (d[l + 1] W') f'(z[l])
    dC/dW = a[l]' d[l + 1],   dC/db = column sums of d[l + 1]
*/

#include <math.h>
#include <stdint.h>
#include <string.h>

#define RELU 1
#define TANH 2
#define SOFTMAX 3
#define SIGMOID 4
#define IDENTITY 5
#define ADAM 6
#define SGD 7

/* Parameters from which on several threads update them: entering and leaving costs some microseconds. */
#define LARGE 1000000

#define INLINE static inline __attribute__((always_inline))
#define ALIGNED __attribute__((aligned(64)))

typedef void Sgemm(const char *, const char *, const int *, const int *, const int *, const float *, const float *,
                   const int *, const float *, const int *, const float *, float *, const int *);

static const int sizes[] = {SIZES};
enum { LAYERS = sizeof sizes / sizeof *sizes - 1, BLOCKS = BATCH / BLOCK };

/* Targets are labels for softmax, and one number for each output otherwise. */
#if OUTPUT == SOFTMAX
typedef int32_t Target;
enum { TARGETS = 1 };
#else
typedef float Target;
enum { TARGETS = sizeof sizes / sizeof *sizes };
#endif

typedef struct {
    float activations[BLOCK * UNITS], sensitivities[BLOCK * UNITS], gradients[PARAMETERS + 16];
    double cost;
} Workspace;

static Sgemm *sgemm;
ALIGNED static float parameters[PARAMETERS], first[PARAMETERS], second[PARAMETERS];
ALIGNED static Workspace workspaces[THREADS];
static double power1 = 1, power2 = 1;

INLINE int units_before(int layer) {
    int units = 0;
    for (int l = 0; l < layer; l++) units += sizes[l];
    return units;
}

INLINE int parameters_before(int layer) {
    int count = 0;
    for (int l = 0; l < layer; l++) count += (sizes[l] + 1) * sizes[l + 1];
    return count;
}

/* BLAS counts columns first: its product of the transposes is the transpose of the product. */

/* c = a b; a (m, k), b (k, n) */
INLINE void product(int m, int n, int k, const float *restrict a, const float *restrict b, float *restrict c) {
    if ((double)m * n * k > SMALL) {
        const float one = 1, zero = 0;
        sgemm("N", "N", &n, &m, &k, &one, b, &n, a, &k, &zero, c, &n);
        return;
    }
    for (int i = 0; i < m; i++) {
        float row[n];
        for (int j = 0; j < n; j++) row[j] = 0;
        for (int p = 0; p < k; p++)
            for (int j = 0; j < n; j++) row[j] += a[i * k + p] * b[p * n + j];
        for (int j = 0; j < n; j++) c[i * n + j] = row[j];
    }
}

/* c = s c + a' b; a (m, k), b (m, n), s 0 or 1 */
INLINE void product_of_transposed(int m, int n, int k, const float *restrict a, const float *restrict b,
                                  float *restrict c, int add) {
    if ((double)m * n * k > SMALL) {
        const float one = 1, scale = add;
        sgemm("N", "T", &n, &k, &m, &one, b, &n, a, &k, &scale, c, &n);
        return;
    }
    for (int p = 0; p < k; p++) {
        float row[n];
        for (int j = 0; j < n; j++) row[j] = add ? c[p * n + j] : 0;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) row[j] += a[i * k + p] * b[i * n + j];
        for (int j = 0; j < n; j++) c[p * n + j] = row[j];
    }
}

/* c = a b'; a (m, n), b (k, n) */
INLINE void product_with_transposed(int m, int n, int k, const float *restrict a, const float *restrict b,
                                    float *restrict c) {
    if ((double)m * n * k > SMALL) {
        const float one = 1, zero = 0;
        sgemm("T", "N", &k, &m, &n, &one, b, &n, a, &n, &zero, c, &k);
        return;
    }
    for (int i = 0; i < m; i++)
        for (int p = 0; p < k; p++) {
            float sum = 0;
            for (int j = 0; j < n; j++) sum += a[i * n + j] * b[p * n + j];
            c[i * k + p] = sum;
        }
}

INLINE void forward(Workspace *w, int l) {
    const int inputs = sizes[l], outputs = sizes[l + 1];
    const float *weights = parameters + parameters_before(l), *bias = weights + inputs * outputs;
    float *a = w->activations + BLOCK * units_before(l + 1);
    product(BLOCK, outputs, inputs, w->activations + BLOCK * units_before(l), weights, a);
    for (int i = 0; i < BLOCK; i++)
        for (int j = 0; j < outputs; j++) {
            const float z = a[i * outputs + j] + bias[j];
            if (l + 1 == LAYERS)
                a[i * outputs + j] = z;
            else if (HIDDEN == RELU)
                a[i * outputs + j] = z > 0 ? z : 0;
            else
                a[i * outputs + j] = tanhf(z);
        }
}

INLINE void output(Workspace *w, const Target *all, const int64_t *rows) {
    const int outputs = sizes[LAYERS];
    const float share = 1.0f / BATCH;
    float *restrict z = w->activations + BLOCK * units_before(LAYERS);
    float *restrict d = w->sensitivities + BLOCK * units_before(LAYERS);
    float cost = 0;
#if OUTPUT == SOFTMAX
    for (int i = 0; i < BLOCK; i++) {
        float largest = z[i * outputs];
        for (int j = 1; j < outputs; j++) largest = fmaxf(largest, z[i * outputs + j]);
        for (int j = 0; j < outputs; j++) z[i * outputs + j] -= largest;
    }
    for (int k = 0; k < BLOCK * outputs; k++) d[k] = expf(z[k]);
    float sums[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        float sum = 0;
        for (int j = 0; j < outputs; j++) sum += d[i * outputs + j];
        for (int j = 0; j < outputs; j++) d[i * outputs + j] *= share / sum;
        const Target label = all[rows[i]];
        d[i * outputs + label] -= share;
        cost -= z[i * outputs + label];
        sums[i] = sum;
    }
    for (int i = 0; i < BLOCK; i++) cost += logf(sums[i]);
#else
    for (int i = 0; i < BLOCK; i++)
        for (int j = 0; j < outputs; j++) {
            const float t = all[rows[i] * outputs + j], s = z[i * outputs + j];
#if OUTPUT == SIGMOID
            const float e = expf(-fabsf(s));
            cost += fmaxf(s, 0) - t * s + log1pf(e);
            d[i * outputs + j] = ((s >= 0 ? 1 : e) / (1 + e) - t) * share;
#else
            cost += (s - t) * (s - t);
            d[i * outputs + j] = 2 * share * (s - t);
#endif
        }
#endif
    w->cost += cost * share;
}

INLINE void backward(Workspace *w, int l, int add) {
    const int inputs = sizes[l], outputs = sizes[l + 1];
    const float *restrict a = w->activations + BLOCK * units_before(l);
    const float *restrict d = w->sensitivities + BLOCK * units_before(l + 1);
    float *restrict below = w->sensitivities + BLOCK * units_before(l);
    float *restrict gradient = w->gradients + parameters_before(l), *restrict bias = gradient + inputs * outputs;
    product_of_transposed(BLOCK, outputs, inputs, a, d, gradient, add);
    float sums[outputs];
    for (int j = 0; j < outputs; j++) sums[j] = add ? bias[j] : 0;
    for (int i = 0; i < BLOCK; i++)
        for (int j = 0; j < outputs; j++) sums[j] += d[i * outputs + j];
    for (int j = 0; j < outputs; j++) bias[j] = sums[j];
    if (l == 0) return;
    product_with_transposed(BLOCK, outputs, inputs, d, parameters + parameters_before(l), below);
    for (int k = 0; k < BLOCK * inputs; k++) {
        if (HIDDEN == RELU)
            below[k] = a[k] > 0 ? below[k] : 0;
        else
            below[k] *= 1 - a[k] * a[k];
    }
}

/* The gradient of a block, added to what the workspace holds or put in its place. */
static void block(Workspace *w, const float *x, const Target *t, const int64_t *rows, int add) {
    for (int i = 0; i < BLOCK; i++)
        memcpy(w->activations + i * sizes[0], x + rows[i] * sizes[0], sizes[0] * sizeof(float));
    forward(w, 0);
    if (LAYERS > 1) forward(w, 1);
    if (LAYERS > 2) forward(w, 2);
    output(w, t, rows);
    if (LAYERS > 2) backward(w, 2, add);
    if (LAYERS > 1) backward(w, 1, add);
    backward(w, 0, add);
}

static void gradient(const float *x, const Target *t, const int64_t *rows) {
    for (int k = 0; k < THREADS; k++) workspaces[k].cost = 0;
#if THREADS > 1
#pragma omp parallel for num_threads(THREADS) schedule(static)
#endif
    for (int k = 0; k < THREADS; k++)
        for (int b = k; b < BLOCKS; b += THREADS) block(workspaces + k, x, t, rows + b * BLOCK, b >= THREADS);
    for (int k = 1; k < THREADS; k++) {
        workspaces[0].cost += workspaces[k].cost;
        for (int p = 0; p < PARAMETERS; p++) workspaces[0].gradients[p] += workspaces[k].gradients[p];
    }
}

/* Kingma and Ba, Adam, 2015, algorithm 1, on a stretch of the parameters, all layers being one array. */
static void adam(int count, const float *restrict g, float *restrict m, float *restrict v, float *restrict p,
                 float step, float scale) {
    for (int k = 0; k < count; k++) {
        m[k] = 0.9f * m[k] + 0.1f * g[k];
        v[k] = 0.999f * v[k] + 0.001f * g[k] * g[k];
        p[k] -= step * m[k] / (sqrtf(scale * v[k]) + 1e-8f);
    }
}

static void update(float rate) {
    const float *restrict g = workspaces[0].gradients;
#if OPTIMIZER == ADAM
    power1 *= 0.9;
    power2 *= 0.999;
    const float step = rate / (1 - power1), scale = 1 / (1 - power2);
    enum { STRETCH = PARAMETERS > LARGE ? 1 << 16 : PARAMETERS };
#if PARAMETERS > LARGE
#pragma omp parallel for schedule(static)
#endif
    for (int k = 0; k < PARAMETERS; k += STRETCH)
        adam(k + STRETCH < PARAMETERS ? STRETCH : PARAMETERS - k, g + k, first + k, second + k, parameters + k, step,
             scale);
#else
    for (int k = 0; k < PARAMETERS; k++) parameters[k] -= rate * g[k];
#endif
}

void start(Sgemm *product, const float *values) {
    sgemm = product;
    memcpy(parameters, values, sizeof parameters);
    memset(first, 0, sizeof first);
    memset(second, 0, sizeof second);
    power1 = power2 = 1;
}

/* Take `count` steps, one for each BATCH rows of `order`; note the cost of each. */
void train(const float *x, const Target *t, const int64_t *order, int64_t count, float rate, double *costs) {
    for (int64_t k = 0; k < count; k++) {
        gradient(x, t, order + k * BATCH);
        costs[k] = workspaces[0].cost;
        update(rate);
    }
}

void read_parameters(float *values) { memcpy(values, parameters, sizeof parameters); }

void read_gradients(float *values) { memcpy(values, workspaces[0].gradients, sizeof parameters); }
