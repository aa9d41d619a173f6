// Small helps; every page works without them. No text of ours is here: it comes with the page.
(() => {
  "use strict";
  // Copy buttons are hidden until we know that they work.
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    const before = button.textContent;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = before; }, 2000);
    });
  }
  // A second click while the first is under way is not sent; the server would not act on it anyway.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    // What came may be a file, and the page is still here.
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
  // After the back button the form may be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
