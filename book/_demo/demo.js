// The demo's page: a digit, picked or drawn and turned, and two networks that see it side by side.
"use strict";

(() => {
  const FOLDER = document.currentScript.src.replace(/[^/]*$/, "");
  const STEPS = 11, REACH = 3;          // images to a row of the grid, from -REACH to REACH
  const STIRRED = 0.5;                  // half a standard deviation of the prior: what counts as moved
  const SLICE = 10, SLICE_DRAGGED = 5;  // milliseconds of a frame that the grid may take
  const TOUR = 5000;                    // milliseconds to and fro

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function button(text, action) {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", action);
    return made;
  }

  function paint(canvas, pixels, size, x = 0, y = 0) {
    const image = new ImageData(size, size);
    pixels.forEach((value, i) => image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i));
    canvas.getContext("2d").putImageData(image, x, y);
  }

  function captioned(size, caption) {
    const canvas = element("canvas", { width: size, height: size, role: "img" });
    return { canvas, figure: element("figure", {}, canvas, element("figcaption", {}, caption)) };
  }

  const fixed = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

  const loaded = new Map();
  function load(id) {
    if (!loaded.has(id)) {
      const script = element("script", { src: `${FOLDER}${id}.js` });
      loaded.set(id, new Promise((resolve, reject) => {
        script.addEventListener("load", () => resolve(vae.network(window.VAE_NETWORKS[id])));
        script.addEventListener("error", () => reject(new Error(`${id}.js is missing`)));
      }));
      document.head.append(script);
    }
    return loaded.get(id);
  }

  // Work for coming frames: the newest of a kind replaces those before it; a generator takes several frames.
  const jobs = new Map();
  let dragged = false, asked = false;
  function soon(name, work) {
    jobs.delete(name);
    jobs.set(name, work);
    if (!asked) requestAnimationFrame(frame);
    asked = true;
  }
  function frame() {
    asked = false;
    const until = performance.now() + (dragged ? SLICE_DRAGGED : SLICE);
    for (const [name, work] of [...jobs].sort(([, a], [, b]) => Boolean(a.next) - Boolean(b.next))) {
      if (!work.next) {
        jobs.delete(name);
        work();
        continue;
      }
      while (performance.now() < until) {
        if (!work.next().done) continue;
        jobs.delete(name);
        break;
      }
    }
    if (jobs.size && !asked) requestAnimationFrame(frame);
    asked = jobs.size > 0;
  }

  // What stands before the networks: the pixels of a 28 by 28 digit, what it is, and by how much it is turned.
  const digit = { pixels: null, name: "", degrees: 0 };

  class Panel {
    constructor(place, first) {
      this.place = place;
      const choices = window.VAE_CATALOGUE.map(({ id, title }) => element("option", { value: id }, title));
      this.choice = element("select", {}, ...choices);
      this.choice.addEventListener("change", () => this.choose(this.choice.value));
      this.shown = captioned(64, "what it is shown");
      this.drawn = captioned(64, "what it draws");
      this.moved = element("p", { class: "moved" });
      this.latents = element("div", { class: "latents" });
      this.grid = captioned(1, "Each row moves one latent, from −3 to 3, and leaves the others.");
      this.node = element(
        "section", { class: "panel", "aria-label": `${place} network` },
        element("label", {}, element("span", {}, `${place} network`), this.choice),
        element("div", { class: "pair" }, this.shown.figure, this.drawn.figure),
        element("p", { class: "buttons" }, button("random point", () => this.random()), button("back to the digit", () => this.see(true))),
        this.moved, this.latents, this.grid.figure,
      );
      this.choice.value = first;
    }

    async choose(id) {
      say(`Loading ${this.choice.selectedOptions[0].text} …`);
      try {
        this.network = await load(id);
      } catch (error) {
        return say(`This network could not be loaded: ${error.message}.`);
      }
      const { size, latents } = this.network;
      for (const { canvas } of [this.shown, this.drawn]) canvas.width = canvas.height = size;
      this.grid.canvas.width = STEPS * size;
      this.grid.canvas.height = latents.length * size;
      this.grid.canvas.setAttribute("aria-label", `Traversals of ${latents.length} latents: what the sliders show one by one.`);
      this.sliders = latents.map((latent) => this.slider(latent));
      this.latents.replaceChildren(...this.sliders.map(({ row }) => row));
      this.see(true);
      say(`${this.choice.selectedOptions[0].text}: ready, ${vae.start().name}.`);
    }

    slider({ index, name, turn, kl, share }) {
      const unit = turn ? this.network.pose.degrees : 1;
      const reach = turn ? 180 / unit : REACH;
      const does = turn ? ", turn" : name ? `, like ${name}` : "";
      const holds = kl === undefined ? `${fixed(100 * share, 0)} % of the variance` : `KL ${fixed(kl)}`;
      const input = element("input", { type: "range", min: -reach, max: reach, step: 0.01 });
      const value = element("span", { class: "value" }), swept = element("span", { class: "swept" });
      const row = element("label", { class: "latent" }, element("span", { class: "name" }, `z${index + 1}${does}`), element("span", { class: "holds" }, holds), value, element("span", { class: "track" }, swept, input));
      input.addEventListener("input", () => {
        this.code[index] = Number(input.value);  // the code is kept here: a slider rounds and clips
        this.describe(index);
        this.draw();
      });
      return { index, row, input, value, swept, unit, reach, turn, holds };
    }

    describe(index) {
      const slider = this.sliders.find((other) => other.index === index), value = this.code[index];
      const said = slider.turn ? `${fixed(value * slider.unit, 0)}°` : fixed(value);
      slider.input.value = value;
      slider.value.textContent = said;
      slider.input.setAttribute("aria-valuetext", `${said}, ${slider.holds}`);
    }

    // Shows the network the digit; afresh when it is another one, so that no latent has moved yet.
    see(afresh) {
      if (!this.network || !digit.pixels) return;
      this.pixels = vae.rendered(digit.pixels, digit.degrees, this.network.size);
      this.code = this.network.encode(this.pixels);
      if (afresh) this.swept = this.code.map((value) => [value, value]);
      this.swept = this.swept.map(([low, high], j) => [Math.min(low, this.code[j]), Math.max(high, this.code[j])]);
      let stirred = 0;
      for (const { index, swept, reach } of this.sliders) {
        const [low, high] = this.swept[index].map((value) => Math.min(reach, Math.max(-reach, value)));
        swept.style.left = `${(50 * (low + reach)) / reach}%`;
        swept.style.width = `${(50 * (high - low)) / reach}%`;
        const moved = high - low > STIRRED;
        swept.classList.toggle("far", moved);
        stirred += moved;
        this.describe(index);
      }
      this.moved.textContent = `${stirred} of ${this.sliders.length} latents moved by more than ${STIRRED} since the digit was chosen`;
      paint(this.shown.canvas, this.pixels, this.network.size);
      this.shown.canvas.setAttribute("aria-label", digit.name);
      this.draw(`the reconstruction of ${digit.name}`);
    }

    random() {
      const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
      this.sliders.forEach(({ index, turn, unit }) => {
        this.code[index] = turn ? ((2 * Math.random() - 1) * this.network.pose.limit) / unit : normal();
        this.describe(index);
      });
      this.draw("an image of a random point");
      say("A random point of the prior.");
    }

    draw(text = "an image of the latents as they are set") {
      soon(`image ${this.place}`, () => {
        paint(this.drawn.canvas, this.network.decode(this.code), this.network.size);
        this.drawn.canvas.setAttribute("aria-label", text);
        soon(`grid ${this.place}`, this.rows());
      });
    }

    *rows() {
      const { network, code, sliders, grid } = this, start = [...code];
      for (const [row, { index, reach, turn }] of sliders.entries())
        for (let step = 0; step < STEPS; step++) {
          const moved = [...start];
          moved[index] = (turn ? reach / 2 : REACH) * ((2 * step) / (STEPS - 1) - 1);
          paint(grid.canvas, network.decode(moved), network.size, step * network.size, row * network.size);
          yield;
        }
      grid.canvas.dataset.filled = Number(grid.canvas.dataset.filled ?? 0) + 1;
    }
  }

  const status = element("p", { role: "status" });
  const say = (text) => (status.textContent = text);

  function shown(afresh) {
    angle.value = digit.degrees;
    const said = `${fixed(digit.degrees, 0)}°`;
    turn.textContent = said;
    angle.setAttribute("aria-valuetext", `${said}, counter-clockwise`);
    for (const panel of panels) panel.see(afresh);
  }

  function choose(pixels, name) {
    stop();
    Object.assign(digit, { pixels, kind: name, name });
    turnTo(0, true);
  }

  function turnTo(degrees, afresh = false) {
    digit.degrees = degrees;
    digit.name = `${digit.kind}, turned by ${fixed(degrees, 0)} degrees`;
    soon("digit", () => shown(afresh));
  }

  // To 90 degrees, over to -90 and back: what is seen at a glance of the report's main result.
  let touring = 0;
  const stop = () => (touring = 0);
  function tour() {
    const own = (touring = performance.now());
    turnTo(0, true);
    const go = (now) => {
      if (touring !== own) return;
      const share = Math.min(1, Math.max(0, (now - own) / TOUR));
      turnTo(90 * Math.sin(2 * Math.PI * share));
      if (share < 1) return requestAnimationFrame(go);
      stop();
      say(panels.map((panel) => `${panel.place} network: ${panel.moved.textContent}`).join(". "));
    };
    requestAnimationFrame(go);
  }

  const angle = element("input", { type: "range", min: -180, max: 180, step: 1, value: 0, "aria-label": "turn of the digit, degrees" });
  const turn = element("span", { class: "value" });  // no <output>: it would be read aloud at every step
  angle.addEventListener("input", () => (stop(), turnTo(Number(angle.value))));

  function unseen() {
    const { labels, side, pixels } = window.VAE_DIGITS, all = vae.bytes(pixels);
    return labels.map((label, i) => {
      const own = Float32Array.from(all.subarray(i * side * side, (i + 1) * side * side));
      const canvas = element("canvas", { width: side, height: side, "aria-hidden": "true" });
      paint(canvas, own.map((value) => value / 255), side);
      const made = button("", () => choose(own, `a ${label}`));
      made.setAttribute("aria-label", `digit ${label}, number ${1 + labels.slice(0, i).filter((other) => other === label).length}`);
      made.append(canvas);
      return made;
    });
  }

  // Where a digit is drawn with a mouse or a finger; picking one is the way by keyboard.
  function pad() {
    const SIDE = 140, canvas = element("canvas", { width: SIDE, height: SIDE, class: "pad", role: "img", "aria-label": "Draw a digit here; by keyboard, pick one." });
    const ink = canvas.getContext("2d", { willReadFrequently: true });
    const clear = () => {
      ink.fillRect(0, 0, SIDE, SIDE);
      Object.assign(ink, { strokeStyle: "white", lineWidth: 11, lineCap: "round", lineJoin: "round" });
    };
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
    };
    const seen = () => soon("drawn", () => {
      const { data } = ink.getImageData(0, 0, SIDE, SIDE);
      choose(vae.centred(Float32Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]), SIDE), "the digit you drew");
    });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      ink.beginPath();
      ink.moveTo(...point(event));
      ink.lineTo(...point(event));
      ink.stroke();
      seen();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      ink.lineTo(...point(event));
      ink.stroke();
      seen();
    });
    clear();
    return element("figure", {}, canvas, element("figcaption", {}, "draw one ", button("clear", clear)));
  }

  let panels = [];
  document.addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("vae-demo");
    const [first, second] = window.VAE_CATALOGUE;
    panels = [new Panel("first", first.id), new Panel("second", second.id)];
    root.replaceChildren(
      element(
        "section", { class: "digit", "aria-label": "the digit" },
        element("div", { class: "digits", role: "group", "aria-label": "pick an unseen digit" }, ...unseen()),
        pad(),
      ),
      element("div", { class: "turn" }, element("label", {}, element("span", { "aria-hidden": "true" }, "turn"), angle, turn), button("turn it to and fro", tour)),
      status,
      element("div", { class: "panels" }, ...panels.map(({ node }) => node)),
    );
    root.addEventListener("pointerdown", ({ target }) => (dragged = target.type === "range"));
    window.addEventListener("pointerup", () => (dragged = false));
    root.querySelector(".digits button:nth-child(9)").click();
    Promise.all(panels.map((panel) => panel.choose(panel.choice.value))).then(() => (root.dataset.ready = ""));
  });
})();
