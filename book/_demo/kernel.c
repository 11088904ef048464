// One convolution, the only thing that a network of the demo computes often. Compiled to WebAssembly with 128-bit
// vectors by `make kernel`; network.js has the same in plain JavaScript for browsers without.

typedef float v4 __attribute__((vector_size(16), aligned(4)));

static inline v4 splat(float x) { return (v4){x, x, x, x}; }

static inline v4 activated(v4 x, float slope) {
  v4 low = x * splat(slope);
  return (v4)(((__attribute__((vector_size(16))) int)(x > splat(0)) & (__attribute__((vector_size(16))) int)x) |
              (~(__attribute__((vector_size(16))) int)(x > splat(0)) & (__attribute__((vector_size(16))) int)low));
}

// Images lie row by row, all channels of a pixel side by side; weights as [tap row][tap column][input][output].
// p: input height, width, channels; taps' height, width; rows, columns and channels computed; stride; padding above
// and left; and where they go: step between pixels of the output, the first one's row and column, the output's width.
// The number of output channels is 1 or divisible by 4. slope: what negative values are multiplied with, 1 for none.
__attribute__((export_name("convolve"))) void convolve(const int *p, const float *in, const float *weights,
                                                        const float *bias, float *out, float slope) {
  int height = p[0], width = p[1], inputs = p[2], tall = p[3], wide = p[4], rows = p[5], columns = p[6], outputs = p[7];
  int stride = p[8], above = p[9], left = p[10], step = p[11], row = p[12], column = p[13], across = p[14];
  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++) {
      float *to = out + ((y * step + row) * across + x * step + column) * outputs;
      int top = y * stride - above, side = x * stride - left;
      int k0 = top < 0 ? -top : 0, k1 = height - top < tall ? height - top : tall;
      int l0 = side < 0 ? -side : 0, l1 = width - side < wide ? width - side : wide;
      if (outputs == 1) {
        v4 sum = splat(0);
        float rest = bias[0];
        for (int k = k0; k < k1; k++)
          for (int l = l0; l < l1; l++) {
            const float *from = in + ((top + k) * width + side + l) * inputs, *w = weights + (k * wide + l) * inputs;
            int i = 0;
            for (; i + 4 <= inputs; i += 4) sum += *(const v4 *)(from + i) * *(const v4 *)(w + i);
            for (; i < inputs; i++) rest += from[i] * w[i];
          }
        rest += sum[0] + sum[1] + sum[2] + sum[3];
        to[0] = rest > 0 ? rest : rest * slope;
        continue;
      }
      int o = 0;
      for (; o + 16 <= outputs; o += 16) {
        v4 a = *(const v4 *)(bias + o), b = *(const v4 *)(bias + o + 4);
        v4 c = *(const v4 *)(bias + o + 8), d = *(const v4 *)(bias + o + 12);
        for (int k = k0; k < k1; k++)
          for (int l = l0; l < l1; l++) {
            const float *from = in + ((top + k) * width + side + l) * inputs;
            const float *w = weights + (k * wide + l) * inputs * outputs + o;
            for (int i = 0; i < inputs; i++, w += outputs) {
              v4 value = splat(from[i]);
              a += value * *(const v4 *)w, b += value * *(const v4 *)(w + 4);
              c += value * *(const v4 *)(w + 8), d += value * *(const v4 *)(w + 12);
            }
          }
        *(v4 *)(to + o) = activated(a, slope), *(v4 *)(to + o + 4) = activated(b, slope);
        *(v4 *)(to + o + 8) = activated(c, slope), *(v4 *)(to + o + 12) = activated(d, slope);
      }
      for (; o < outputs; o += 4) {
        v4 a = *(const v4 *)(bias + o);
        for (int k = k0; k < k1; k++)
          for (int l = l0; l < l1; l++) {
            const float *from = in + ((top + k) * width + side + l) * inputs;
            const float *w = weights + (k * wide + l) * inputs * outputs + o;
            for (int i = 0; i < inputs; i++, w += outputs) a += splat(from[i]) * *(const v4 *)w;
          }
        *(v4 *)(to + o) = activated(a, slope);
      }
    }
}
