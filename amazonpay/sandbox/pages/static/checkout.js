/* Local Amazon Pay (test): the button script of the local stand-in.
   It offers the calls that a shop page makes (window.amazon.Pay) and sends the browser to the pages
   of the server it was loaded from. It is not Amazon's script and shares no code with it. */
(() => {
  "use strict";

  const NAME = "Local Amazon Pay (test)";
  const own = document.currentScript ?? document.querySelector('script[src*="/checkout.js"]');
  const base = own.src.replace(/\/checkout\.js.*$/, "");

  const LANGUAGES = ["ja_JP", "en_US", "en_GB", "de_DE", "fr_FR", "it_IT", "es_ES"];
  const PLACEMENTS = ["Home", "Product", "Cart", "Checkout", "Other"];
  const COLOURS = ["Gold", "LightGray", "DarkGray"];
  const PRODUCTS = ["PayAndShip", "PayOnly", "SignIn"];
  const ALGORITHMS = ["AMZN-PAY-RSASSA-PSS", "AMZN-PAY-RSASSA-PSS-V2"];
  const CHANGES = ["changeAddress", "changePayment"];
  const UPGRADES = ["recurringUpgrade"];

  // What is wrong with the options. Each rule gives a sentence or nothing.

  const isText = (value) => typeof value === "string" && value !== "";

  const oneOf = (options, name, allowed, required) => {
    const value = options[name];
    if (value === undefined || value === null) {
      return required ? `${name} is required; use one of ${allowed.join(", ")}` : null;
    }
    return allowed.includes(value)
      ? null
      : `${name} is ${JSON.stringify(value)}; use one of ${allowed.join(", ")}`;
  };

  const configFaults = (config, name, keyId) => {
    if (typeof config !== "object" || config === null) {
      return [`${name} is required: {payloadJSON, signature, publicKeyId, algorithm}`];
    }
    const faults = [];
    if (!isText(config.payloadJSON)) {
      faults.push(`${name}.payloadJSON must be the very text that was signed, not an object`);
    }
    if (!isText(config.signature)) {
      faults.push(`${name}.signature is required: the base64 text made on your server`);
    }
    if (!isText(config.publicKeyId ?? keyId)) {
      faults.push(`${name}.publicKeyId is required`);
    }
    faults.push(oneOf(config, "algorithm", ALGORITHMS, false));
    return faults;
  };

  const amountFaults = (amount) => {
    if (amount === undefined || amount === null) return [];
    const good = /^[0-9]+$/.test(String(amount.amount)) && amount.currencyCode === "JPY";
    return good ? [] : ['estimatedOrderAmount must be {amount: "1980", currencyCode: "JPY"}'];
  };

  const sandboxFaults = (options, keyId) => {
    if (options.sandbox !== undefined && typeof options.sandbox !== "boolean") {
      return ["sandbox must be true or false"];
    }
    const prefix = /^(SANDBOX|LIVE)-/i.exec(keyId ?? "");
    if (prefix && options.sandbox !== undefined) {
      const byKey = prefix[1].toUpperCase() === "SANDBOX";
      if (byKey !== options.sandbox) {
        console.warn(`${NAME}: sandbox is ${options.sandbox} but the key id is ${prefix[1]}; the key id decides`);
      }
    }
    return [];
  };

  const commonFaults = (options) => {
    if (typeof options !== "object" || options === null) return ["the options are missing"];
    return [
      isText(options.merchantId) ? null : "merchantId is required",
      oneOf(options, "ledgerCurrency", ["JPY"], true),
      oneOf(options, "placement", PLACEMENTS, true),
      oneOf(options, "productType", PRODUCTS, false),
      oneOf(options, "checkoutLanguage", LANGUAGES, false),
      oneOf(options, "buttonColor", COLOURS, false),
      ...amountFaults(options.estimatedOrderAmount),
      ...sandboxFaults(options, options.publicKeyId),
    ];
  };

  const isSignIn = (options) => options.productType === "SignIn";

  const startFaults = (options) => {
    if (isSignIn(options)) return configFaults(options.signInConfig, "signInConfig", options.publicKeyId);
    if (options.createCheckoutSession) {
      return isText(options.createCheckoutSession.url) ? [] : ["createCheckoutSession.url is required"];
    }
    return configFaults(options.createCheckoutSessionConfig, "createCheckoutSessionConfig", options.publicKeyId);
  };

  const real = (faults) => faults.filter(Boolean);

  const report = (call, faults) => {
    for (const fault of faults) console.error(`${NAME}: amazon.Pay.${call}: ${fault}`);
  };

  // Where the browser goes.

  const post = (path, fields) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = base + path;
    form.acceptCharset = "utf-8";
    form.hidden = true;
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined || value === null) continue;
      const input = document.createElement("input");
      input.name = name;
      input.value = String(value);
      form.append(input);
    }
    document.body.append(form);
    form.submit();
  };

  // Forms turn every line break into CRLF, which would break the signature of a payload that holds
  // one; the text therefore travels as base64 of its UTF-8 bytes.
  const encode = (text) => {
    let bytes = "";
    for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
    return btoa(bytes);
  };

  const signedFields = (options, config) => ({
    merchantId: options.merchantId,
    publicKeyId: config.publicKeyId ?? options.publicKeyId,
    payloadBase64: encode(config.payloadJSON),
    signature: config.signature,
    algorithm: config.algorithm,
    productType: options.productType ?? "PayAndShip",
    checkoutLanguage: options.checkoutLanguage,
  });

  const accountIn = (text) => {
    try {
      const { merchantId, checkoutLanguage, productType } = JSON.parse(text);
      return { merchantId, checkoutLanguage, productType };
    } catch {
      return {};
    }
  };

  const openSession = (id) => {
    location.assign(`${base}/checkout/pay?amazonCheckoutSessionId=${encodeURIComponent(id)}`);
  };

  const fetchSession = async (config) => {
    const response = await fetch(config.url, { method: config.method ?? "POST", credentials: "include" });
    if (!response.ok) throw new Error(`${config.url} answered ${response.status}`);
    const answer = await response.json();
    const extract = config.extractAmazonCheckoutSessionId ?? "checkoutSessionId";
    const id = typeof extract === "function" ? extract(answer) : answer[extract];
    if (!isText(id)) throw new Error(`${config.url} answered no checkoutSessionId`);
    return id;
  };

  const start = (options) => {
    if (isSignIn(options)) {
      post("/signin/initiate", signedFields(options, options.signInConfig));
    } else if (options.createCheckoutSession) {
      fetchSession(options.createCheckoutSession).then(openSession, (error) => {
        console.error(`${NAME}: createCheckoutSession: ${error.message}`);
      });
    } else {
      post("/checkout/initiate", signedFields(options, options.createCheckoutSessionConfig));
    }
  };

  // The button. Its look is our own and says that it is a stand-in.

  const LABELS = {
    ja: { pay: "ローカル Amazon Pay で支払う", in: "ローカル Amazon Pay でログイン", test: "テスト", bad: "ボタンの設定に誤りがあります" },
    en: { pay: "Pay with Local Amazon Pay", in: "Sign in with Local Amazon Pay", test: "Test", bad: "This button is set up wrongly" },
  };
  const STYLE = `
    :host { display: block; min-width: 12rem; max-width: 24rem; font: 600 15px/1.3 system-ui, "Hiragino Sans", "Noto Sans JP", "IPAexGothic", sans-serif; }
    button { display: flex; width: 100%; min-height: 48px; align-items: center; justify-content: center; gap: .6em;
      padding: .5em 1em; border: 1px solid #0003; border-radius: 10px; font: inherit; cursor: pointer; }
    button:focus-visible { outline: 3px solid #4338ca; outline-offset: 2px; }
    .Gold { background: #e0e0ff; color: #1e1b4b; } .LightGray { background: #eef0f3; color: #1f2937; }
    .DarkGray { background: #374151; color: #fff; } button:hover { filter: brightness(.96); }
    .test { border: 1px solid; border-radius: 99px; padding: 0 .6em; font-size: 11px; }
    .bad { border: 2px dashed #b91c1c; background: #fff; color: #7f1d1d; cursor: not-allowed; }
    ul { margin: .4em 0 0; padding-left: 1.2em; color: #7f1d1d; background: #fff; font-weight: 400; font-size: 13px; }`;

  const language = (options) =>
    (options?.checkoutLanguage ?? navigator.language ?? "ja").startsWith("ja") ? "ja" : "en";

  const shadowOf = (host) => {
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    // A constructed sheet works under any Content-Security-Policy of the shop.
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.replaceChildren();
    return root;
  };

  const drawButton = (root, options, faults) => {
    const words = LABELS[language(options)];
    const button = document.createElement("button");
    button.type = "button";
    button.lang = language(options);
    const label = document.createElement("span");
    label.textContent = faults.length ? words.bad : isSignIn(options) ? words.in : words.pay;
    const badge = document.createElement("span");
    badge.className = "test";
    badge.textContent = words.test;
    button.append(label, badge);
    button.className = faults.length ? "bad" : options.buttonColor ?? "Gold";
    if (faults.length) button.setAttribute("aria-disabled", "true");
    root.append(button);
    return button;
  };

  const drawFaults = (root, faults) => {
    const list = document.createElement("ul");
    list.setAttribute("role", "alert");
    for (const fault of faults) {
      const item = document.createElement("li");
      item.textContent = fault;
      list.append(item);
    }
    root.append(list);
  };

  const placeButton = (selector) => {
    const place = typeof selector === "string" ? document.querySelector(selector) : selector;
    if (!place) {
      report("renderButton", [`no element matches ${JSON.stringify(selector)}`]);
      return null;
    }
    const host = document.createElement("div");
    host.className = "local-amazon-pay";
    place.replaceChildren(host);
    return shadowOf(host);
  };

  const controller = (options, handlers) => ({
    onClick(handler) {
      handlers.push(handler);
    },
    initCheckout(more) {
      Pay.initCheckout({ ...options, ...more });
    },
    updateButtonInfo(estimatedOrderAmount) {
      const faults = amountFaults(estimatedOrderAmount);
      if (faults.length) report("updateButtonInfo", faults);
      else options.estimatedOrderAmount = estimatedOrderAmount;
    },
  });

  const bindClick = (call, selector, action) => {
    const element = typeof selector === "string" ? document.querySelector(selector) : selector;
    if (!element) {
      report(call, [`no element matches ${JSON.stringify(selector)}`]);
      return;
    }
    element.addEventListener("click", (event) => {
      event.preventDefault();
      action();
    });
  };

  const canStart = (options) =>
    options?.createCheckoutSessionConfig || options?.createCheckoutSession || options?.signInConfig;

  const Pay = {
    /** Draws a button into an element; the answer has onClick, initCheckout, updateButtonInfo.
        Without a config the button waits for onClick and initCheckout. */
    renderButton(selector, given) {
      const options = { ...given };
      const handlers = [];
      const faults = real([
        ...commonFaults(given),
        ...(canStart(options) || isSignIn(options) ? startFaults(options) : []),
      ]);
      report("renderButton", faults);
      const root = placeButton(selector);
      if (root !== null) {
        const button = drawButton(root, options, faults);
        if (faults.length) drawFaults(root, faults);
        else button.addEventListener("click", (event) => clicked(options, handlers, event));
      }
      return controller(options, handlers);
    },

    /** Starts a checkout or a sign-in at once. */
    initCheckout(options) {
      const faults = real([...commonFaults(options), ...(options ? startFaults(options) : [])]);
      report("initCheckout", faults);
      if (!faults.length) start(options);
    },

    /** Lets a click on an element change address or payment of an open session. */
    bindChangeAction(selector, options) {
      const faults = real([
        isText(options?.amazonCheckoutSessionId) ? null : "amazonCheckoutSessionId is required",
        oneOf(options ?? {}, "changeAction", CHANGES, true),
      ]);
      report("bindChangeAction", faults);
      if (faults.length) return;
      const query = new URLSearchParams({
        amazonCheckoutSessionId: options.amazonCheckoutSessionId,
        changeAction: options.changeAction,
      });
      bindClick("bindChangeAction", selector, () => location.assign(`${base}/checkout/change?${query}`));
    },

    /** Lets a click on an element ask the buyer to make a one-time agreement a recurring one.
        The signed fields stand in the options themselves or in an object of one of the names below;
        merchantId and checkoutLanguage stand in the options or in the signed text. */
    bindUpgradeAction(selector, given) {
      const config =
        given?.upgradeConfig ?? given?.createCheckoutSessionConfig ?? given?.amazonPayOptions ?? given;
      const options = { ...accountIn(config?.payloadJSON), ...given };
      const faults = real([
        isText(options.merchantId) ? null : "merchantId is required",
        oneOf(options, "upgradeAction", UPGRADES, false),
        ...configFaults(config, "upgradeConfig", options.publicKeyId),
      ]);
      report("bindUpgradeAction", faults);
      if (faults.length) return;
      bindClick("bindUpgradeAction", selector, () => post("/checkout/upgrade", signedFields(options, config)));
    },

    /** Ends the buyer's log-in at the local Amazon Pay; calls back when it is done. */
    signout(callback) {
      const done = () => typeof callback === "function" && callback();
      return fetch(`${base}/checkout/signout`, { method: "POST", mode: "no-cors", credentials: "include" }).then(
        done,
        () => {
          console.error(`${NAME}: amazon.Pay.signout() failed`);
          done();
        },
      );
    },
  };

  const clicked = (options, handlers, event) => {
    if (handlers.length) {
      for (const handler of handlers) handler(event);
    } else if (canStart(options)) {
      start(options);
    } else {
      report("renderButton", ["the button was clicked, but it has neither a config nor an onClick handler"]);
    }
  };

  window.amazon = window.amazon ?? {};
  window.amazon.Pay = Pay;
})();
