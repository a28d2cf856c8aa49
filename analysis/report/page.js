"use strict";
for (const button of document.querySelectorAll(".copy")) {
  const code = button.parentNode.querySelector("code");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}
const filter = document.getElementById("filter");
const cards = [...document.querySelectorAll(".card")];
if (filter && cards.length > 3) {
  const shown = document.getElementById("shown");
  filter.closest("p").hidden = false;
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    let n = 0;
    for (const card of cards) {
      const text = card.textContent.toLowerCase();
      card.hidden = !words.every((w) => text.includes(w));
      if (!card.hidden) n++;
    }
    shown.textContent = n + " of " + cards.length;
  });
}
addEventListener("beforeprint", () => {
  for (const d of document.querySelectorAll(".card details")) d.open = true;
});
