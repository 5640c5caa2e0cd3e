import { outbox as fetchMails, Refusal } from "../api.js";
import { el, heading, say } from "../dom.js";
import { apply } from "../i18n.js";
import { errorMessage } from "../messages.js";

/** The mails that the backend sent, as HTML and as text. */
export const outbox = {
  title: "outbox.title",
  async render() {
    let mails = [];
    let selected = null;
    const list = el("ul", { class: "mails", "data-i18n-aria-label": "outbox.list" });
    const count = el("div", { class: "count", role: "status", "data-testid": "status" });
    const detail = el("article", { class: "mail" });

    function show(mail) {
      selected = mail.id;
      drawList();
      detail.replaceChildren(...mailView(mail));
      apply(detail);
    }

    function drawList() {
      const focused = list.contains(document.activeElement);
      list.replaceChildren(...mails.map(listItem));
      apply(list);
      // The old buttons are gone, and the focus with them.
      if (focused) list.querySelector("[aria-current]")?.focus();
    }

    function listItem(mail) {
      const button = el(
        "button",
        {
          type: "button",
          "data-testid": "outbox-item",
          "aria-current": mail.id === selected ? "true" : null,
          onclick: () => show(mail),
        },
        el("span", { class: "subject" }, mail.subject),
        el("span", { class: "meta" }, mail.to),
        el("time", { class: "meta", datetime: mail.date }),
      );
      return el("li", {}, button);
    }

    async function reload() {
      try {
        delete count.dataset.kind;
        await load();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        count.dataset.kind = "error";
        count.replaceChildren(errorMessage(error));
      }
    }

    async function load() {
      const fresh = await fetchMails();
      const unchanged = fresh.length === mails.length;
      mails = fresh;
      count.replaceChildren(
        mails.length
          ? say("p", "outbox.count", {}, { count: mails.length })
          : say("p", "outbox.empty"),
      );
      if (!unchanged && mails.length) show(mails[0]);
    }

    await load();
    return el(
      "section",
      { class: "outbox" },
      el(
        "div",
        { class: "outbox-head" },
        heading("outbox.title"),
        say("button", "outbox.refresh", {
          type: "button",
          class: "button quiet",
          "data-testid": "outbox-refresh",
          onclick: reload,
        }),
      ),
      say("p", "outbox.intro", { class: "lead" }),
      count,
      el("div", { class: "outbox-body" }, list, detail),
    );
  },
};

function mailView(mail) {
  const facts = [
    ["outbox.from", mail.from],
    ["outbox.to", mail.to],
    ["outbox.date", el("time", { datetime: mail.date })],
  ];
  return [
    el("h2", {}, mail.subject),
    el(
      "dl",
      { class: "facts" },
      ...facts.flatMap(([key, value]) => [say("dt", key), el("dd", {}, value)]),
    ),
    ...tabs([
      ["html", "outbox.html", () => htmlView(mail.html)],
      ["text", "outbox.text", () => textView(mail.text)],
    ]),
  ];
}

// The pattern of the ARIA Authoring Practices: one tab stop, arrow keys between tabs.
function tabs(entries) {
  const panel = el("div", {
    id: "outbox-panel",
    role: "tabpanel",
    class: "panel",
    tabindex: "0",
  });
  const buttons = entries.map(([name, key, view]) =>
    say("button", key, {
      type: "button",
      role: "tab",
      id: `outbox-tab-${name}`,
      "aria-controls": "outbox-panel",
      "data-testid": `outbox-tab-${name}`,
      onclick: (event) => select(event.currentTarget, view),
    }),
  );

  function select(button, view) {
    for (const other of buttons) {
      other.setAttribute("aria-selected", String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", button.id);
    panel.replaceChildren(view());
    apply(panel);
  }

  function onkeydown(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const index = buttons.indexOf(document.activeElement) + step;
    const next = buttons[(index + buttons.length) % buttons.length];
    next.focus();
    next.click();
  }

  select(buttons[0], entries[0][2]);
  const attributes = { role: "tablist", class: "tabs", onkeydown };
  return [el("div", { ...attributes, "data-i18n-aria-label": "outbox.view" }, ...buttons), panel];
}

function htmlView(html) {
  // Parsed but not run: a document of DOMParser has no browsing context.
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const base = parsed.createElement("base");
  base.target = "_top";
  parsed.head.prepend(base);
  // A link that wants a tab of its own would leave the outbox behind.
  for (const link of parsed.links) link.removeAttribute("target");
  return el("iframe", {
    // SECURITY: without allow-scripts and allow-same-origin a mail can neither run code
    // nor reach this page; its links may, when clicked, replace it.
    sandbox: "allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation",
    srcdoc: `<!doctype html>${parsed.documentElement.outerHTML}`,
    "data-i18n-aria-label": "outbox.html",
    "data-testid": "outbox-html",
  });
}

function textView(text) {
  const parts = text.split(/(https?:\/\/[^\s<>"]+)/);
  const nodes = parts.map((part, index) =>
    index % 2 ? el("a", { href: part }, part) : part,
  );
  return el("pre", { "data-testid": "outbox-text" }, ...nodes);
}
