// Passkeys, where the browser knows them: a button asks for one and sends the form it stands in.
// Everywhere else a code does the same. No text of ours is here: it comes with the page.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

  // JSON writes bytes as text; browsers that turn them back by themselves are too new to rely on.
  const question = (asked) => {
    const named = (list) => list?.map((each) => ({ ...each, id: bytes(each.id) }));
    return {
      ...asked,
      challenge: bytes(asked.challenge),
      user: asked.user && { ...asked.user, id: bytes(asked.user.id) },
      allowCredentials: named(asked.allowCredentials),
      excludeCredentials: named(asked.excludeCredentials),
    };
  };

  const answer = ({ id, rawId, type, response }) => {
    const sent = { clientDataJSON: text(response.clientDataJSON) };
    if (response.attestationObject) {
      sent.attestationObject = text(response.attestationObject);
      sent.transports = response.getTransports?.() ?? [];
    } else {
      sent.authenticatorData = text(response.authenticatorData);
      sent.signature = text(response.signature);
      if (response.userHandle) sent.userHandle = text(response.userHandle);
    }
    return JSON.stringify({ id, rawId: text(rawId), type, response: sent });
  };

  // Browsers do not tell a cancelled question from a passkey that is not there.
  const FAULTS = {
    NotAllowedError: "cancelled",
    AbortError: "cancelled",
    TimeoutError: "timeout",
    InvalidStateError: "known",
    SecurityError: "elsewhere",
  };

  const asked = async (box, form) => {
    if (box.dataset.asked) return JSON.parse(box.dataset.asked);
    const body = new URLSearchParams({ form_token: form.elements.form_token.value });
    const found = await fetch(box.dataset.ask, { method: "POST", body, redirect: "error" });
    return found.json();
  };

  const proof = async (publicKey) => {
    // A little earlier than the browser, which would call it a refusal.
    const signal = AbortSignal.timeout(Math.max(publicKey.timeout - 1000, 500));
    const ceremony = publicKey.user ? "create" : "get";
    return navigator.credentials[ceremony]({ publicKey: question(publicKey), signal });
  };

  const use = async (box, form, say) => {
    const code = form.elements.code;
    const needed = code?.required;
    const back = () => { if (code) code.required = needed; };
    if (code) code.required = false;
    if (!form.reportValidity()) return back();
    say("waiting");
    try {
      const publicKey = await asked(box, form);
      if (!publicKey) throw new DOMException("", "SecurityError");
      box.querySelector("[name=passkey]").value = answer(await proof(publicKey));
      if (code) code.value = "";
      form.requestSubmit(form.querySelector("button:not([type=button])"));
    } catch (error) {
      back();
      say(FAULTS[error.name] ?? "failed");
    }
  };

  for (const box of document.querySelectorAll("[data-passkey]:not([data-ready])")) {
    const button = box.querySelector("button");
    const said = box.querySelector("[role=status]");
    let busy = false;
    const say = (what) => {
      said.textContent = box.dataset[what];
      said.className = what === "waiting" ? "hint" : "problem";
    };
    box.dataset.ready = "yes";
    box.hidden = false;
    // Enter in another field is the button: without an answer there is nothing to send.
    if (box.dataset.asked) {
      button.form.addEventListener("submit", (event) => {
        if (box.querySelector("[name=passkey]").value) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        button.click();
      });
    }
    button.addEventListener("click", async () => {
      if (busy) return;
      busy = true;
      await use(box, button.form, say);
      busy = false;
    });
  }
})();
