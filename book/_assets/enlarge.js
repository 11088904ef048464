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
