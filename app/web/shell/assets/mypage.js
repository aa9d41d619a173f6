// Puts Amazon's buttons where the page says; each place carries its own signed options.
(() => {
  "use strict";
  for (const place of document.querySelectorAll("[data-amazon-button]")) {
    const options = JSON.parse(place.dataset.amazonButton);
    if (window.amazon?.Pay) {
      window.amazon.Pay.renderButton(`#${place.id}`, options);
      document.getElementById(`${place.id}-fallback`)?.remove();
    }
  }
  // A page that waits for an answer looks again by itself; its link does the same.
  const waiting = document.querySelector("[data-look-again]");
  if (waiting) setTimeout(() => location.replace(waiting.href), 4000);
})();
