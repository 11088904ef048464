// A click on a figure shows it as large as the window allows; a click or Escape closes it.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.createElement("dialog");
  box.className = "enlarged";
  box.addEventListener("click", () => box.close());
  document.body.append(box);
  for (const image of document.querySelectorAll("figure img, .drawn svg")) {
    const frame = image.closest(".drawn") ?? image;  // a drawing's frame scrolls, and so has the focus already
    frame.tabIndex = 0;
    image.classList.add("enlargeable");
    const open = () => {
      const copy = image.cloneNode(true);
      copy.removeAttribute("style");
      copy.removeAttribute("id");
      box.replaceChildren(copy);
      box.showModal();
    };
    image.addEventListener("click", open);
    frame.addEventListener("keydown", (event) => event.key === "Enter" && open());
  }
});

// On a narrow window long formulas, tables and the moving drawings scroll. The keyboard reaches those that do, and no
// others, and a reader's software says what they are.
const reach = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const wide = target.scrollWidth > target.clientWidth;
    target.tabIndex = wide ? 0 : -1;
    if (!target.matches(".output")) continue;
    const what = target.querySelector("svg") ? "drawing" : "table";
    for (const [name, value] of [["role", "group"], ["aria-label", `${what}, scrolls sideways`]]) {
      if (wide) target.setAttribute(name, value);
      else target.removeAttribute(name);
    }
  }
});
window.addEventListener("load", async () => {
  for (const frame of document.querySelectorAll(".cell_output > .output.text_html")) reach.observe(frame);
  await window.MathJax?.startup.promise;
  for (const formula of document.querySelectorAll("mjx-container[display]")) reach.observe(formula);
});
