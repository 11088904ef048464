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

// On a narrow window a long formula scrolls, and the arrow keys scroll what has the focus.
const reach = new ResizeObserver((formulas) => {
  for (const { target } of formulas) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});
window.addEventListener("load", async () => {
  await window.MathJax?.startup.promise;
  for (const formula of document.querySelectorAll("mjx-container[display]")) reach.observe(formula);
});
