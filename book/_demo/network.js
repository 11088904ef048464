// The networks of the demo: a forward pass as a list of convolutions, in WebAssembly where there is any.
"use strict";

window.vae = (() => {
  const PAGE = 65536;

  function bytes(base64) {
    const text = atob(base64), out = new Uint8Array(text.length);
    for (let i = 0; i < out.length; i++) out[i] = text.charCodeAt(i);
    return out;
  }

  function halves(base64) {
    const from = new Uint16Array(bytes(base64).buffer), to = new Uint32Array(from.length);
    for (let i = 0; i < from.length; i++) {
      const sign = (from[i] & 0x8000) << 16, exponent = (from[i] >> 10) & 31, rest = from[i] & 1023;
      // Weights below 2^-14 are rounded to 0: at most 6e-5 beside weights of 1e-2 and more.
      to[i] = exponent ? sign | ((exponent + 112) << 23) | (rest << 13) : sign;
    }
    return new Float32Array(to.buffer);
  }

  const floats = (base64) => new Float32Array(bytes(base64).buffer);

  // Memory that only grows: weights stay, and between layers two halves of a scratch area take turns.
  function wasm() {
    const memory = new WebAssembly.Memory({ initial: 16 });
    const module = new WebAssembly.Module(bytes(window.VAE_KERNEL));
    const { convolve } = new WebAssembly.Instance(module, { env: { memory } }).exports;
    let end = PAGE;  // the kernel's stack lies below
    return {
      name: "WebAssembly",
      store(values, size = values.length) {
        const at = end;
        end += 16 * Math.ceil(size / 4);
        if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / PAGE) + 16);
        if (values.set) new (values.constructor)(memory.buffer, at, values.length).set(values);
        return at;
      },
      view: (at, size) => new Float32Array(memory.buffer, at, size),
      convolve,
    };
  }

  function plain() {
    const kept = [];
    const at = (index) => kept[index];
    return {
      name: "plain JavaScript",
      store(values, size = values.length) {
        kept.push(values.set ? new Float64Array(values) : new Float64Array(size));
        return kept.length - 1;
      },
      view: (index, size) => at(index).subarray(0, size),
      convolve: (p, input, weights, bias, output, slope) =>
        convolve(at(p), at(input), at(weights), at(bias), at(output), slope),
    };
  }

  // As in kernel.c. A sum in double precision is no slower here, and single would round it at each step.
  function convolve(p, input, weights, bias, output, slope) {
    const [height, width, inputs, tall, wide, rows, columns, outputs, stride, above, left, step, row, column, across] = p;
    const sums = new Float64Array(outputs);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const top = y * stride - above, side = x * stride - left;
        for (let o = 0; o < outputs; o++) sums[o] = bias[o];
        for (let k = Math.max(0, -top); k < Math.min(tall, height - top); k++) {
          for (let l = Math.max(0, -side); l < Math.min(wide, width - side); l++) {
            const from = ((top + k) * width + side + l) * inputs;
            let w = (k * wide + l) * inputs * outputs;
            for (let i = 0; i < inputs; i++) {
              const value = input[from + i];
              for (let o = 0; o < outputs; o++) sums[o] += value * weights[w++];
            }
          }
        }
        const to = ((y * step + row) * across + x * step + column) * outputs;
        for (let o = 0; o < outputs; o++) output[to + o] = sums[o] > 0 ? sums[o] : slope * sums[o];
      }
    }
  }

  let engine;
  function start() {
    if (engine) return engine;
    try {
      engine = wasm();
    } catch {
      engine = plain();
    }
    return engine;
  }

  // Returns a function from numbers to numbers: the layers one after the other, each a few convolutions.
  function chain(layers, take) {
    const engine = start();
    const size = ({ outputs, size }) => (size / outputs) * padded(outputs);
    const input = layers[0].input.reduce((product, side) => product * side);
    const scratch = Math.max(input, ...layers.map(size));
    const areas = [engine.store([], scratch), engine.store([], scratch)];
    const steps = layers.flatMap((layer, i) => {
      const { input, outputs } = layer, wide = padded(outputs);
      if (wide !== outputs && i + 1 < layers.length) throw new Error("only a last layer has odd channels");
      const bias = engine.store(spread(take.bias(outputs), outputs, wide));
      return layer.convolutions.map(({ taps, rows, stride, padding, step, offset }) => {
        const kernel = take.weights(taps[0] * taps[1] * input[2] * outputs);
        const p = [...input, ...taps, ...rows, wide, stride, ...padding, step, ...offset, layer.width];
        const weights = engine.store(spread(kernel, outputs, wide));
        return [engine.store(Int32Array.from(p)), areas[i % 2], weights, bias, areas[1 - (i % 2)], layer.slope];
      });
    });
    const last = layers[layers.length - 1];
    return (values) => {
      engine.view(areas[0], input).set(values);
      for (const step of steps) engine.convolve(...step);
      return spread(engine.view(areas[layers.length % 2], size(last)), padded(last.outputs), last.outputs);
    };
  }

  // One channel is computed as it is, more in fours.
  const padded = (channels) => (channels === 1 ? 1 : 4 * Math.ceil(channels / 4));

  // Rows of one length as rows of another: cut off, or filled with zeros.
  function spread(values, from, to) {
    if (from === to) return values.slice();
    const out = new Float32Array((values.length / from) * to);
    for (let row = 0; row * from < values.length; row++)
      out.set(values.subarray(row * from, row * from + Math.min(from, to)), row * to);
    return out;
  }

  // Turns and resizes a square image by one bilinear sampling, as vaelib.data.dataset.render does.
  function turned(image, degrees, size, border = false) {
    const side = Math.sqrt(image.length), out = new Float32Array(size * size);
    const cos = Math.cos((degrees * Math.PI) / 180), sin = Math.sin((degrees * Math.PI) / 180);
    const at = (row, column) => {
      if (border) {
        row = Math.min(side - 1, Math.max(0, row));
        column = Math.min(side - 1, Math.max(0, column));
      }
      return row < 0 || column < 0 || row >= side || column >= side ? 0 : image[row * side + column];
    };
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const x = (2 * j + 1) / size - 1, y = (2 * i + 1) / size - 1;
        out[i * size + j] = bilinear(at, ((sin * x + cos * y + 1) * side - 1) / 2, ((cos * x - sin * y + 1) * side - 1) / 2);
      }
    }
    return out;
  }

  function bilinear(at, row, column) {
    const r = Math.floor(row), c = Math.floor(column), v = row - r, u = column - c;
    return (1 - v) * ((1 - u) * at(r, c) + u * at(r, c + 1)) + v * ((1 - u) * at(r + 1, c) + u * at(r + 1, c + 1));
  }

  // Pixels in [0, 1] of a 28 by 28 digit with values to 255: as bytes are kept, so are these rounded.
  function rendered(digit, degrees, size) {
    return turned(digit, degrees, size).map((value) => Math.round(value) / 255);
  }

  // A drawing as MNIST has its digits: scaled to fit 20 by 20 pixels, its centre of mass in the middle of pixel 15 of
  // 28, where it lies on average over the test digits (14.49 and 14.51, in pixels from the edge, SD 0.29).
  function centred(ink, side) {
    const FIT = 20, FULL = 28;
    let top = side, bottom = -1, left = side, right = -1;
    ink.forEach((value, i) => {
      if (!value) return;
      const row = Math.floor(i / side), column = i % side;
      [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
      [left, right] = [Math.min(left, column), Math.max(right, column)];
    });
    const out = new Float32Array(FULL * FULL);
    if (bottom < 0) return out;
    const scale = Math.min(1, FIT / Math.max(bottom - top + 1, right - left + 1));
    let total = 0, rows = 0, columns = 0;
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) {
        const value = ink[row * side + column];
        total += value;
        rows += value * (row + 0.5);
        columns += value * (column + 0.5);
      }
    // Every pixel of ink is shared out among the four that it falls between; scale² is its area there.
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) {
        const value = ink[row * side + column] * scale * scale;
        const y = (row + 0.5 - rows / total) * scale + FULL / 2;
        const x = (column + 0.5 - columns / total) * scale + FULL / 2;
        const r = Math.floor(y), c = Math.floor(x);
        for (const [i, j, share] of [[r, c, (1 - y + r) * (1 - x + c)], [r, c + 1, (1 - y + r) * (x - c)], [r + 1, c, (y - r) * (1 - x + c)], [r + 1, c + 1, (y - r) * (x - c)]])
          if (i >= 0 && j >= 0 && i < FULL && j < FULL) out[i * FULL + j] += value * share;
      }
    return out.map((value) => Math.min(255, value));
  }

  // Encoder and decoder of one network, from its script.
  function network(data) {
    const weights = halves(data.weights), biases = floats(data.biases);
    let w = 0, b = 0;
    const take = {
      weights: (n) => weights.subarray(w, (w += n)),
      bias: (n) => biases.subarray(b, (b += n)),
    };
    const encoder = chain(data.encoder, take), decoder = chain(data.decoder, take);
    const head = data.pose ? window.vaePose(data, take, chain, encoder, decoder) : {
      encode: (pixels) => Array.from(encoder(pixels).subarray(0, data.latents.length)),
      decode: decoder,
    };
    const squash = data.output === "sigmoid" ? (value) => 1 / (1 + Math.exp(-value)) : (value) => Math.min(1, Math.max(0, value));
    return { ...data, weights: null, biases: null, encode: head.encode, decode: (code) => head.decode(code).map(squash) };
  }

  return { start, network, turned, bilinear, rendered, centred, bytes, floats };
})();
