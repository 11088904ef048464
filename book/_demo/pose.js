// The pose network's part of the demo: how an image stands is read off its energies, as in vaelib.models.pose_vae.
"use strict";

window.vaePose = (data, take, chain, encoder, decoder) => {
  const { pose, size } = data;
  const { bins, rings } = pose;
  const blur = vae.floats(pose.blur), side = Math.sqrt(blur.length), window = vae.floats(pose.window);
  const layers = pose.layers.map(({ taps, layer }) => ({ taps, run: chain([layer], take) }));
  const width = 360 / bins;
  const centre = (bin) => (bin - bins / 2) * width;
  const ahead = (bin, from) => ((bin - from + bins + bins / 2) % bins) - bins / 2;

  // Averaged to the side that the energies read, blurred, and sampled on circles: bins × rings.
  function polar(pixels) {
    const block = size / side, small = new Float64Array(side * side);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        small[Math.floor(i / block) * side + Math.floor(j / block)] += pixels[i * size + j] / (block * block);
    const half = new Float64Array(side * side), soft = new Float64Array(side * side);
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++)
        for (let k = 0; k < side; k++) half[i * side + j] += blur[i * side + k] * small[k * side + j];
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++)
        for (let k = 0; k < side; k++) soft[i * side + j] += half[i * side + k] * blur[j * side + k];
    const at = (row, column) => (row < 0 || column < 0 || row >= side || column >= side ? 0 : soft[row * side + column]);
    const out = new Float32Array(bins * rings);
    for (let bin = 0; bin < bins; bin++) {
      const angle = (centre(bin) * Math.PI) / 180;
      for (let ring = 0; ring < rings; ring++) {
        const radius = (ring + 0.5) / rings;
        const x = radius * Math.cos(angle), y = -radius * Math.sin(angle);
        out[bin * rings + ring] = vae.bilinear(at, ((y + 1) * side - 1) / 2, ((x + 1) * side - 1) / 2);
      }
    }
    return out;
  }

  // Row b of the result: the rows of h that the taps shift there, side by side.
  function rolled(h, taps) {
    const channels = h.length / bins, out = new Float32Array(h.length * taps.length);
    for (let bin = 0; bin < bins; bin++)
      taps.forEach((tap, i) => {
        const from = ((bin - tap + bins) % bins) * channels;
        out.set(h.subarray(from, from + channels), (bin * taps.length + i) * channels);
      });
    return out;
  }

  function logPosterior(pixels) {
    let h = polar(pixels);
    layers.forEach(({ taps, run }, i) => {
      const more = run(rolled(h, taps));
      h = i && i + 1 < layers.length ? more.map((value, j) => value + h[j]) : more;
    });
    const energies = Array.from(h, (value, bin) => pose.sharpness * value + window[bin]);
    const highest = Math.max(...energies);
    const total = Math.log(energies.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    return energies.map((value) => value - highest - total);
  }

  // The mean angle about the most probable bin, and log q there.
  function mode(logQ) {
    const value = Math.max(...logQ), best = logQ.indexOf(value);
    let weight = 0, moment = 0;
    logQ.forEach((other, bin) => {
      const steps = ahead(bin, best);
      if (Math.abs(steps) > pose.around) return;
      weight += Math.exp(other);
      moment += Math.exp(other) * steps;
    });
    return { angle: centre(best) + (width * moment) / weight, value, best };
  }

  const without = (logQ, best) => logQ.map((value, bin) => (Math.abs(ahead(bin, best)) <= pose.apart ? -1e9 : value));

  const content = (pixels, angle) => encoder(vae.turned(pixels, -angle, size));
  const image = (z, angle) => vae.turned(decoder(z), angle, size, true);

  function bound(pixels, angle) {
    const head = content(pixels, angle), latents = head.length / 2;
    const logits = image(head.slice(0, latents), angle);
    let total = 0;
    pixels.forEach((x, i) => {
      const l = logits[i];
      total += Math.max(l, 0) - x * l + Math.log1p(Math.exp(-Math.abs(l)));
    });
    for (let j = 0; j < latents; j++)
      total += 0.5 * (head[j] ** 2 + Math.exp(head[latents + j]) - 1 - head[latents + j]);
    return total;
  }

  function angleOf(pixels) {
    let logQ = logPosterior(pixels);
    const first = mode(logQ);
    if (mode(without(logQ, first.best)).value <= first.value - pose.doubt) return first.angle;
    let chosen = null, highest = -Infinity;
    for (let i = 0; i < pose.candidates; i++) {
      const { angle, value, best } = mode(logQ);
      const evidence = value - pose.evidence * bound(pixels, angle);
      if (evidence > highest) [chosen, highest] = [angle, evidence];
      logQ = without(logQ, best);
    }
    return chosen;
  }

  return {
    encode(pixels) {
      const angle = angleOf(pixels);
      return [angle / pose.degrees, ...content(pixels, angle).subarray(0, data.latents.length - 1)];
    },
    decode: (code) => image(Float32Array.from(code.slice(1)), code[0] * pose.degrees),
  };
};
